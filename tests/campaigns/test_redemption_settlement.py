"""Which order used a coupon follows from what the orders say, whatever came first and however often."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import coupon_setup
from campaigns.models import Coupon, Redemption
from campaigns.services import redemptions, settlement
from retention import registry
from retention.models import Fact
from retention.shop import CouponUse
from retention.testing.clock import Clock
from retention.testing.settling import settle
from retention.testing.shop import FakeShop
from retention.testing.world import FakeWorld
from tests.campaigns.shelf import NOW, give, guest, make_offer, percentage, reserve, taken, tally, uses

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(fake_shop: FakeShop) -> FakeShop:
    fake_shop.add_product(price=Decimal("40.00"))
    return fake_shop


def order(shop: FakeShop, coupon: Coupon, *, email: str = "ada@example.com", cart: str = "", off: str = "4.00") -> str:
    """Place an order that used a coupon, the host's own note of it too."""
    reference = shop.place(email=email, cart=cart, coupons=(CouponUse(code=coupon.code, discount=Decimal(off)),))
    shop.coupons[coupon.code].used_by.append(reference)
    return reference


def told() -> list[tuple[str, Any]]:
    rows = Fact.objects.filter(kind__in=["campaigns.CouponRedeemed", "campaigns.CouponReturned"]).order_by("pk")
    return [(row.kind.partition(".")[2], row.payload.get("reason", row.payload.get("discount_minor"))) for row in rows]


def test_an_order_commits_what_its_basket_had_reserved(fake_world: FakeWorld, shop: FakeShop) -> None:
    coupon = give(make_offer())
    visitor = fake_world.visit()
    fake_world.put(visitor, "p1")
    fake_world.ask(visitor, shop.apply_coupon, coupon.code)
    reference = fake_world.checkout(visitor, "ada@example.com")
    assert uses(coupon) == [("reserved", "c1")]
    settle(at=NOW)
    row = Redemption.objects.get()
    assert (row.state, row.order, row.cart, row.discount_minor, row.currency) == (
        "committed", reference, "c1", 400, "EUR",
    )  # fmt: skip
    assert row.lease_until is None
    assert taken(coupon) == 1
    assert told() == [("CouponRedeemed", 400)]
    assert redemptions.release_leases(at=NOW + timedelta(days=1)) == 0


def test_an_order_without_a_reservation_is_a_use_all_the_same(shop: FakeShop) -> None:
    coupon = give(make_offer())
    reference = order(shop, coupon)
    settle(at=NOW)
    assert (uses(coupon), taken(coupon)) == ([("committed", reference)], 1)


def test_a_cancelled_order_gives_the_coupon_back_here_and_in_the_shop(shop: FakeShop) -> None:
    coupon = give(make_offer())
    reference = order(shop, coupon)
    settle(at=NOW)
    shop.mark(reference, "cancelled")
    settle(at=NOW)
    assert (uses(coupon), taken(coupon)) == ([("released", reference)], 0)
    assert shop.coupons[coupon.code].used_by == []
    assert told() == [("CouponRedeemed", 400), ("CouponReturned", "cancelled")]


def test_a_reinstated_order_has_used_it_again(shop: FakeShop) -> None:
    coupon = give(make_offer())
    reference = order(shop, coupon)
    for what in ("cancelled", "reinstated"):
        settle(at=NOW)
        shop.mark(reference, "cancelled") if what == "cancelled" else shop.reinstate(reference)
    settle(at=NOW)
    assert (uses(coupon), taken(coupon)) == ([("committed", reference)], 1)
    assert Redemption.objects.get().reason == ""


def test_a_full_refund_gives_it_back_and_a_partial_one_does_not(shop: FakeShop) -> None:
    coupon = give(make_offer())
    reference = order(shop, coupon)
    settle(at=NOW)
    shop.refund(reference, Decimal("39.99"))
    settle(at=NOW)
    assert (uses(coupon), shop.coupons[coupon.code].used_by) == ([("committed", reference)], [reference])
    shop.refund(reference, Decimal("0.01"))
    settle(at=NOW)
    assert (uses(coupon), shop.coupons[coupon.code].used_by) == ([("released", reference)], [])
    assert told()[-1] == ("CouponReturned", "refunded")


