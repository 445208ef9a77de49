"""What making codes will do, in words, before they are made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import validity, wording
from campaigns.models import Offer, OfferLimit
from campaigns.services import limits
from campaigns.services.sharing import Shared
from campaigns.terms import Kind, Terms
from retention import counts
from retention.money import show

GUESSED = 8
"""A shared code of fewer letters than this is guessed by trying."""


def bulk(offer: Offer, terms: Terms, *, count: int, currency: str, at: datetime) -> list[str]:
    """Return what a batch will be, a sentence each."""
    starts_at, expires_at = validity.of(terms, at=at)
    currency = currency or next((money.currency for money in terms.money), "")
    return [
        ngettext(
            "%(n)s code of “%(offer)s” is made, in the background: you may close the page.",
            "%(n)s codes of “%(offer)s” are made, in the background: you may close the page.",
            count,
        )
        % {"n": counts.show(count), "offer": offer.name},
        *_promise(terms, currency),
        _dates(starts_at, expires_at),
        _("Each is nobody's own: whoever has it can use it."),
        ngettext("Each can be used once.", "Each can be used %(n)s times.", terms.uses) % {"n": terms.uses},
        *cost(offer, terms, uses=count * terms.uses, currency=currency),
    ]


def shared(offer: Offer, code: Shared) -> list[str]:
    """Return what a shared code will be, a sentence each."""
    return [
        _("The code is %(code)s, of “%(offer)s”.") % {"code": code.code, "offer": offer.name},
        *_promise(code.terms, code.currency),
        _dates(code.starts_at, code.expires_at),
        ngettext("It can be used once in all.", "It can be used %(n)s times in all.", code.cap)
        % {"n": counts.show(code.cap)},
        ngettext(
            "Each person can use this code once; spellings of one mailbox count as one person.",
            "Each person can use this code %(n)s times; spellings of one mailbox count as one person.",
            code.terms.uses,
        )
        % {"n": code.terms.uses},
    ]


def risks(offer: Offer, code: Shared) -> list[str]:
    """Return what staff should know before a shared code is out, a sentence each."""
    guessed = (
        ngettext(
            "It has only %(n)s letter: it can be guessed. A longer one with some digits is safer.",
            "It has only %(n)s letters: it can be guessed. A longer one with some digits is safer.",
            code.letters,
        )
        % {"n": code.letters}
        if code.letters < GUESSED
        else _("A word that people know can be guessed, however long it is; some digits make it safer.")
    )
    return [
        _("Anybody who hears the code can use it, and codes like it end up on public lists."),
        guessed,
        *cost(offer, code.terms, uses=code.cap, currency=code.currency),
    ]


def cost(offer: Offer, terms: Terms, *, uses: int, currency: str) -> Iterator[str]:
    """Yield what so many uses can cost at most, and what the offer's budget says to that."""
    budgets = [
        limit for limit in limits.of([offer.pk])[offer.pk]
        if limit.measure == OfferLimit.Measure.DISCOUNT and (not currency or limit.currency == currency)
    ]  # fmt: skip
    money = terms.in_currency(currency)
    if terms.kind == Kind.AMOUNT and money is not None and money.amount is not None:
        yield _("They can cost at most %(n)s × %(each)s = %(all)s.") % {
            "n": counts.show(uses),
            "each": show(money.amount, money.currency),
            "all": show(money.amount * uses, money.currency),
        }
    elif terms.kind == Kind.PERCENTAGE:
        yield _("What that can cost cannot be said: a percentage grows with the basket.")
    elif terms.kind == Kind.FREE_SHIPPING:
        yield _("What that can cost cannot be said: it depends on what shipping would have cost.")
    else:
        yield _("What that can cost cannot be said: it depends on which product is free.")
    for limit in budgets:
        yield _("The offer's budget ends it at %(most)s, %(period)s.") % {
            "most": show(limit.most, limit.currency),
            "period": limit.get_period_display(),
        }
    if not budgets and terms.kind != Kind.AMOUNT:
        yield _("Set a budget in the offer, and it can never cost more than that.")


def _promise(terms: Terms, currency: str) -> Iterator[str]:
    money = terms.in_currency(currency)
    gives, least = wording.gives(terms, money), wording.minimum(money)
    yield _("%(gives)s, on goods %(minimum)s.") % {"gives": gives, "minimum": least} if least else f"{gives}."
    if said := wording.limits(terms):
        yield _("Terms: %(limits)s.") % {"limits": said}


def _dates(starts_at: datetime | None, expires_at: datetime) -> str:
    until = date_format(validity.last_day(expires_at), "DATE_FORMAT")
    if starts_at is None:
        return _("Good until %(until)s, that day included.") % {"until": until}
    since = date_format(starts_at.astimezone(validity.zone()), "DATE_FORMAT")
    return _("Good from %(since)s until %(until)s, both days included.") % {"since": since, "until": until}
