"""Offers: reading what the merchant edited as terms, and keeping each version that was ever promised."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from campaigns import validity
from campaigns.models import Offer, OfferCondition, OfferGoods, OfferMoney, OfferVersion
from campaigns.reasons import Reason
from campaigns.services import limits
from campaigns.services.limits import Cap
from campaigns.terms import Asked, Goods, Kind, Money, Terms


def create(
    *,
    slug: str,
    name: str,
    terms: Terms,
    at: datetime,
    prefix: str = "",
    caps: Collection[Cap] = (),
    by: str = "",
) -> Offer:
    """Make an offer with its first version."""
    with transaction.atomic():
        offer = Offer.objects.create(
            slug=slug,
            name=name,
            kind=terms.kind,
            percent=terms.percent,
            valid_days=terms.valid_days,
            starts_on=terms.starts_on,
            ends_on=terms.ends_on,
            uses=terms.uses,
            per_customer=terms.per_customer,
            per_customer_period=terms.per_customer_period,
            first_order_only=terms.first_order_only,
            exclusive=terms.exclusive,
            sale_goods=terms.sale_goods,
            priority=terms.priority,
            prefix=prefix,
            created_at=at,
        )
        OfferMoney.objects.bulk_create(
            [
                OfferMoney(offer=offer, currency=m.currency, amount_minor=m.amount, minimum_minor=m.minimum)
                for m in terms.money
            ]
        )
        OfferCondition.objects.bulk_create(
            [OfferCondition(offer=offer, name=a.name, parameters=dict(a.parameters)) for a in terms.conditions]
        )
        OfferGoods.objects.bulk_create(_rows_of(offer, terms.goods))
        publish(offer, at=at, by=by)
        if caps:
            limits.set_to(offer, caps, at=at)
    return offer


PARTS = {
    "only_products": (OfferGoods.Rule.ONLY, OfferGoods.Kind.PRODUCT),
    "only_categories": (OfferGoods.Rule.ONLY, OfferGoods.Kind.CATEGORY),
    "never_products": (OfferGoods.Rule.NEVER, OfferGoods.Kind.PRODUCT),
    "never_categories": (OfferGoods.Rule.NEVER, OfferGoods.Kind.CATEGORY),
}
"""Field of ``Goods`` → what its rows say."""


def _rows_of(offer: Offer, goods: Goods) -> list[OfferGoods]:
    return [
        OfferGoods(offer=offer, rule=rule, kind=kind, reference=reference)
        for part, (rule, kind) in PARTS.items()
        for reference in getattr(goods, part)
    ]


def _goods_of(offer: Offer) -> Goods:
    rows = sorted(offer.goods.all(), key=lambda row: row.reference)
    return Goods(
        **{part: tuple(row.reference for row in rows if (row.rule, row.kind) == said) for part, said in PARTS.items()}
    )


def terms_of(offer: Offer) -> Terms:
    """Return the terms that the offer's rows say now."""
    return Terms(
        kind=offer.kind,
        valid_days=offer.valid_days,
        starts_on=offer.starts_on,
        ends_on=offer.ends_on,
        percent=offer.percent if offer.kind == Kind.PERCENTAGE else None,
        money=tuple(
            Money(
                currency=row.currency,
                amount=row.amount_minor if offer.kind == Kind.AMOUNT else None,
                minimum=row.minimum_minor,
            )
            for row in sorted(offer.money.all(), key=lambda row: row.pk)
        ),
        goods=_goods_of(offer),
        uses=offer.uses,
        per_customer=offer.per_customer,
        per_customer_period=offer.per_customer_period,
        first_order_only=offer.first_order_only,
        conditions=tuple(
            Asked(name=row.name, parameters=row.parameters)
            for row in sorted(offer.conditions.all(), key=lambda row: row.pk)
        ),
        exclusive=offer.exclusive,
        sale_goods=offer.sale_goods,
        priority=offer.priority,
    )


def current(offer: Offer) -> OfferVersion:
    """Return the version that new coupons get. Raises OfferVersion.DoesNotExist before the first ``publish``."""
    return OfferVersion.objects.filter(offer=offer).latest("number")


def closed(offer: Offer, *, at: datetime) -> Reason | None:
    """Return why an offer gives no coupons now; None where it does."""
    version = OfferVersion.objects.filter(offer=offer).order_by("-number").first()
    if not offer.active or version is None:
        return Reason.OFFER_OFF
    return Reason.OFFER_ENDED if validity.of(version.terms, at=at)[1] <= at else None


def publish(offer: Offer, *, at: datetime, by: str = "") -> OfferVersion:
    """Make a new version where the terms are other than the last one's; return the version that holds now.

    ``by`` is the name of the member of staff.
    """
    with transaction.atomic():
        # two savings at once make two versions; what the caller has loaded may be older than the rows
        terms = terms_of(Offer.objects.select_for_update(no_key=True).get(pk=offer.pk))
        last = OfferVersion.objects.filter(offer=offer).order_by("-number").first()
        if last is not None and last.terms == terms:
            return last
        return OfferVersion.objects.create(
            offer=offer,
            number=(last.number if last else 0) + 1,
            terms_json=terms.to_json(),
            created_at=at,
            created_by=by[:150],
        )