def test_an_order_first_seen_when_it_was_cancelled_gives_back_what_the_shop_used_up(shop: FakeShop) -> None:
    coupon = give(make_offer())
    reserve(coupon, "c1")
    reference = order(shop, coupon, cart="c1")
    shop.mark(reference, "cancelled")
    settle(at=NOW)
    assert (uses(coupon), taken(coupon)) == ([("released", reference)], 0)
    assert shop.coupons[coupon.code].used_by == []
    assert told() == []


def test_a_code_that_the_order_loses_is_given_back(shop: FakeShop) -> None:
    coupon = give(make_offer())
    reference = order(shop, coupon)
    settle(at=NOW)
    shop._change(reference, coupons=())
    settle(at=NOW)
    assert (uses(coupon), Redemption.objects.get().reason) == ([("released", reference)], "dropped")


def test_facts_twice_and_in_any_order_end_the_same(shop: FakeShop) -> None:
    offer = make_offer(max_uses=50)
    coupon = give(offer)
    reference = order(shop, coupon)
    settle(at=NOW)
    shop.mark(reference, "cancelled")
    settle(at=NOW)
    subscriber = registry.subscribers["campaigns.redemptions"]
    kinds = {kind.kind: kind for kind in subscriber.facts}
    rows = [row for row in Fact.objects.order_by("pk") if row.kind in kinds]
    recorded = [
        registry.Recorded(
            id=row.pk,
            position=row.pk,
            data=kinds[row.kind].restore(payload=row.payload, customer=row.customer, at=row.happened_at),
        )
        for row in rows
    ]
    assert len(recorded) >= 2
    before = told()
    for shuffled in itertools.permutations(recorded, 2):
        coupon_setup.settle([*shuffled, *shuffled])
    assert (uses(coupon), taken(coupon), tally(offer)) == ([("released", reference)], 0, [0])
    assert told() == before


def test_one_code_in_two_orders_is_one_use_and_one_in_excess(shop: FakeShop) -> None:
    coupon = give(make_offer())
    first, second = order(shop, coupon), order(shop, coupon)
    settle(at=NOW)
    assert (uses(coupon), taken(coupon)) == ([("committed", first), ("excess", second)], 1)
    assert told() == [("CouponRedeemed", 400)]
    [trouble] = registry.troubles["campaigns.coupons"](NOW)
    assert (trouble.count, str(trouble.what)) == (1, "1 order used a coupon of which no use was left")


def test_a_use_in_excess_becomes_an_ordinary_one_when_there_is_room(shop: FakeShop) -> None:
    coupon = give(make_offer())
    first, second = order(shop, coupon), order(shop, coupon)
    settle(at=NOW)
    shop.mark(first, "cancelled")
    settle(at=NOW)
    assert coupon_setup.release_leases(NOW) == 1
    assert (uses(coupon), taken(coupon)) == ([("released", first), ("committed", second)], 1)
    assert list(registry.troubles["campaigns.coupons"](NOW)) == []
    assert coupon_setup.release_leases(NOW) == 0


def test_a_use_in_excess_that_is_cancelled_frees_nothing(shop: FakeShop) -> None:
    coupon = give(make_offer())
    first, second = order(shop, coupon), order(shop, coupon)
    settle(at=NOW)
    shop.mark(second, "cancelled")
    settle(at=NOW)
    assert (uses(coupon), taken(coupon)) == ([("committed", first), ("released", second)], 1)
    assert told() == [("CouponRedeemed", 400)]


