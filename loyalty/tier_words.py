"""What shoppers and staff read of tiers: amounts, the way up, what keeps a tier, what it gives."""

from __future__ import annotations

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.models import TierBenefit
from loyalty.models.tier import Metric, Window
from loyalty.models.tier_benefit import BenefitKind
from loyalty.services.tier_keeping import Keeping
from loyalty.services.tier_standing import Standing
from loyalty.terms import plain
from retention.money import show


def amount(number: int, *, metric: str, currency: str) -> str:
    """Return money, orders or points in words."""
    if metric == Metric.ORDERS:
        return ngettext("%(n)s order", "%(n)s orders", number) % {"n": number}
    if metric == Metric.POINTS:
        return ngettext("%(n)s point", "%(n)s points", number) % {"n": number}
    return show(number, currency)


def so_far(standing: Standing) -> str:
    """Return what counts now and over which time, e.g. "€458.00 in the last 365 days"."""
    days = standing.window_days
    words = {
        "amount": amount(standing.qualified_minor, metric=standing.metric, currency=standing.currency),
        "days": days,
    }
    if standing.window == Window.CALENDAR:
        return _("%(amount)s this year") % words
    if standing.window == Window.LIFETIME:
        return _("%(amount)s so far") % words
    return ngettext("%(amount)s in the last %(days)s day", "%(amount)s in the last %(days)s days", days) % words


def way_up(standing: Standing) -> str:
    """Return what is missing to the next tier; empty at the top."""
    above, missing = standing.next_tier, standing.missing_minor
    if above is None:
        return ""
    if standing.metric == Metric.ORDERS:
        text = ngettext(
            "%(count)s more order and you become %(tier)s.", "%(count)s more orders and you become %(tier)s.", missing
        )
        return text % {"count": missing, "tier": above.name}
    if standing.metric == Metric.POINTS:
        text = ngettext(
            "Earn %(count)s more point to become %(tier)s.", "Earn %(count)s more points to become %(tier)s.", missing
        )
        return text % {"count": missing, "tier": above.name}
    return _("Spend %(amount)s more to become %(tier)s.") % {
        "amount": show(missing, standing.currency),
        "tier": above.name,
    }


def to_stay(keeping: Keeping, *, tier: str, metric: str, currency: str) -> str:
    """Return what keeps a tier and by when, e.g. "Spend €42.00 by 3 March to stay Gold."."""
    words = {"tier": tier, "day": date_format(keeping.last_day), "count": keeping.missing}
    if keeping.missing is None:
        return _("You are %(tier)s until %(day)s; then the new year counts.") % words
    if keeping.counts_from is not None:
        words["from"] = date_format(localtime(keeping.counts_from))
        words["amount"] = amount(keeping.missing, metric=metric, currency=currency)
        return _("You are %(tier)s until %(day)s. %(amount)s from %(from)s on keeps it for longer.") % words
    if metric == Metric.ORDERS:
        return (
            ngettext(
                "Place %(count)s more order by %(day)s to stay %(tier)s.",
                "Place %(count)s more orders by %(day)s to stay %(tier)s.",
                keeping.missing,
            )
            % words
        )
    if metric == Metric.POINTS:
        text = ngettext(
            "Earn %(count)s more point by %(day)s to stay %(tier)s.",
            "Earn %(count)s more points by %(day)s to stay %(tier)s.",
            keeping.missing,
        )
        return f"{text % words} " + _("They count once they can be used.")
    words["amount"] = show(keeping.missing, currency)
    return _("Spend %(amount)s by %(day)s to stay %(tier)s.") % words


def benefit(row: TierBenefit) -> str:
    """Return what a benefit gives, as the shopper reads it: the merchant's own words where there are any."""
    if row.words:
        return row.words
    if row.kind == BenefitKind.MULTIPLIER and row.multiplier is not None:
        return _("%(times)s times the points for each order") % {"times": plain(row.multiplier)}
    if row.kind == BenefitKind.POINTS and row.points is not None:
        return ngettext(
            "%(points)s point as a welcome to the tier", "%(points)s points as a welcome to the tier", row.points
        ) % {"points": row.points}
    if row.kind == BenefitKind.COUPON and row.offer is not None:
        return _("a coupon as a welcome to the tier: %(offer)s") % {"offer": row.offer.name}
    if row.kind == BenefitKind.SHIPPING:
        return _("free shipping, without a code to type")
    return _("early access to what is new")
