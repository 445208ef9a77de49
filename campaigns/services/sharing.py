"""Shared codes: a word that anybody may use who hears it, so often in all and no oftener."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from campaigns import validity
from campaigns.models import Coupon, Offer
from campaigns.services import codes, coupons, engine, offers
from campaigns.services.coupons import CodeTaken, Wish
from campaigns.services.extending import LATEST
from campaigns.terms import Terms

SHORTEST = 4
"""Letters and digits of a shared code."""
KEY = "shared:{}"

__all__ = ["CodeTaken", "NotPossible", "Shared", "look", "share"]


class NotPossible(Exception):
    """A shared code cannot be like this; ``field`` names the part of the wish that is to blame."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


@dataclass(frozen=True, kw_only=True)
class Shared:
    """A shared code as it would be."""

    code: str
    terms: Terms
    cap: int
    """Uses of all people together."""
    currency: str
    starts_at: datetime | None
    """None: at once."""
    expires_at: datetime

    @property
    def letters(self) -> int:
        """How long the code is, hyphens aside."""
        return _length(self.code)


def look(
    offer: Offer,
    *,
    code: str,
    cap: int,
    starts_on: date | None = None,
    ends_on: date | None = None,
    currency: str = "",
    at: datetime,
) -> Shared:
    """Return what ``share`` would make of this, and make nothing. Raises NotPossible, CodeTaken.

    Days are the shop's; None: as the offer says. ``currency`` empty: the offer's first.
    """
    reason = offers.closed(offer, at=at)
    if reason:
        raise NotPossible("offer", str(reason.label))
    terms = offers.current(offer).terms
    starts_at, expires_at = _dates(terms, starts_on, ends_on, at=at)
    if cap < 1:
        raise NotPossible("cap", _("How often may it be used in all? At least once."))
    allowed = [money.currency for money in terms.money]
    if currency and currency not in allowed:
        raise NotPossible("currency", _("The offer says nothing in this currency."))
    name = _code(code)
    if Coupon.objects.filter(code=name).exists() or engine.current().taken([name]):
        raise CodeTaken
    return Shared(
        code=name,
        terms=terms,
        cap=cap,
        currency=currency or next(iter(allowed), ""),
        starts_at=starts_at,
        expires_at=expires_at,
    )


def _code(typed: str) -> str:
    code = codes.normal(typed)
    if not code:
        raise NotPossible("code", _("A code has letters from A to Z, digits and hyphens, up to 40 of them."))
    if _length(code) < SHORTEST:
        raise NotPossible("code", _("It is too short: at least %(n)s letters or digits.") % {"n": SHORTEST})
    return code


def _length(code: str) -> int:
    return len(code.replace("-", ""))


def _dates(
    terms: Terms, starts_on: date | None, ends_on: date | None, *, at: datetime
) -> tuple[datetime | None, datetime]:
    for field, day in (("starts_on", starts_on), ("ends_on", ends_on)):
        if day and day > LATEST:
            raise NotPossible(field, _("This day is too far away."))
        if day and terms.ends_on and day > terms.ends_on:
            raise NotPossible(field, _("The offer ends on %(day)s.") % {"day": _show(terms.ends_on)})
    if starts_on and ends_on and ends_on < starts_on:
        raise NotPossible("ends_on", _("It ends before it begins."))
    today = at.astimezone(validity.zone()).date()
    if ends_on and ends_on < today:
        raise NotPossible("ends_on", _("This day is over."))
    if starts_on and terms.starts_on and starts_on < terms.starts_on:
        raise NotPossible("starts_on", _("The offer begins on %(day)s.") % {"day": _show(terms.starts_on)})
    later = starts_on if starts_on and starts_on > today else terms.starts_on
    starts_at, expires_at = validity.of(replace(terms, starts_on=later), at=at)
    if ends_on:
        expires_at = validity.begin_of(ends_on + timedelta(days=1))
    if starts_at and expires_at <= starts_at:
        raise NotPossible("ends_on", _("It ends before it begins."))
    return starts_at, expires_at


def _show(day: date) -> str:
    return date_format(day, "DATE_FORMAT")


def share(offer: Offer, shared: Shared, *, key: str, source: str, at: datetime) -> Coupon:
    """Make a shared code as ``look`` returned it. The same ``key`` again returns the same coupon.

    ``source`` says who made it, e.g. ``staff:7``. Raises CodeTaken where somebody else was faster,
    NotPossible where the offer was closed meanwhile.
    """
    wish = Wish(
        key=KEY.format(key),
        code=shared.code,
        cap=shared.cap,
        currency=shared.currency,
        starts_at=shared.starts_at,
        expires_at=shared.expires_at,
    )
    issued = coupons.issue_many([wish], offer=offer, source=source, at=at)
    for reason in issued.refused.values():
        raise NotPossible("offer", str(reason.label))
    coupon = issued.coupons[wish.key]
    if coupon.code != shared.code:
        raise CodeTaken
    return coupon


def made(key: str) -> Coupon | None:
    """Return the coupon that was shared with this key; None where none was yet."""
    return Coupon.objects.filter(key=KEY.format(key)).first()