def test_an_order_that_comes_after_the_lease_still_finds_its_use(shop: FakeShop, clock: Clock) -> None:
    coupon = give(make_offer())
    reserve(coupon, "c1")
    redemptions.release_leases(at=clock.forward(hours=1))
    reference = order(shop, coupon, cart="c1")
    settle(at=clock.now)
    assert uses(coupon) == [("released", "c1"), ("committed", reference)]
    assert taken(coupon) == 1


def test_an_alias_that_the_shop_let_through_is_a_use_in_excess_of_a_limit_per_person(shop: FakeShop) -> None:
    offer = make_offer(percentage(per_customer=1))
    mine, alias = give(offer), give(offer, guest("ada+2@example.com"))
    order(shop, mine)
    order(shop, alias, email="ada+2@example.com")
    settle(at=NOW)
    assert [state for state, _ in uses(mine) + uses(alias)] == ["committed", "excess"]
    assert (taken(mine), taken(alias)) == (1, 0)


def test_codes_that_are_not_ours_are_not_our_business(shop: FakeShop) -> None:
    shop.place(coupons=(CouponUse(code="SUMMER", discount=Decimal("3.00")),))
    settle(at=NOW)
    assert Redemption.objects.count() == 0


def test_a_shop_without_coupons_of_its_own_is_not_asked_to_give_back(
    shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeShop, "capabilities", frozenset())
    coupon = give(make_offer())
    assert shop.coupons == {}
    reference = shop.place(coupons=(CouponUse(code=coupon.code, discount=Decimal("4.00")),))
    settle(at=NOW)
    shop.mark(reference, "cancelled")
    settle(at=NOW)
    assert uses(coupon) == [("released", reference)]


def test_queries_do_not_grow_with_the_number_of_orders(shop: FakeShop) -> None:
    offer = make_offer(percentage(per_customer=2), max_uses=1000)

    def cost(count: int, start: str) -> int:
        references = []
        for n in range(count):
            person = guest(f"{start}{n}@example.com")
            references.append(order(shop, give(offer, person), email=person.email))
        registry.subscribers.remove("campaigns.redemptions")
        try:
            settle(at=NOW)
        finally:
            registry.subscribers.add("campaigns.redemptions", SUBSCRIBER)
        with CaptureQueriesContext(connection) as asked:
            assert settlement.settle(references, at=NOW) == count
        return len([query for query in asked if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))])

    # SQLite takes 999 parameters a statement, so more would be inserted in two
    assert cost(50, "b") == cost(6, "a")
    assert tally(offer) == [56]


SUBSCRIBER = registry.subscribers["campaigns.redemptions"]


def test_where_the_host_cannot_give_a_use_back_the_person_gets_a_coupon_like_it(shop: FakeShop) -> None:
    shop.gives_back = False
    coupon = give(make_offer())
    reference = order(shop, coupon)
    settle(at=NOW)
    shop.mark(reference, "cancelled")
    settle(at=NOW + timedelta(days=2))
    new = Coupon.objects.get(replaces=coupon)
    coupon.refresh_from_db()
    assert (coupon.state, coupon.void_reason, uses(coupon)) == ("void", "returned", [("released", reference)])
    assert (new.customer, new.version_id, new.expires_at, new.max_uses, new.used) == (
        coupon.customer, coupon.version_id, coupon.expires_at, 1, 0,
    )  # fmt: skip
    assert (shop.coupons[coupon.code].disabled, shop.coupons[new.code].used_by) == (True, [])
    settlement.settle([reference], at=NOW + timedelta(days=3))
    assert Coupon.objects.count() == 2


def test_a_coupon_that_is_over_when_its_order_is_cancelled_is_not_replaced(shop: FakeShop) -> None:
    shop.gives_back = False
    coupon = give(make_offer())
    reference = order(shop, coupon)
    settle(at=NOW)
    shop.mark(reference, "cancelled", at=coupon.expires_at)
    settle(at=coupon.expires_at)
    assert (uses(coupon), Coupon.objects.count()) == ([("released", reference)], 1)
