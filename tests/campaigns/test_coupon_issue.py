"""Giving people coupons: once per key, set-wise, with the terms of the day."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Coupon
from campaigns.reasons import Reason
from campaigns.services import codes, coupons
from campaigns.services.coupons import Wish
from campaigns.terms import Money, Terms
from retention import registry
from retention.models import Customer, Fact
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import NOW, amount, give, guest, make_offer, percentage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop) -> FakeShop:
    return fake_shop


def facts() -> list[tuple[str, int | None, dict[str, Any]]]:
    rows = Fact.objects.filter(kind__startswith="campaigns.").order_by("pk")
    return [(row.kind, row.customer, row.payload) for row in rows]


def test_the_same_key_twice_is_one_coupon_in_both_places(shop: FakeShop) -> None:
    offer = make_offer()
    first, again = give(offer, key="welcome:1"), give(offer, key="welcome:1")
    assert first == again
    assert list(Coupon.objects.values_list("code", flat=True)) == [first.code] == list(shop.coupons)
    assert facts() == [
        ("campaigns.CouponIssued", first.customer_id, {"coupon": first.pk, "offer": "thanks", "source": "test"})
    ]


def test_the_shop_gets_what_was_promised(shop: FakeShop) -> None:
    owner = guest("ada@example.com")
    coupon = give(make_offer(amount(("EUR", 500, 3000), exclusive=True), prefix="NEXT"), owner)
    spec = shop.coupons[coupon.code].spec
    assert coupon.code.startswith("NEXT-")
    assert (spec.offer, spec.name, spec.kind, spec.value) == ("thanks/1", "Thanks", "amount", Decimal("5.00"))
    assert (spec.currency, spec.minimum, spec.exclusive) == ("EUR", Decimal("30.00"), True)
    assert (spec.email, spec.user_id, spec.uses) == ("ada@example.com", None, 1)
    assert (spec.starts_at, spec.ends_at) == (coupon.issued_at, coupon.expires_at)


def test_a_coupon_is_good_to_the_end_of_its_last_day_in_the_shops_zone() -> None:
    coupon = give(make_offer(percentage(valid_days=30)))
    # issued on 2 March in Berlin, good to the end of 1 April: summer time by then
    assert coupon.expires_at.astimezone(UTC) == datetime(2026, 4, 1, 22, 0, tzinfo=UTC)


def test_free_shipping_and_percentages_have_no_currency(shop: FakeShop) -> None:
    free = give(make_offer(Terms(kind="free_shipping", valid_days=7), slug="free"))
    ten = give(make_offer(percentage("12.5"), slug="ten"))
    assert (free.currency, shop.coupons[free.code].spec.value) == ("", Decimal(0))
    assert (ten.currency, shop.coupons[ten.code].spec.value) == ("", Decimal("12.5"))


def test_the_currency_is_the_orders_else_the_customers_else_the_offers_first(shop: FakeShop, drain: Any) -> None:
    offer = make_offer(amount(("EUR", 500, None), ("GBP", 400, None), ("USD", 600, None)))
    spender = shop.place(email="ada@example.com", currency="GBP", total=Decimal("90.00"))
    shop.place(email="ada@example.com", currency="USD", total=Decimal("20.00"))
    abroad = shop.place(email="bo@example.com", currency="USD")
    elsewhere = shop.place(email="cy@example.com", currency="SEK")
    drain(NOW)
    owner = dict(Customer.objects.values_list("address", "pk"))
    issued = coupons.issue_many(
        [
            Wish(key="by order", customer=owner["bo@example.com"], order=abroad),
            Wish(key="by spend", customer=owner["ada@example.com"]),
            Wish(key="by order first", customer=owner["ada@example.com"], order=spender),
            Wish(key="by nothing", customer=owner["cy@example.com"], order=elsewhere),
            Wish(key="new", customer=guest("di@example.com").pk),
        ],
        offer=offer,
        source="test",
        at=NOW,
    )
    assert {key: coupon.currency for key, coupon in issued.coupons.items()} == {
        "by order": "USD",
        "by spend": "GBP",
        "by order first": "GBP",
        "by nothing": "EUR",
        "new": "EUR",
    }
    assert issued.coupons["by spend"].money == Money(currency="GBP", amount=400)


def test_who_has_ordered_gets_no_coupon_for_a_first_order(shop: FakeShop, drain: Any) -> None:
    shop.place(email="ada@example.com")
    drain(NOW)
    issued = coupons.issue_many(
        [Wish(key="old", customer=guest("ada@example.com").pk), Wish(key="new", customer=guest("bo@example.com").pk)],
        offer=make_offer(percentage(first_order_only=True)),
        source="test",
        at=NOW,
    )
    assert list(issued.coupons) == ["new"]
    assert issued.refused == {"old": Reason.NOT_FIRST_ORDER}
    assert len(shop.coupons) == 1


def test_an_offer_that_is_off_gives_nothing_new_and_still_knows_what_it_gave() -> None:
    offer = make_offer()
    kept = give(offer, key="before")
    offer.active = False
    offer.save()
    issued = coupons.issue_many(
        [Wish(key=key, customer=guest().pk) for key in ("before", "after")], offer=offer, source="test", at=NOW
    )
    assert dict(issued.coupons) == {"before": kept}
    assert issued.refused == {"after": Reason.OFFER_OFF}


def test_nobody_issues_to_a_person_who_was_erased() -> None:
    gone = guest("ada@example.com")
    Customer.objects.filter(pk=gone.pk).update(erased_at=NOW, email="", address="")
    issued = coupons.issue_many([Wish(key="k", customer=gone.pk)], offer=make_offer(), source="test", at=NOW)
    assert (dict(issued.coupons), issued.refused) == ({}, {"k": Reason.ERASED})


def test_a_coupon_wished_for_a_guest_goes_to_the_member_that_they_became() -> None:
    member = Customer.objects.create(kind="member", email="ada@example.com", address="ada@example.com", created_at=NOW)
    absorbed = guest("ada@example.com", absorbed_into=None)
    Customer.objects.filter(pk=absorbed.pk).update(absorbed_into=member)
    assert give(make_offer(), absorbed).customer_id == member.pk


def test_a_code_that_is_somebodys_already_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    offer = make_offer()
    first = give(offer, key="first")
    drawn = iter([[first.code], ["FRESHFRESHFR"]])
    monkeypatch.setattr(codes, "generate", lambda count, prefix="": next(drawn))
    second = give(offer, key="second")
    assert second.code == "FRESHFRESHFR"
    assert Coupon.objects.get(pk=first.pk).key == "first"


def test_a_source_of_codes_that_repeats_itself_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    offer = make_offer()
    first = give(offer, key="first")
    monkeypatch.setattr(codes, "generate", lambda count, prefix="": [first.code] * count)
    with pytest.raises(coupons.OutOfCodes):
        give(offer, key="second")
    assert Coupon.objects.count() == 1


@pytest.mark.parametrize("terms", [percentage(first_order_only=True), amount(("EUR", 500, None), ("GBP", 400, None))])
def test_queries_do_not_grow_with_the_number_of_people(terms: Terms) -> None:
    offer = make_offer(terms)

    def cost(count: int, start: str) -> int:
        people = Customer.objects.bulk_create(
            [
                Customer(kind="guest", email=f"{start}{n}@x.example", address=f"{start}{n}@x.example", created_at=NOW)
                for n in range(count)
            ]
        )
        wishes = [Wish(key=f"{start}:{person.pk}", customer=person.pk) for person in people]
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert len(coupons.issue_many(wishes, offer=offer, source="test", at=NOW).coupons) == count
        return len([q for q in asked if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))])

    cost(1, "warm")
    # SQLite splits long inserts by its own limit of variables
    few, many = cost(5, "a"), cost(100 if connection.vendor == "sqlite" else 400, "b")
    assert many <= few + (8 if connection.vendor == "sqlite" else 0)


def test_the_action_of_a_journey_gives_coupons_once_per_key(shop: FakeShop) -> None:
    make_offer(slug="next")
    action = registry.actions["campaigns.coupon"]
    person = guest()
    for _ in range(2):
        action.run([("journey:7:1", person.pk, "")], {"offer": "next", "source": "journey:next-order"}, NOW)
    assert list(Coupon.objects.values_list("key", "customer", "source")) == [
        ("journey:7:1", person.pk, "journey:next-order")
    ]


def test_calling_off_ends_a_coupon_here_and_in_the_shop(shop: FakeShop) -> None:
    coupon = give(make_offer())
    assert coupons.void([coupon], reason="leaked", at=NOW) == 1
    assert coupons.void([coupon], reason="again", at=NOW) == 0
    assert Coupon.objects.values_list("state", "void_reason").get(pk=coupon.pk) == ("void", "leaked")
    assert shop.coupons[coupon.code].disabled
