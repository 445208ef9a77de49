"""Offers: reading what the merchant edited as terms, and keeping each version that was ever promised."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from campaigns.models import Offer, OfferCondition, OfferMoney, OfferVersion, Redemption
from campaigns.models.redemption import LIVE
from campaigns.terms import Asked, Money, Terms


def create(
    *, slug: str, name: str, terms: Terms, at: datetime, prefix: str = "", max_uses: int | None = None, by: str = ""
) -> Offer:
    """Make an offer with its first version."""
    with transaction.atomic():
        offer = Offer.objects.create(
            slug=slug,
            name=name,
            kind=terms.kind,
            percent=terms.percent,
            valid_days=terms.valid_days,
            uses=terms.uses,
            per_customer=terms.per_customer,
            max_uses=max_uses,
            first_order_only=terms.first_order_only,
            exclusive=terms.exclusive,
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
        publish(offer, at=at, by=by)
    return offer


def terms_of(offer: Offer) -> Terms:
    """Return the terms that the offer's rows say now."""
    return Terms(
        kind=offer.kind,
        valid_days=offer.valid_days,
        percent=offer.percent if offer.kind == "percentage" else None,
        money=tuple(
            Money(
                currency=row.currency,
                amount=row.amount_minor if offer.kind == "amount" else None,
                minimum=row.minimum_minor,
            )
            for row in sorted(offer.money.all(), key=lambda row: row.pk)
        ),
        uses=offer.uses,
        per_customer=offer.per_customer,
        first_order_only=offer.first_order_only,
        conditions=tuple(
            Asked(name=row.name, parameters=row.parameters)
            for row in sorted(offer.conditions.all(), key=lambda row: row.pk)
        ),
        exclusive=offer.exclusive,
    )


def current(offer: Offer) -> OfferVersion:
    """Return the version that new coupons get. Raises OfferVersion.DoesNotExist before the first ``publish``."""
    return OfferVersion.objects.filter(offer=offer).latest("number")


def publish(offer: Offer, *, at: datetime, by: str = "") -> OfferVersion:
    """Make a new version where the terms are other than the last one's; return the version that holds now.

    ``by`` is the name of the member of staff.
    """
    with transaction.atomic():
        # two savings at once make two versions; what the caller has loaded may be older than the rows
        terms = terms_of(Offer.objects.select_for_update().get(pk=offer.pk))
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


def limit(offer: Offer, max_uses: int | None) -> int:
    """Set how often the offer can be used in total; None for no limit. Returns the uses that are taken.

    Fewer than are taken already means: no more. Uses are counted only while there is a limit.
    """
    with transaction.atomic():
        Offer.objects.select_for_update().get(pk=offer.pk)
        taken = Redemption.objects.filter(offer=offer, state__in=LIVE).count()
        Offer.objects.filter(pk=offer.pk).update(
            max_uses=None if max_uses is None else max(max_uses, taken), used=taken if max_uses is not None else 0
        )
    return taken
