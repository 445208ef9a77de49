"""What a person wants of our mail: yes or no by purpose, topics, how often, a pause, and the undo of each change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext

from retention.hashing import address_hash
from retention.models import Consent, Customer, Preference, Suppression, Topic, TopicChoice
from retention.models.consent import Purpose
from retention.services import consent, profile, standing, wishes
from retention.services.profile import Shown
from retention.services.standing import Standing

PAUSE = timedelta(days=30)
TEXT_VERSION = "1"


class TooLate(Exception):
    """Something else was changed after that, or the undo is too old: nothing was put back."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody chose; None and what is not named stay as they are."""

    marketing: bool | None = None
    survey: bool | None = None
    topics: Mapping[str, bool] | None = None
    """Slug → whether it is wanted."""
    every_days: int | None = None
    pause: bool | None = None
    """Whether to begin a pause of ``PAUSE`` from now, or to end one."""


@dataclass(frozen=True, kw_only=True)
class Present:
    """How it stands, for the page."""

    marketing: bool
    survey: bool
    left_out: frozenset[str]
    """Slugs."""
    every_days: int
    paused_until: datetime | None
    stopped: bool
    """Nothing is sent whatever they choose: mail came back, or was complained of."""


def texts(language: str = "") -> dict[str, str]:
    """Return the sentence beside each box, as it is kept for evidence."""
    with translation.override(language or translation.get_language()):
        return {
            Purpose.MARKETING: gettext(
                "Offers and news by e-mail. I can end them at any time by one click in each mail."
            ),
            Purpose.SURVEY: gettext("A short question by e-mail now and then about how an order went."),
        }


def leaving_text(language: str = "") -> str:
    """Return the words of the button that stops all, as they are kept for evidence."""
    with translation.override(language or translation.get_language()):
        return gettext("Stop all mail but that about my own orders and account")


def person(number: int) -> Customer | None:
    """Return the customer of a link; a guest's who has an account now is the member's."""
    found = Customer.objects.filter(pk=number).select_related("absorbed_into").first()
    return (found.absorbed_into or found) if found else None


def present(customer: Customer, *, mailbox: bool, at: datetime) -> Present:
    """Return how it stands. Who only typed the address learns nothing of what its owner said elsewhere."""
    answers = dict(Consent.objects.filter(customer=customer, channel="email").values_list("purpose", "granted"))
    stops: set[str] = set()
    if mailbox and customer.email:
        rows = Suppression.objects.filter(address_hash=address_hash(customer.email))
        stops = set(rows.exclude(reason=Suppression.Reason.ERASED).values_list("scope", flat=True))
    heard = wishes.voices(customer) if mailbox else Customer.objects.filter(pk=customer.pk)
    left_out = TopicChoice.objects.filter(customer__in=heard, wanted=False).values_list("topic__slug", flat=True)
    paces = list(Preference.objects.filter(customer__in=heard))
    until = [row.paused_until for row in paces if row.paused_until and row.paused_until > at]
    own = [row.every_days for row in paces if row.customer_id == customer.pk]
    return Present(
        marketing=answers.get(Purpose.MARKETING, False) and Purpose.MARKETING not in stops,
        survey=answers.get(Purpose.SURVEY, True) and Purpose.SURVEY not in stops,
        left_out=frozenset(left_out),
        every_days=(own or [row.every_days for row in paces] or [Preference.Every.ANY])[0],
        paused_until=max(until, default=None),
        stopped=Suppression.Scope.ALL in stops,
    )


def save(customer: Customer, wish: Wish, *, shown: Shown, mailbox: bool, at: datetime, language: str = "") -> str:
    """Write down what was chosen; only what differs is a choice: a box that stood as it was left says nothing new.

    ``mailbox``: it was chosen by a mailed link, or by an account whose address is proven, so it holds for the
    address. ``shown`` holds the source and the hash of the origin, ``language`` is that of the page. Returns the
    signed undo, empty where nothing changed. Raises profile.Erased.
    """
    with _changing(customer, mailbox=mailbox) as change:
        now = present(change.customer, mailbox=change.mailbox, at=at)
        for purpose, wanted, stood in (
            (Purpose.MARKETING, wish.marketing, now.marketing),
            (Purpose.SURVEY, wish.survey, now.survey),
        ):
            if wanted is not None and wanted != stood:
                said = replace(shown, text=texts(language)[purpose])
                _answer(change.customer, purpose, wanted, shown=said, mailbox=change.mailbox, at=at)
        changed = {slug: wanted for slug, wanted in (wish.topics or {}).items() if wanted == (slug in now.left_out)}
        if changed:
            choose_topics(change.customer, changed, mailbox=change.mailbox, at=at)
        if wish.every_days is not None and wish.every_days != now.every_days:
            _pace(change.customer, {"every_days": wish.every_days}, mailbox=change.mailbox, at=at)
        if wish.pause or (wish.pause is False and now.paused_until):
            _pace(change.customer, {"paused_until": at + PAUSE if wish.pause else None}, mailbox=change.mailbox, at=at)
    return change.undo


