"""The margin guard: a floor on the goods of an order after all discounts."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal

from campaigns.baskets import Basket
from campaigns.models import MarginGuard, ProductCost
from retention.money import to_minor
from retention.shop import Capability, get_shop


def guard() -> MarginGuard | None:
    """Return the merchant's floor; None where there is none."""
    found = MarginGuard.objects.first()
    return found if found and (found.share_of_list is not None or found.over_cost is not None) else None


def floor(basket: Basket, rule: MarginGuard) -> int:
    """Return the least that the goods of a basket must cost after all discounts, minor units, rounded up.

    Line by line: the share of the list price, or the cost with what is to come on top where it is known; where both
    are set the higher one.
    """
    known = costs(basket) if rule.over_cost is not None else {}
    share, over = rule.share_of_list or Decimal(0), 100 + (rule.over_cost or Decimal(0))
    total = sum(
        (max(line.price * share, known.get(line.product, 0) * line.quantity * over) / 100 for line in basket.lines),
        start=Decimal(0),
    )
    return int(total.quantize(Decimal(1), ROUND_CEILING))


def costs(basket: Basket) -> Mapping[str, int]:
    """Return product → what one piece costs the shop, minor units: by the shop's own word, else by the CSV's."""
    currency = basket.currency
    rows = ProductCost.objects.filter(product__in=[line.product for line in basket.lines], currency=currency)
    found = dict(rows.values_list("product", "cost_minor"))
    if Capability.CATALOGUE in get_shop().capabilities:
        for reference, product in basket.goods.items():
            if product.cost is not None and product.currency == currency:
                found[reference] = to_minor(product.cost, currency)
    return found
