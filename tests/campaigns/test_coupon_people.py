"""A person's coupons: taken out, called off at erasure, handed on when the guest proves to be the member."""

from __future__ import annotations

import json

import pytest
from django.core.serializers.json import DjangoJSONEncoder

from campaigns.models import Coupon, Redemption
from retention import registry
from retention.models import Customer
from retention.services import customers, persons
from retention.testing.settling import settle
from retention.testing.shop import FakeShop
from retention.testing.world import FakeWorld
from tests.campaigns.shelf import NOW, give, guest, make_offer, reserve, taken, uses

pytestmark = pytest.mark.django_db


def test_a_guests_coupons_become_the_members_once_the_mailbox_is_proven(
    fake_shop: FakeShop, fake_world: FakeWorld
) -> None:
    coupon = give(make_offer(), guest("ada@example.com"))
    reserve(coupon)
    member = customers.for_user(fake_world.add_user("ada@example.com"), at=NOW)
    assert Coupon.objects.get().customer_id != member.pk
    customers.prove_address(member, at=NOW)
    assert Coupon.objects.get().customer_id == member.pk
    assert Redemption.objects.get().customer_id == member.pk


def test_an_export_names_the_coupons_and_what_they_took_off(fake_shop: FakeShop, fake_world: FakeWorld) -> None:
    coupon = give(make_offer())
    visitor = fake_world.visit()
    fake_world.put(visitor, fake_shop.add_product())
    fake_world.ask(visitor, fake_shop.apply_coupon, coupon.code)
    reference = fake_world.checkout(visitor, "ada@example.com")
    settle(at=NOW)
    told = json.loads(json.dumps(persons.export_person(guest()), cls=DjangoJSONEncoder))["campaigns.coupons"]
    assert [(row["code"], row["offer__name"], row["source"]) for row in told["coupons"]] == [
        (coupon.code, "Thanks", "test")
    ]
    assert [(row["order"], row["discount_minor"]) for row in told["uses"]] == [(reference, 200)]


def test_erasure_calls_off_what_is_unused_and_keeps_the_ledger_whole(fake_shop: FakeShop) -> None:
    offer = make_offer()
    open_one, used = give(offer, key="open"), give(offer, key="used")
    reserve(used)
    persons.erase_person(guest(), at=NOW)
    assert set(Coupon.objects.values_list("state", "void_reason")) == {("void", "erased")}
    assert fake_shop.coupons[open_one.code].disabled
    assert (taken(used), uses(used)) == (1, [("reserved", "c1")])
    dump = json.dumps([list(model.objects.values()) for model in (Coupon, Redemption)], cls=DjangoJSONEncoder)
    assert "ada" not in dump.lower()


def test_the_limit_of_a_person_outlives_their_erasure(fake_shop: FakeShop) -> None:
    coupon = give(make_offer())
    key = reserve(coupon).customer_key
    persons.erase_person(guest(), at=NOW)
    assert Redemption.objects.get().customer_key == key != ""


def test_staff_see_each_coupon_with_where_it_came_from(fake_shop: FakeShop) -> None:
    coupon = give(make_offer())
    reserve(coupon)
    panel = registry.panels["campaigns.coupons"].build(guest())
    [row] = panel.rows
    assert row.cells == (coupon.code, "10% off", "issued", "04/01/2026", "c1: reserved")
    assert str(row.source) == "Thanks, test"
    assert row.url == f"/admin/retention_campaigns/coupon/{coupon.pk}/change/"


def test_the_timeline_tells_what_became_of_a_coupon(fake_shop: FakeShop, fake_world: FakeWorld) -> None:
    coupon = give(make_offer())
    visitor = fake_world.visit()
    fake_world.put(visitor, fake_shop.add_product())
    fake_world.ask(visitor, fake_shop.apply_coupon, coupon.code)
    reference = fake_world.checkout(visitor, "ada@example.com")
    settle(at=NOW)
    fake_shop.mark(reference, "cancelled")
    settle(at=NOW)
    told = [str(event.text) for event in registry.timeline["campaigns.coupons"](guest())]
    assert told == [
        f"Coupon {coupon.code} given: Thanks",
        f"Coupon {coupon.code} used by order {reference}",
        f"Coupon {coupon.code} back from order {reference}",
    ]


def test_a_customer_of_hundreds_of_coupons_costs_no_more_queries(
    fake_shop: FakeShop, django_assert_num_queries: object
) -> None:
    offer = make_offer()
    for n in range(12):
        give(offer, key=str(n))
    person = Customer.objects.get()
    with django_assert_num_queries(2):  # type: ignore[operator]
        registry.panels["campaigns.coupons"].build(person)
