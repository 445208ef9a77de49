"""What a present is, in words: for shoppers and for staff."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from django.utils.translation import gettext as _

from campaigns import wording
from campaigns.models import OfferVersion
from campaigns.terms import Terms
from loyalty import showing
from loyalty.models import Challenge, GiftVersion, Present, Rate
from loyalty.models.gift import Gives


def terms_of(offers: Collection[int | None]) -> dict[int, Terms]:
    """Return offer → the terms that its new coupons get. One query."""
    found: dict[int, Terms] = {}
    versions = OfferVersion.objects.filter(offer__in={pk for pk in offers if pk})
    for version in versions.order_by("number"):
        found[version.offer_id] = version.terms
    return found


def what(row: GiftVersion | Challenge | Present, terms: Mapping[int, Terms], rates: Sequence[Rate] = ()) -> str:
    """Return what somebody gets, e.g. "50 points" or "a coupon for €5.00 off"; ``terms`` from ``terms_of``.

    ``rates``: ``queries.worth_rates()``, for shoppers; where points are shown as money it is money.
    """
    if row.gives == Gives.POINTS:
        return showing.gain(row.points or 0, rates)
    if row.gives == Gives.TASK:
        return row.thing
    promised = terms.get(row.offer_id or 0)
    if promised is None:
        return _("a coupon")
    money = next(iter(promised.money), None)
    return _("a coupon: %(gives)s") % {
        "gives": " ".join(filter(None, (wording.gives(promised, money), wording.minimum(money))))
    }
