"""Conditions on the coupons that somebody has, or has used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.models import Coupon, Offer, Redemption
from campaigns.queries import SPENT
from retention import same_person
from retention.registry import Condition


def _offers() -> list[tuple[str, str]]:
    return list(Offer.objects.order_by("name", "slug").values_list("slug", "name"))


class OfferForm(forms.Form):
    offer = forms.ChoiceField(label=gettext_lazy("offer"), choices=_offers)


class HoldsCoupon(Condition):
    name = "campaigns.holds_coupon"
    label = gettext_lazy("has a coupon of an offer that can be used now")
    form = OfferForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        held = Coupon.objects.redeemable(at=at).filter(offer__slug=_slug(parameters))
        return same_person.any_of(held)

    def words(self, parameters: Mapping[str, Any]) -> str:
        return _("can use a coupon of “%(offer)s”") % {"offer": parameters.get("offer", "?")}

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        return _("has no coupon of “%(offer)s” to use") % {"offer": parameters.get("offer", "?")}


class UsedOffer(Condition):
    """An order of theirs had a coupon of the offer, and did not give it back."""

    name = "campaigns.used_offer"
    label = gettext_lazy("has used an offer")
    form = OfferForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        used = Redemption.objects.filter(offer__slug=_slug(parameters), state__in=SPENT)
        return same_person.any_of(used)

    def words(self, parameters: Mapping[str, Any]) -> str:
        return _("has used a coupon of “%(offer)s”") % {"offer": parameters.get("offer", "?")}

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        return _("has not used a coupon of “%(offer)s”") % {"offer": parameters.get("offer", "?")}


def _slug(parameters: Mapping[str, Any]) -> str:
    """Return the offer's short name. One that is gone is nobody's; whoever negates asks ``clean`` before."""
    slug = parameters.get("offer")
    if not isinstance(slug, str) or not slug:
        raise ValueError(_("Which offer?"))
    return slug


HOLDS_COUPON, USED_OFFER = HoldsCoupon(), UsedOffer()
ALL = (HOLDS_COUPON, USED_OFFER)
