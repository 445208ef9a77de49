"""What a coupon of ours takes off: an amount, a percentage, a product. Shipping is Oscar's own.

Oscar's benefits reckon in net prices by default, so that "5 off" takes 6 from a basket with 20 % tax, and they
give nothing where one of the shop's offers has been. These take what the shopper was promised, tax included,
from what is left to pay.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any

from babel.numbers import get_currency_precision
from django.conf import settings
from django.utils.html import escape
from django.utils.translation import gettext as _
from oscar.core.loading import get_class
from oscar.templatetags.currency_filters import currency as show

from retention.contrib.oscar import host
from retention.contrib.oscar.models import SharedOffer


class CouponBenefit:
    """Made by Oscar from a Benefit row whose ``proxy_class`` names a subclass. A plain class, like our condition."""

    value: Decimal

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)
        self.range_id: int | None = fields.get("range_id")

    @cached_property
    def range(self) -> Any | None:
        return host.product_range()._default_manager.get(pk=self.range_id) if self.range_id else None

    @cached_property
    def currency(self) -> str | None:
        shared = SharedOffer.objects.filter(benefit_id=self.__dict__["id"]).first()
        return (shared.currency if shared else "") or None

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
        parts = [(line, rest) for line in basket.all_lines() if (rest := self._left(line, offer)) > 0]
        unit = Decimal(1).scaleb(-get_currency_precision(basket.currency)) if parts else Decimal(1)
        parts = self.pick(parts)
        left = [price for _line, price in parts]
        total = min(self.amount(left, unit), sum(left, start=Decimal(0)))
        for (line, _price), share in zip(parts, spread(total, left, unit), strict=True):
            if share:
                _discount(line, share, offer)
        return get_class("offer.results", "BasketDiscount")(total)

    def pick(self, parts: list[tuple[Any, Decimal]]) -> list[tuple[Any, Decimal]]:
        """Return those lines, with what is left to pay for each, that the discount is taken from."""
        return parts

    def amount(self, left: Sequence[Decimal], unit: Decimal) -> Decimal:
        """Return the discount, given what is left to pay for each line; ``unit`` is the currency's smallest."""
        raise NotImplementedError

    def _left(self, line: Any, offer: Any) -> Decimal:
        """Return what of this line's price the coupon may take from, tax included where it is known."""
        if not line.stockrecord_id or not line.product.is_discountable:
            return Decimal(0)
        if self.range is not None and not self.range.contains_product(line.product):
            return Decimal(0)
        if any(_ours_alone(other) for other in line.discounts.consumers if other != offer):
            return Decimal(0)
        if offer.exclusive:
            # only what no other offer has touched
            return Decimal(line.quantity_without_offer_discount(offer)) * (_unit_price(line) or Decimal(0))
        price = (
            line.line_price_incl_tax_incl_discounts if line.is_tax_known else line.line_price_excl_tax_incl_discounts
        )
        return Decimal(price or 0)

    def apply_deferred(self, basket: Any, order: Any, application: Any) -> None:
        """Nothing happens after the order is placed."""

    def shipping_discount(self, charge: Decimal, currency: str | None = None) -> Decimal:
        return Decimal("0.00")


class Percentage(CouponBenefit):
    @property
    def name(self) -> str:
        return _("%(percent)s %% off") % {"percent": f"{self.value.normalize():f}"}

    def amount(self, left: Sequence[Decimal], unit: Decimal) -> Decimal:
        return (sum(left, start=Decimal(0)) * min(self.value, Decimal(100)) / 100).quantize(unit, ROUND_HALF_UP)


class Amount(CouponBenefit):
    @property
    def name(self) -> str:
        return _("%(amount)s off") % {"amount": show(self.value, self.currency)}

    def amount(self, left: Sequence[Decimal], unit: Decimal) -> Decimal:
        return self.value


class FreeProduct(CouponBenefit):
    """The cheapest single piece of the range is free."""

    @property
    def name(self) -> str:
        return _("The cheapest piece free")

    def pick(self, parts: list[tuple[Any, Decimal]]) -> list[tuple[Any, Decimal]]:
        pieces = [(line, min(left, left / line.quantity)) for line, left in parts]
        return sorted(pieces, key=lambda piece: (piece[1], piece[0].pk))[:1]

    def amount(self, left: Sequence[Decimal], unit: Decimal) -> Decimal:
        return sum(left, start=Decimal(0)).quantize(unit, ROUND_DOWN)


def spread(total: Decimal, weights: Sequence[Decimal], unit: Decimal) -> list[Decimal]:
    """Divide ``total`` by weight into multiples of ``unit`` that add up to it; no share exceeds its weight.

    ``total`` is at most the sum of the weights. What rounding leaves goes to the last lines that have room.
    """
    whole = sum(weights, start=Decimal(0))
    if not whole or not total:
        return [Decimal(0) for _ in weights]
    shares = [(total * weight / whole).quantize(unit, ROUND_DOWN) for weight in weights]
    rest = total - sum(shares, start=Decimal(0))
    for index in reversed(range(len(shares))):
        more = min(rest, weights[index] - shares[index])
        shares[index] += more
        rest -= more
    return shares


def _unit_price(line: Any) -> Decimal | None:
    price: Decimal | None = line.unit_price_incl_tax if line.is_tax_known else line.unit_price_excl_tax
    return price


def _ours_alone(offer: Any) -> bool:
    """Whether an applied offer is a coupon of ours that does not combine."""
    return bool(offer.exclusive and (offer.condition.proxy_class or "").startswith("retention.contrib.oscar."))


def _discount(line: Any, gross: Decimal, offer: Any) -> None:
    """Take ``gross`` from a line, in the sense (with tax or without) in which its other discounts are counted."""
    in_gross = bool(line.is_tax_known and getattr(settings, "OSCAR_OFFERS_INCL_TAX", False))
    if line.discounts.incl_tax:
        in_gross = True
    elif line.discounts.excl_tax:
        in_gross = False
    ratio = line.unit_price_excl_tax / line.unit_price_incl_tax if line.is_tax_known and not in_gross else Decimal(1)
    line.discount(gross * ratio, line.quantity, incl_tax=in_gross, offer=offer)
