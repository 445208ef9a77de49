"""Asking for the shop's mail, and confirming it by a mailed link."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import translation
from django.utils.translation import gettext

from retention import origin as origins
from retention.conf import conf
from retention.facts import SignupConfirmed
from retention.hashing import fold
from retention.models import Consent, Customer, MailEvent, Message, Token, Topic
from retention.models.consent import Basis, Purpose
from retention.rows import lock
from retention.services import consent, customers, facts, outbox, preferences, throttle, tokens, topics
from retention.services.accounts import HOUR, TooMany
from retention.services.outbox import Promise

TEXT_VERSION = "1"


CONFIRM = "retention.confirm_signup"
KEPT = timedelta(days=30)
"""How much longer than its link a sign-up is kept that nobody confirms."""

BATCH = 1000


def consent_text(language: str = "", *, topic: str = "") -> str:
    """Return the sentence beside the sign-up form, as it is kept for evidence. ``topic``: the slug of the only one."""
    language = language or translation.get_language() or ""
    about = topics.one(topic, language)
    with translation.override(language):
        if about:
            return gettext(
                "Send me mail about this: %(topic)s. You can leave at any time by one click in each mail."
            ) % {"topic": about.name}
        return gettext("Send me offers and news by e-mail. You can leave at any time by one click in each mail.")


def ask(*, email: str, source: str, language: str, origin: str, at: datetime, topic: str = "") -> None:
    """Write down that somebody asked for mail at this address, and mail the link that confirms it.

    ``origin`` is the network address, for the limit; ``topic`` the slug of the only topic that is asked for.
    Nothing is granted yet. Raises TooMany.
    """
    if not throttle.hit(scope="signup", who=origins.network(origin), limit=conf.SIGNUPS_PER_HOUR, seconds=HOUR, at=at):
        raise TooMany
    if not throttle.hit(scope="signup-address", who=fold(email), limit=conf.CLAIM_MAILS_PER_HOUR, seconds=HOUR, at=at):
        return  # the address has its mails; the stranger who asks learns nothing
    # a member's row only where the mailbox is proven: whoever opened the account may have typed this address
    proven = Customer.objects.at_address(email).members().filter(address_proven_at__isnull=False)
    person = proven.order_by("pk").first() or customers.for_guest(email, at=at, language=language)
    if language and not person.language:
        Customer.objects.filter(pk=person.pk, language="").update(language=language)
    outbox.post(
        Promise(
            key=f"confirm-signup:{person.pk}:{at.timestamp():.0f}",
            mail=CONFIRM,
            customer=person.pk,
            values={"subject": _subject(source, topic)},
            due_at=at,
            source=f"sign-up:{source}"[:120],
            priority=100,
        ),
        at=at,
    )


def confirm(*, secret: str, origin: str, at: datetime, language: str = "") -> Customer:
    """Use the mailed link up: the mailbox is proven and marketing mail allowed. ``origin`` is a hash.

    ``language`` is that of the page, for the evidence; empty: the person's. Raises tokens.Invalid, tokens.Used,
    tokens.Expired.
    """
    with transaction.atomic():
        token = tokens.use(secret, purpose=Token.Purpose.CONFIRM, at=at)
        person = token.customer
        source, topic = source_of(token), topic_of(token)
        customers.prove_address(person, at=at)
        if topic:
            _choose(person, topic, at=at)
        consent.grant(
            person,
            purpose=Purpose.MARKETING,
            basis=Basis.DOUBLE_OPT_IN,
            source=f"sign-up:{source}"[:120],
            at=at,
            text=consent_text(language or person.language, topic=topic),
            text_version=TEXT_VERSION,
            origin=origin,
        )
        facts.publish([SignupConfirmed(customer=person.pk, at=at, source=source, topic=topic)])
    return person


def source_of(token: Token) -> str:
    """Return where the sign-up was made."""
    return "".join(token.subject.split(":")[1:2])


def topic_of(token: Token) -> str:
    """Return the slug of the only topic that was asked for; empty: all of them."""
    return "".join(token.subject.split(":")[2:])


def _subject(source: str, topic: str) -> str:
    known = topic and Topic.objects.filter(slug=topic).exists()
    return f"signup:{source[:60]}:{topic}" if known else f"signup:{source[:60]}"


def _choose(person: Customer, topic: str, *, at: datetime) -> None:
    """Want this topic, and no other one where the person gets no marketing mail yet: they asked for this."""
    wanted = {topic: True}
    if not Consent.objects.filter(customer=person, purpose=Purpose.MARKETING, granted=True).exists():
        wanted = dict.fromkeys(Topic.objects.values_list("slug", flat=True), False) | wanted
    preferences.choose_topics(person, wanted, mailbox=True, at=at)


def prune(*, at: datetime) -> int:
    """Delete guests who never confirmed their sign-up and have nothing else to their name. Returns how many."""
    count = 0
    while found := _prune(at - timedelta(days=conf.SIGNUP_DAYS) - KEPT):
        count += found
    return count


def _prune(before: datetime) -> int:
    with transaction.atomic():
        ids = lock(_unconfirmed(before).order_by("pk"), limit=BATCH)
        # what a provider told stays: the same event again is still known, and rates still count it
        MailEvent.objects.filter(message__customer__in=ids).update(message=None)
        Message.objects.filter(customer__in=ids).delete()
        Customer.objects.filter(pk__in=ids).delete()
    return len(ids)


def _unconfirmed(before: datetime) -> QuerySet[Customer]:
    mails = Message.objects.filter(customer=OuterRef("pk"))
    rows = Customer.objects.filter(
        Exists(mails.filter(mail=CONFIRM)),
        ~Exists(mails.exclude(mail=CONFIRM, created_at__lt=before)),
        ~Exists(mails.filter(state__in=[Message.State.CLAIMED, Message.State.SENDING])),
        kind=Customer.Kind.GUEST,
        user=None,
        absorbed_into=None,
        address_proven_at=None,
        erased_at=None,
        created_at__lt=before,
    )
    # whatever any app keeps about a customer, ours or the merchant's own
    for relation in Customer._meta.related_objects:
        if relation.related_model not in (Message, Token):
            others: Any = relation.related_model
            rows = rows.filter(~Exists(others._base_manager.filter(**{relation.field.name: OuterRef("pk")})))
    return rows.exclude(Exists(Token.objects.filter(customer=OuterRef("pk")).exclude(purpose=Token.Purpose.CONFIRM)))
