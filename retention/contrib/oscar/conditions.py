"""For whom and for which basket a coupon of ours is good; and why not."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.utils.html import escape
from django.utils.translation import gettext as _
from oscar.templatetags.currency_filters import currency as show

from retention.contrib.oscar import plan
from retention.contrib.oscar.goods import Goods
from retention.contrib.oscar.models import SharedOffer


class CouponCondition:
    """Made by Oscar from a Condition row whose ``proxy_class`` names this class.

    A plain class: a subclass of Oscar's model would need a migration that hangs on the host's.
    """

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    @cached_property
    def shared(self) -> SharedOffer | None:
        return SharedOffer.objects.filter(condition_id=self.__dict__["id"]).first()

    @property
    def name(self) -> str:
        """What the dashboard calls it."""
        if self.shared is None:
            return _("Coupon of an offer that is gone")
        said = [_("Coupon of “%(offer)s”, for its owner") % {"offer": self.shared.reference}]
        if self.shared.minimum is not None:
            said = [
                _("Coupon of “%(offer)s”, for its owner, from %(minimum)s")
                % {"offer": self.shared.reference, "minimum": show(self.shared.minimum, self.shared.currency or None)}
            ]
        return "; ".join([*said, *_limits(self.shared)])

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
        return plan.refusal(basket, voucher) if voucher is not None else "no_coupon"

    def can_apply_condition(self, line: Any) -> bool:
        """Whether the line may count at all; which lines do, depends on the other coupons, too."""
        return bool(line.stockrecord_id and line.product.is_discountable)

    def get_upsell_message(self, offer: Any, basket: Any) -> str | None:
        if self.refusal(offer, basket) != "minimum":
            return None
        missing = plan.missing(basket, offer.get_voucher())
        return _("Spend %(amount)s more to use your coupon.") % {"amount": show(missing, basket.currency)}

    def consume_items(self, offer: Any, basket: Any, affected_lines: Any) -> None:
        """Nothing: the condition asks what is in the basket and uses none of it up."""


def _limits(shared: SharedOffer) -> list[str]:
    """Return for which goods, and beside what, in words."""
    goods = Goods.from_json(shared.goods)
    said = []
    if not goods.everything:
        said.append(_("for some goods only"))
    if goods.never_products or goods.never_categories:
        said.append(_("not for some goods"))
    if not shared.sale_goods:
        said.append(_("not for goods that another offer has reduced"))
    if shared.exclusive:
        said.append(_("not together with another coupon"))
    return said