def leave(customer: Customer, *, shown: Shown, mailbox: bool, at: datetime) -> str:
    """Stop marketing mail and surveys; said so that no later soft opt-in outweighs it. Returns the signed undo."""
    with _changing(customer, mailbox=mailbox) as change:
        for purpose in Purpose:
            _answer(change.customer, purpose, False, shown=shown, mailbox=change.mailbox, at=at)
    return change.undo


def unsubscribe(customer: Customer, *, purpose: str, source: str, mailbox: bool, at: datetime, origin: str = "") -> str:
    """Stop mail of a purpose by the link of a mail. Returns the signed undo, empty where it was stopped already."""
    with _changing(customer, mailbox=mailbox) as change:
        consent.unsubscribe(
            change.customer, purpose=purpose, source=source, at=at, origin=origin, mailbox=change.mailbox
        )
    return change.undo


def undo(customer: Customer, signed: str, *, mailbox: bool, at: datetime) -> None:
    """Put back exactly what stood before a change. Twice is once. Raises TooLate."""
    with _changing(customer, mailbox=mailbox) as change:
        kept = standing.unsign(signed, customer=change.customer, mailbox=change.mailbox)
        if kept is None:
            raise TooLate
        now = change.before
        if now == kept["before"]:
            return
        if standing.digest(now) != kept["after"]:
            raise TooLate
        standing.restore(change.customer, now=now, then=kept["before"], voices=change.voices, at=at)


@dataclass(kw_only=True)
class Change:
    """One change of one person, under way."""

    customer: Customer
    mailbox: bool
    """Whether it holds for the address."""
    voices: list[int]
    before: Standing
    undo: str = ""


@contextmanager
def _changing(customer: Customer, *, mailbox: bool) -> Iterator[Change]:
    """Hold the person's row in a transaction; at its end the change knows its undo, where it changed anything."""
    with transaction.atomic():
        # one person's two clicks at once are two changes, one after the other
        row = Customer.objects.select_for_update().get(pk=customer.pk)
        mailbox = mailbox and wishes.speaks(row)  # the account may have got another address a moment ago
        heard = sorted(wishes.voices(row).values_list("pk", flat=True)) if mailbox else [row.pk]
        before = standing.read(row, voices=heard, mailbox=mailbox)
        change = Change(customer=row, mailbox=mailbox, voices=heard, before=before)
        yield change
        after = standing.read(row, voices=heard, mailbox=mailbox)
        if after != change.before:
            change.undo = standing.sign(row, before=change.before, after=after, mailbox=mailbox)


def _answer(customer: Customer, purpose: Purpose, granted: bool, *, shown: Shown, mailbox: bool, at: datetime) -> None:
    said = replace(shown, version=TEXT_VERSION)
    profile.choose(customer, purpose=purpose, granted=granted, shown=said, mailbox=mailbox, at=at)


def choose_topics(customer: Customer, wanted: Mapping[str, bool], *, mailbox: bool, at: datetime) -> None:
    """Write down which topics are wanted, by slug; what there is no topic for any more is left out."""
    known = dict(Topic.objects.filter(slug__in=wanted).values_list("slug", "pk"))
    TopicChoice.objects.bulk_create(
        [
            TopicChoice(customer=customer, topic_id=known[slug], wanted=wanted[slug], changed_at=at)
            for slug in sorted(known)
        ],
        update_conflicts=True,
        unique_fields=["customer", "topic"],
        update_fields=["wanted", "changed_at"],
    )
    if mailbox:
        others = TopicChoice.objects.filter(customer__in=wishes.voices(customer)).exclude(customer=customer)
        for answer in (True, False):
            slugs = [slug for slug in known if wanted[slug] is answer]
            others.filter(topic__slug__in=slugs).exclude(wanted=answer).update(wanted=answer, changed_at=at)


def _pace(customer: Customer, values: Mapping[str, object], *, mailbox: bool, at: datetime) -> None:
    Preference.objects.update_or_create(customer=customer, defaults={**values, "changed_at": at})
    if mailbox:
        others = Preference.objects.filter(customer__in=wishes.voices(customer)).exclude(customer=customer)
        others.update(**values, changed_at=at)
