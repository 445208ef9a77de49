"""The rows in Oscar that all coupons of one offer share: condition, benefit, offer."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import astuple, dataclass
from decimal import Decimal
from typing import Any

from retention.contrib.oscar import host
from retention.contrib.oscar.goods import Goods
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
PRIORITIES = {"free_product": 0, "percentage": 1, "amount": 2, "free_shipping": 3}
"""Which of several coupons of ours takes its part first where their offers' priorities are equal."""
LAST = -101
"""Priority in Oscar: after every offer of the shop's own, since a coupon takes its part of what is left to pay."""


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
    excluded_products: tuple[str, ...]
    excluded_categories: tuple[str, ...]
    exclusive: bool
    sale_goods: bool
    priority: int

    @classmethod
    def of(cls, spec: CouponSpec) -> Rules:
        return cls(
            reference=spec.offer,
            kind=spec.kind,
            value=value_of(spec).normalize(),
            currency=spec.currency,
            minimum=spec.minimum.normalize() if spec.minimum is not None else None,
            products=tuple(sorted(spec.products)),
            categories=tuple(sorted(spec.categories)),
            excluded_products=tuple(sorted(spec.excluded_products)),
            excluded_categories=tuple(sorted(spec.excluded_categories)),
            exclusive=spec.exclusive,
            sale_goods=spec.sale_goods,
            priority=spec.priority,
        )

    @property
    def key(self) -> str:
        return hashlib.blake2b(repr(astuple(self)).encode(), digest_size=32).hexdigest()


def value_of(spec: CouponSpec) -> Decimal:
    """Return the value that all coupons of the offer share; 0 where each has its own."""
    return Decimal(0) if spec.own_value else spec.value


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
    offer = Offer.objects.create(
        name=_free_name(Offer, name),
        offer_type=Offer.VOUCHER,
        # in Oscar it means "on no goods that another offer has touched", which is another thing
        exclusive=False,
        max_basket_applications=1,
        priority=LAST - rules.priority,
        condition=host.condition().objects.create(proxy_class=CONDITION),
        benefit=_benefit(rules),
    )
    goods = Goods.find(
        products=rules.products,
        categories=rules.categories,
        excluded_products=rules.excluded_products,
        excluded_categories=rules.excluded_categories,
    )
    row, _ = SharedOffer.objects.update_or_create(
        key=rules.key,
        defaults={
            "reference": rules.reference,
            "kind": rules.kind,
            "value": rules.value,
            "currency": rules.currency,
            "minimum": rules.minimum,
            "goods": goods.to_json(),
            "exclusive": rules.exclusive,
            "sale_goods": rules.sale_goods,
            "priority": rules.priority,
            "offer_id": offer.pk,
            "condition_id": offer.condition_id,
            "benefit_id": offer.benefit_id,
        },
    )
    return row


def _benefit(rules: Rules) -> Any:
    Benefit = host.benefit()
    if rules.kind == "free_shipping":
        return Benefit.objects.create(type=Benefit.SHIPPING_PERCENTAGE, value=Decimal(100))
    return Benefit.objects.create(proxy_class=BENEFITS[rules.kind], value=rules.value)


def is_ours(offer: Any | None) -> bool:
    """Whether an offer in Oscar is one of ours."""
    return offer is not None and (offer.condition.proxy_class or "").startswith(HERE)


def _free_name(model: Any, name: str) -> str:
    """Return the name, with a number after it where something else in Oscar has it: names are unique there."""
    name = name[:120]
    taken = set(model._default_manager.filter(name__startswith=name).values_list("name", flat=True))
    return next(free for n in range(1, len(taken) + 2) if (free := name if n == 1 else f"{name} {n}") not in taken)
