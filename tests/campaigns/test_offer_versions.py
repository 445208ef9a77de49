"""An offer is edited; what was promised stays."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from campaigns.models import Offer, OfferMoney, OfferVersion
from campaigns.models.offer import Immutable
from campaigns.services import offers
from campaigns.terms import Asked, Goods, Money, Terms
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import NOW, amount, give, guest, make_offer, percentage

pytestmark = pytest.mark.django_db


def test_terms_come_out_of_storage_as_they_went_in() -> None:
    terms = Terms(
        kind="amount",
        valid_days=14,
        starts_on=date(2026, 5, 1),
        ends_on=date(2026, 5, 31),
        money=(Money(currency="EUR", amount=500, minimum=3000), Money(currency="JPY", amount=800)),
        goods=Goods(only_products=("p1", "p2"), only_categories=("clay/cups",), never_products=("p3",)),
        uses=2,
        per_customer=3,
        per_customer_period="month",
        first_order_only=True,
        conditions=(Asked(name="campaigns.nth_order", parameters={"n": 2}),),
        exclusive=False,
        sale_goods=False,
        priority=3,
    )
    offer = make_offer(terms)
    assert OfferVersion.objects.get(offer=offer).terms == terms
    assert offers.terms_of(Offer.objects.get(pk=offer.pk)) == terms


def test_saving_the_same_terms_again_makes_no_version() -> None:
    offer = make_offer(percentage("10.00"))
    offer.percent, offer.name, offer.active = Decimal("10"), "Another name", False
    offer.save()
    assert offers.publish(offer, at=NOW).number == 1
    assert OfferVersion.objects.filter(offer=offer).count() == 1


def test_changed_terms_are_a_new_version_and_coupons_that_are_out_keep_theirs(fake_shop: FakeShop) -> None:
    offer = make_offer(amount(("EUR", 500, 3000)))
    old = give(offer)
    OfferMoney.objects.filter(offer=offer).update(amount_minor=200, minimum_minor=9000)
    second = offers.publish(offer, at=NOW, by="staff")
    new = give(offer, guest("bo@example.com"))
    assert (second.number, second.created_by) == (2, "staff")
    assert old.terms.money == (Money(currency="EUR", amount=500, minimum=3000),)
    assert new.terms.money == (Money(currency="EUR", amount=200, minimum=9000),)
    assert fake_shop.coupons[old.code].spec.value == Decimal("5.00")
    assert fake_shop.coupons[new.code].spec.value == Decimal("2.00")
    assert fake_shop.coupons[old.code].spec.offer != fake_shop.coupons[new.code].spec.offer


def test_a_version_is_neither_edited_nor_deleted() -> None:
    version = OfferVersion.objects.get(offer=make_offer())
    version.terms_json = {}
    with pytest.raises(Immutable):
        version.save()
    with pytest.raises(Immutable):
        version.delete()
