"""For whom and for which basket a coupon of ours is good; and why not."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import Any

from django.utils.html import escape
from django.utils.translation import gettext as _
from oscar.templatetags.currency_filters import currency as show

from retention.contrib.oscar import host, shopper
from retention.contrib.oscar.models import CouponTerms, SharedOffer


class CouponCondition:
    """Made by Oscar from a Condition row whose ``proxy_class`` names this class.

    A plain class: a subclass of Oscar's model would need a migration that hangs on the host's.
    """

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)
        self.range_id: int | None = fields.get("range_id")

    @cached_property
    def shared(self) -> SharedOffer | None:
        return SharedOffer.objects.filter(condition_id=self.__dict__["id"]).first()

    @cached_property
    def range(self) -> Any | None:
        """The products it is for; None for all of them."""
        return host.product_range()._default_manager.get(pk=self.range_id) if self.range_id else None

    @property
    def name(self) -> str:
        """What the dashboard calls it."""
        if self.shared is None:
            return _("Coupon of an offer that is gone")
        if self.shared.minimum is None:
            return _("Coupon of “%(offer)s”, for its owner") % {"offer": self.shared.reference}
        return _("Coupon of “%(offer)s”, for its owner, from %(minimum)s") % {
            "offer": self.shared.reference,
            "minimum": show(self.shared.minimum, self.shared.currency or None),
        }

    @property
    def description(self) -> str:
        """The name as HTML: templates of Oscar print it unescaped."""
        return escape(self.name)

    def __str__(self) -> str:
        return self.name

    def is_satisfied(self, offer: Any, basket: Any) -> bool:
        return self.refusal(offer, basket) is None

    def is_partially_satisfied(self, offer: Any, basket: Any) -> bool:
        return self.refusal(offer, basket) == "minimum"

    def refusal(self, offer: Any, basket: Any) -> str | None:
        """Return why the basket may not use the offer's coupon, as a word for staff; None when it may."""
        voucher = offer.get_voucher()
        terms = terms_of(voucher) if voucher is not None else None
        if terms is None:
            return "no_coupon"
        if terms.shared.currency and basket.currency != terms.shared.currency:
            return "currency"
        who = shopper.of_basket(basket)
        # before a guest has said who they are the discount is shown; at the checkout, with the address, it goes
        if terms.is_owned and who.is_known and not who.owns(user_id=terms.user_id, owner_key=terms.owner_key):
            return "owner"
        if terms.uses > 1 and voucher.applications.count() >= terms.uses:
            return "used"
        lines = self.lines(basket)
        if not lines:
            return "products"
        if terms.shared.minimum is not None and self._worth(lines) < terms.shared.minimum:
            return "minimum"
        return None

    def lines(self, basket: Any) -> list[Any]:
        """Return the lines of the basket that count."""
        return [line for line in basket.all_lines() if self.can_apply_condition(line)]

    def can_apply_condition(self, line: Any) -> bool:
        if not line.stockrecord_id or not line.product.is_discountable:
            return False
        return self.range is None or bool(self.range.contains_product(line.product))

    def _worth(self, lines: list[Any]) -> Decimal:
        """What the lines cost before any discount, tax included where it is known."""
        prices = [line.line_price_incl_tax if line.is_tax_known else line.line_price_excl_tax for line in lines]
        return sum((price for price in prices if price is not None), start=Decimal(0))

    def get_upsell_message(self, offer: Any, basket: Any) -> str | None:
        voucher = offer.get_voucher()
        terms = terms_of(voucher) if voucher is not None else None
        if terms is None or terms.shared.minimum is None or self.refusal(offer, basket) != "minimum":
            return None
        missing = terms.shared.minimum - self._worth(self.lines(basket))
        return _("Spend %(amount)s more to use your coupon.") % {"amount": show(missing, basket.currency)}

    def consume_items(self, offer: Any, basket: Any, affected_lines: Any) -> None:
        """Nothing: the condition asks what is in the basket and uses none of it up."""


def terms_of(voucher: Any) -> CouponTerms | None:
    """Return the terms of a voucher of ours, None for another. One query per voucher and request."""
    if not hasattr(voucher, "_retention_terms"):
        voucher._retention_terms = CouponTerms.objects.filter(code=voucher.code).select_related("shared").first()
    found: CouponTerms | None = voucher._retention_terms
    return found
