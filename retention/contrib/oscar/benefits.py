"""What a coupon of ours takes off: an amount, a percentage, a product. Shipping is Oscar's own.

Oscar's benefits reckon in net prices by default, so that "5 off" takes 6 from a basket with 20 % tax, and they
give nothing where one of the shop's offers has been. These take what the shopper was promised, tax included,
from what is left to pay; how much that is says the plan.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import Any

from django.conf import settings
from django.utils.html import escape
from django.utils.translation import gettext as _
from oscar.core.loading import get_class
from oscar.templatetags.currency_filters import currency as show

from retention.contrib.oscar import plan
from retention.contrib.oscar.models import SharedOffer


class CouponBenefit:
    """Made by Oscar from a Benefit row whose ``proxy_class`` names a subclass. A plain class, like our condition."""

    value: Decimal

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    @cached_property
    def shared(self) -> SharedOffer | None:
        return SharedOffer.objects.filter(benefit_id=self.__dict__["id"]).first()

    @property
    def promised(self) -> Decimal:
        """What holders get; a value that somebody has changed in the dashboard since is not it."""
        return self.shared.value if self.shared else self.value

    @property
    def name(self) -> str:
        raise NotImplementedError

    @property
    def description(self) -> str:
        """The name as HTML: templates of Oscar print it unescaped."""
        return escape(self.name)

    def __str__(self) -> str:
        return self.name

    def apply(self, basket: Any, condition: Any, offer: Any) -> Any:
        """Take the discount from the basket's lines and return Oscar's result."""
        voucher = offer.get_voucher()
        taking = plan.taking(basket, voucher) if voucher is not None else None
        if taking is None:
            return get_class("offer.results", "BasketDiscount")(Decimal(0))
        taken = plan.of(basket).taken
        # Oscar's voucher form reckons a basket again without taking off first what is on it
        if voucher.pk not in taken:
            taken.add(voucher.pk)
            for line, share in taking.shares.items():
                _discount(line, share, offer)
        return get_class("offer.results", "BasketDiscount")(taking.total)

    def apply_deferred(self, basket: Any, order: Any, application: Any) -> None:
        """Nothing happens after the order is placed."""

    def shipping_discount(self, charge: Decimal, currency: str | None = None) -> Decimal:
        return Decimal("0.00")


class Percentage(CouponBenefit):
    @property
    def name(self) -> str:
        return _("%(percent)s %% off") % {"percent": f"{self.promised.normalize():f}"}


class Amount(CouponBenefit):
    @property
    def name(self) -> str:
        if not self.promised:
            return _("Each coupon's own amount off")
        currency = self.shared.currency if self.shared else ""
        return _("%(amount)s off") % {"amount": show(self.promised, currency or None)}


class FreeProduct(CouponBenefit):
    """The cheapest single piece of its goods is free."""

    @property
    def name(self) -> str:
        return _("The cheapest piece free")


def _discount(line: Any, gross: Decimal, offer: Any) -> None:
    """Take ``gross`` from a line, in the sense (with tax or without) in which its other discounts are counted."""
    in_gross = bool(line.is_tax_known and getattr(settings, "OSCAR_OFFERS_INCL_TAX", False))
    if line.discounts.incl_tax:
        in_gross = True
    elif line.discounts.excl_tax:
        in_gross = False
    ratio = line.unit_price_excl_tax / line.unit_price_incl_tax if line.is_tax_known and not in_gross else Decimal(1)
    line.discount(gross * ratio, line.quantity, incl_tax=in_gross, offer=offer)
