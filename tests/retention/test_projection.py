"""What the shop says now, and exactly which facts follow from a change."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from retention.models import Fact, Order, OrderCoupon, OrderLine, Refund
from retention.services import facts
from retention.shop import CouponUse, LineData
from tests.retention.ground import guest, happened, tell
from tests.retention.shop import NOON, LocalShop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def since(number: int) -> list[str]:
    """What the log says after its first ``number`` facts."""
    return happened()[number:]


def test_a_new_order_with_all_its_times_says_each_once(shop: LocalShop) -> None:
    shop.place(
        "A1",
        paid_at=NOON + HOUR,
        fulfilled_at=NOON + DAY,
        delivered_at=NOON + 2 * DAY,
    )
    tell("A1", at=NOON + 2 * DAY)
    assert [(row.kind, row.customer, row.happened_at, row.payload) for row in Fact.objects.order_by("pk")] == [
        (
            "retention.OrderPlaced",
            guest().pk,
            NOON,
            {"order": "A1", "total_minor": 4000, "currency": "EUR", "history": False},
        ),
        ("retention.OrderPaid", guest().pk, NOON + HOUR, {"order": "A1", "history": False}),
        ("retention.OrderFulfilled", guest().pk, NOON + DAY, {"order": "A1", "history": False}),
        ("retention.OrderDelivered", guest().pk, NOON + 2 * DAY, {"order": "A1", "history": False}),
    ]


def test_what_the_shop_says_is_stored_in_minor_units_of_its_currency(shop: LocalShop) -> None:
    line = LineData(
        reference="1", product="P7", title="Bowl", categories=("Table",), quantity=3,
        list_price=Decimal("36.00"), amount=Decimal("30.10"), cost=Decimal("12.345"),
    )  # fmt: skip
    shop.place(
        "A1", total=Decimal("35.05"), items=Decimal("30.10"), shipping=Decimal("4.95"), tax=Decimal("5.60"),
        lines=(line,), coupons=(CouponUse(code="HELLO", discount=Decimal("5.90")),), points_spent=7,
        language="de", country="DE", postcode="10115", cart="42", site_id=1,
    )  # fmt: skip
    shop.place("A2", currency="JPY", total=Decimal(1250), items=Decimal(1250))
    shop.place("A3", currency="KWD", total=Decimal("1.2345"), items=Decimal("1.2345"))
    tell("A1", "A2", "A3")
    order = Order.objects.get(reference="A1")
    assert (order.items_minor, order.shipping_minor, order.tax_minor, order.total_minor) == (3010, 495, 560, 3505)
    assert (order.points_spent, order.language, order.country, order.postcode) == (7, "de", "DE", "10115")
    assert (order.cart, order.site_id, order.number, order.host_status) == ("42", 1, "NA1", "new")
    stored = OrderLine.objects.values_list("product", "title", "categories", "quantity", "list_minor", "amount_minor")
    assert list(stored) == [("P7", "Bowl", ["Table"], 3, 3600, 3010)]
    assert OrderLine.objects.get().cost_minor == 1235, "half a cent is rounded up"
    assert list(OrderCoupon.objects.values_list("code", "discount_minor")) == [("HELLO", 590)]
    assert Order.objects.get(reference="A2").total_minor == 1250
    assert Order.objects.get(reference="A3").total_minor == 1235, "three digits, half up"


def test_the_same_data_again_writes_nothing(shop: LocalShop) -> None:
    shop.place("A1", paid_at=NOON)
    tell("A1")
    shop.orders["A1"] = replace(shop.orders["A1"])
    tell("A1", at=NOON + HOUR)
    assert Order.objects.get().read_at == NOON
    assert since(2) == []


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"paid_at": NOON}, "OrderPaid A1"),
        ({"fulfilled_at": NOON}, "OrderFulfilled A1"),
        ({"delivered_at": NOON}, "OrderDelivered A1"),
        ({"cancelled_at": NOON}, "OrderCancelled A1"),
        ({"total": Decimal("39.00")}, "OrderChanged A1"),
        ({"lines": (LineData(reference="1", product="P1"),)}, "OrderChanged A1"),
        ({"coupons": (CouponUse(code="X", discount=Decimal(1)),)}, "OrderChanged A1"),
        ({"points_spent": 5}, "OrderChanged A1"),
        ({"status": "packed"}, "OrderChanged A1"),
    ],
    ids=["paid", "fulfilled", "delivered", "cancelled", "total", "lines", "coupons", "points", "status"],
)
def test_one_change_is_one_fact(shop: LocalShop, change: dict[str, Any], fact: str) -> None:
    shop.place("A1")
    tell("A1")
    shop.change("A1", **change)
    tell("A1", at=NOON + HOUR)
    tell("A1", at=NOON + 2 * HOUR)
    assert since(1) == [fact]


def test_several_changes_at_once_are_a_fact_each(shop: LocalShop) -> None:
    shop.place("A1")
    tell("A1")
    shop.change("A1", paid_at=NOON, fulfilled_at=NOON, status="sent", points_spent=3)
    tell("A1", at=NOON + HOUR)
    assert since(1) == ["OrderPaid A1", "OrderFulfilled A1"]


def test_fulfilled_does_not_imply_paid(shop: LocalShop) -> None:
    shop.place("A1", fulfilled_at=NOON)
    tell("A1")
    assert happened() == ["OrderPlaced A1", "OrderFulfilled A1"]
    assert Order.objects.get().paid_at is None


def test_a_cancelled_order_that_is_on_again_is_reinstated_and_can_be_cancelled_again(shop: LocalShop) -> None:
    shop.place("A1")
    tell("A1")
    for hour, cancelled in enumerate([NOON, None, NOON + HOUR], start=1):
        shop.change("A1", cancelled_at=cancelled)
        tell("A1", at=NOON + hour * HOUR)
    assert since(1) == ["OrderCancelled A1", "OrderReinstated A1", "OrderCancelled A1"]
    assert Order.objects.get().cancelled_at == NOON + HOUR


def test_a_refund_may_come_before_the_payment(shop: LocalShop) -> None:
    shop.place("A1")
    tell("A1")
    shop.refund("A1", "15.00")
    tell("A1", at=NOON + HOUR)
    shop.change("A1", paid_at=NOON)
    tell("A1", at=NOON + 2 * HOUR)
    assert since(1) == ["OrderRefunded A1", "OrderPaid A1"]
    assert Fact.objects.get(kind="retention.OrderRefunded").payload["refunded_minor"] == 1500


def test_each_refund_says_the_sum_of_all(shop: LocalShop) -> None:
    shop.place("A1")
    for hour, amount in enumerate(["15.00", "5.00", "20.00"]):
        shop.refund("A1", amount)
        tell("A1", at=NOON + hour * HOUR)
    sums = Fact.objects.filter(kind="retention.OrderRefunded").order_by("pk").values_list("payload__refunded_minor")
    assert [refunded for (refunded,) in sums] == [1500, 2000, 4000]
    assert sorted(Refund.objects.values_list("reference", "amount_minor")) == [
        ("A1-R1", 1500),
        ("A1-R2", 500),
        ("A1-R3", 2000),
    ]


def test_a_refund_that_is_taken_back_says_the_smaller_sum(shop: LocalShop) -> None:
    shop.place("A1")
    shop.refund("A1", "15.00")
    tell("A1")
    shop.change("A1", refunds=())
    tell("A1", at=NOON + HOUR)
    assert since(2) == ["OrderRefunded A1"]
    assert Fact.objects.order_by("pk").last().payload["refunded_minor"] == 0
    assert Refund.objects.count() == 0


def test_a_state_without_a_time_is_stamped_when_first_seen_and_the_stamp_is_kept(shop: LocalShop) -> None:
    shop.place("A1", reached=frozenset({"paid"}))
    tell("A1", at=NOON + HOUR)
    shop.change("A1", reached=frozenset({"paid", "fulfilled"}), status="sent")
    tell("A1", at=NOON + 5 * HOUR)
    shop.change("A1", status="closed")
    tell("A1", at=NOON + 9 * HOUR)
    order = Order.objects.get()
    assert (order.paid_at, order.fulfilled_at) == (NOON + HOUR, NOON + 5 * HOUR)
    assert happened() == ["OrderPlaced A1", "OrderPaid A1", "OrderFulfilled A1", "OrderChanged A1"]


def test_a_time_that_the_shop_learns_later_replaces_the_stamp_without_a_second_fact(shop: LocalShop) -> None:
    shop.place("A1", reached=frozenset({"paid"}))
    tell("A1", at=NOON + HOUR)
    shop.change("A1", paid_at=NOON)
    tell("A1", at=NOON + 2 * HOUR)
    assert Order.objects.get().paid_at == NOON
    assert since(2) == ["OrderChanged A1"]


def test_a_state_that_is_taken_back_loses_its_time_and_is_news_when_it_returns(shop: LocalShop) -> None:
    shop.place("A1", reached=frozenset({"paid"}))
    tell("A1")
    shop.change("A1", reached=frozenset())
    tell("A1", at=NOON + HOUR)
    assert Order.objects.get().paid_at is None
    shop.change("A1", reached=frozenset({"paid"}))
    tell("A1", at=NOON + 2 * HOUR)
    assert Order.objects.get().paid_at == NOON + 2 * HOUR
    assert since(2) == ["OrderChanged A1", "OrderPaid A1"]


def test_the_projection_can_be_dropped_and_filled_again(shop: LocalShop) -> None:
    shop.place("A1", paid_at=NOON)
    tell("A1")
    before = Order.objects.values("reference", "customer", "total_minor", "paid_at").get()
    Order.objects.all().delete()
    tell("A1")
    assert Order.objects.values("reference", "customer", "total_minor", "paid_at").get() == before


def test_no_fact_holds_an_address_or_a_name(shop: LocalShop) -> None:
    shop.place("A1", email="ada@example.com", first_name="Ada", last_name="Byron", paid_at=NOON, postcode="SW1Y")
    shop.refund("A1", "40.00")
    tell("A1")
    shop.change("A1", cancelled_at=NOON)
    tell("A1", at=NOON + HOUR)
    facts.number()
    told = str(list(Fact.objects.values()))
    assert not [word for word in ("ada", "Ada", "Byron", "SW1Y", "@") if word in told]
