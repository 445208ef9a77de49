"""Limits of an offer in words, with what is taken of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.models import OfferLimit
from campaigns.terms import Period
from retention import counts
from retention.money import show


def sentences(limits: Sequence[OfferLimit], taken: Mapping[int, int]) -> Iterator[str]:
    """Yield a sentence a limit; ``taken``: limit id → what is taken of it in the present period."""
    if not limits:
        yield _("There is no limit over all coupons and people.")
    for limit in limits:
        so_far = taken.get(limit.pk, 0)
        said = {"most": amount(limit, limit.most), "taken": amount(limit, so_far)}
        yield (_no_more(limit.period) if so_far >= limit.most else _at_most(limit.period)) % said


def amount(limit: OfferLimit, n: int) -> str:
    """Return so much of what a limit counts, e.g. "3 uses" or "€12.00"."""
    if limit.measure == OfferLimit.Measure.USES:
        return ngettext("%(n)s use", "%(n)s uses", n) % {"n": counts.show(n)}
    return show(n, limit.currency)


def _at_most(period: str) -> str:
    match period:
        case Period.DAY:
            return _("At most %(most)s a day, over all coupons and people; taken today: %(taken)s.")
        case Period.WEEK:
            return _("At most %(most)s a week, over all coupons and people; taken since Monday: %(taken)s.")
        case Period.MONTH:
            return _("At most %(most)s a month, over all coupons and people; taken this month: %(taken)s.")
        case Period.YEAR:
            return _("At most %(most)s a year, over all coupons and people; taken this year: %(taken)s.")
    return _("At most %(most)s in all, over all coupons and people; taken so far: %(taken)s.")


def _no_more(period: str) -> str:
    match period:
        case Period.DAY:
            return _("No more today: the limit is %(most)s a day, and taken today: %(taken)s.")
        case Period.WEEK:
            return _("No more this week: the limit is %(most)s a week, and taken since Monday: %(taken)s.")
        case Period.MONTH:
            return _("No more this month: the limit is %(most)s a month, and taken this month: %(taken)s.")
        case Period.YEAR:
            return _("No more this year: the limit is %(most)s a year, and taken this year: %(taken)s.")
    return _("No more: the limit is %(most)s in all, and taken so far: %(taken)s.")
