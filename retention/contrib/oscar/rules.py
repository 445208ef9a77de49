"""The rows in Oscar that all coupons of one offer share: range, condition, benefit, offer."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import astuple, dataclass
from decimal import Decimal
from typing import Any

from retention.contrib.oscar import categories, host
from retention.contrib.oscar.models import SharedOffer
from retention.locks import one_at_a_time
from retention.shop import CouponSpec

HERE = "retention.contrib.oscar."
CONDITION = f"{HERE}conditions.CouponCondition"
BENEFITS = {
    "percentage": f"{HERE}benefits.Percentage",
    "amount": f"{HERE}benefits.Amount",
    "free_product": f"{HERE}benefits.FreeProduct",
}
PRIORITIES = {"free_product": -101, "percentage": -102, "amount": -103, "free_shipping": -104}
"""After every offer of the shop's own, since a coupon takes its part of what is left to pay; among coupons
percentages before amounts, whichever was put in first."""
ALONE = 50
"""Coupons that do not combine come before those that do, and keep them out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """Everything that two coupons must have in common to share rows."""

    reference: str
    kind: str
    value: Decimal
    currency: str
    minimum: Decimal | None
    products: tuple[str, ...]
    categories: tuple[str, ...]
    exclusive: bool

    @classmethod
    def of(cls, spec: CouponSpec) -> Rules:
        return cls(
            reference=spec.offer,
            kind=spec.kind,
            value=spec.value.normalize(),
            currency=spec.currency,
            minimum=spec.minimum.normalize() if spec.minimum is not None else None,
            products=tuple(sorted(spec.products)),
            categories=tuple(sorted(spec.categories)),
            exclusive=spec.exclusive,
        )

    @property
    def key(self) -> str:
        return hashlib.blake2b(repr(astuple(self)).encode(), digest_size=32).hexdigest()


class UnknownKind(Exception):
    """Oscar cannot give this kind of discount."""


def ensure(wanted: Mapping[Rules, str]) -> dict[Rules, SharedOffer]:
    """Return the shared rows of each set of rules, made where they are missing; ``wanted`` maps to their name.

    An offer that somebody deleted in the dashboard is made again. Raises UnknownKind.
    """
    found = _present(wanted)
    if missing := wanted.keys() - found.keys():
        with one_at_a_time("retention_oscar.rules", wait=True):
            found |= _present(missing)
            for rules in sorted(missing - found.keys(), key=lambda rules: rules.key):
                found[rules] = _make(rules, wanted[rules])
    return found


def _present(wanted: Collection[Rules]) -> dict[Rules, SharedOffer]:
    rows = {row.key: row for row in SharedOffer.objects.filter(key__in=[rules.key for rules in wanted])}
    alive = set(
        host.offer()
        .objects.filter(pk__in=[row.offer_id for row in rows.values()], benefit__isnull=False)
        .values_list("pk", flat=True)
    )
    return {rules: rows[rules.key] for rules in wanted if rules.key in rows and rows[rules.key].offer_id in alive}


def _make(rules: Rules, name: str) -> SharedOffer:
    if rules.kind not in PRIORITIES:
        raise UnknownKind(rules.kind)
    Offer = host.offer()
    name = _free_name(Offer, name)
    product_range = _range(rules, name)
    condition = host.condition().objects.create(range=product_range, proxy_class=CONDITION)
    offer = Offer.objects.create(
        name=name,
        offer_type=Offer.VOUCHER,
        exclusive=rules.exclusive,
        max_basket_applications=1,
        priority=PRIORITIES[rules.kind] + (ALONE if rules.exclusive else 0),
        condition=condition,
        benefit=_benefit(rules, product_range),
    )
    row, _ = SharedOffer.objects.update_or_create(
        key=rules.key,
        defaults={
            "reference": rules.reference,
            "currency": rules.currency,
            "minimum": rules.minimum,
            "offer_id": offer.pk,
            "condition_id": offer.condition_id,
            "benefit_id": offer.benefit_id,
            "range_id": product_range.pk if product_range else None,
        },
    )
    return row


def _range(rules: Rules, name: str) -> Any | None:
    """Make the range of an offer for some products only; None where every product will do."""
    if not (rules.products or rules.categories):
        return None
    Range = host.product_range()
    made = Range.objects.create(name=_free_name(Range, name), is_public=False)
    Product = host.product()
    made.included_categories.set(categories.find(rules.categories))
    for product in Product._default_manager.filter(pk__in=host.keys(Product, rules.products)):
        made.add_product(product)
    return made


def _benefit(rules: Rules, product_range: Any | None) -> Any:
    Benefit = host.benefit()
    if rules.kind == "free_shipping":
        return Benefit.objects.create(type=Benefit.SHIPPING_PERCENTAGE, value=Decimal(100))
    return Benefit.objects.create(proxy_class=BENEFITS[rules.kind], value=rules.value, range=product_range)


def _free_name(model: Any, name: str) -> str:
    """Return the name, with a number after it where something else in Oscar has it: names are unique there."""
    name = name[:120]
    taken = set(model._default_manager.filter(name__startswith=name).values_list("name", flat=True))
    return next(free for n in range(1, len(taken) + 2) if (free := name if n == 1 else f"{name} {n}") not in taken)
