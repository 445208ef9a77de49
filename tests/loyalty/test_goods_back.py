"""What of an order's refunds is about its goods, said once for gifts, giving, challenges and paid memberships."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from loyalty.models import Cause, Contribution, Participation
from loyalty.services import causes, challenge_reach, gift_plans, goods_back
from loyalty.services.goods_back import Back
from retention.models import Order
from retention.shop import LineData, RefundData
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.gifts import challenge, plan
from tests.loyalty.till import START, account, join

Drain = Callable[[datetime], None]


def sell(shop: FakeShop, user: Any, *prices: str, shipping: str = "0", quantity: int = 1) -> str:
    """Place an order of the products p0, p1 and so on, a line each. Returns its reference."""
    rows = tuple(
        LineData(reference=str(n), product=f"p{n}", quantity=quantity, list_price=Decimal(price), amount=Decimal(price))
        for n, price in enumerate(prices)
    )
    goods = sum((row.amount for row in rows), Decimal(0))
    whole = goods + Decimal(shipping)
    return shop.place(user=user, lines=rows, items=goods, shipping=Decimal(shipping), total=whole)


def give_back(shop: FakeShop, order: str, amount: str, *named: tuple[str, str]) -> None:
    """Refund a part of an order; ``named``: of which lines how much."""
    refunds = shop.orders[order].refunds
    lines = tuple((line, Decimal(minor)) for line, minor in named)
    made = RefundData(reference=f"r{len(refunds)}", amount=Decimal(amount), at=shop.clock.now, lines=lines)
    shop._change(order, refunds=(*refunds, made))


def state() -> tuple[str, int, int]:
    return Participation.objects.values_list("state", "progress", "wins").get()


@pytest.mark.parametrize(
    ("unnamed", "shipping", "back"),
    [
        (500, 500, 0), (1, 500, 0), (501, 500, 1), (4999, 500, 4499),
        (5000, 500, 5000),  # all the goods to the penny: the shop keeps what shipping cost
        (5001, 500, 4501), (5499, 500, 4999), (5500, 500, 5000), (9000, 500, 5000),
        (5000, 5000, 0),  # shipping cost as much
        (0, 500, 0), (700, 0, 700),
    ],
)  # fmt: skip
def test_money_of_no_line_is_for_shipping_first_unless_it_is_all_the_goods(
    unnamed: int, shipping: int, back: int
) -> None:
    found = Back(goods_minor=5000, unnamed_minor=unnamed, shipping_minor=shipping)
    assert (found.of_goods(), found.left_minor) == (back, 5000 - back)


@pytest.mark.parametrize(
    ("refunds", "left"),
    [
        ([("20", ("0", "20"))], 3000),
        ([("25", ("0", "20"))], 3000),  # the rest of it is no line's, and shipping's
        ([("27", ("0", "20"))], 2800),
        ([("25", ("0", "25"))], 3000),  # no more is the line's than it cost
        ([("5",), ("20", ("0", "20"))], 3000),
        ([("2",), ("3",), ("4",)], 4600),  # several: shipping once
        ([("20", ("9", "20"))], 3500),  # a line that the order does not have
        ([("20", ("0", "20")), ("30",)], 0),  # all that was left
        ([("20", ("0", "10"), ("1", "10"))], 3000),
    ],
)
def test_what_a_refund_names_is_taken_off_that_line_and_the_rest_as_money_of_no_line(
    shop: FakeShop, clock: Clock, drain: Drain, refunds: list[Any], left: int
) -> None:
    order = sell(shop, join(), "20", "30", shipping="5")
    for amount, *named in refunds:
        give_back(shop, order, amount, *named)
    drain(clock.now)
    [row] = Order.objects.all()
    assert goods_back.of([row])[row.pk].left_minor == left


def test_two_queries_tell_it_of_any_number_of_orders_and_none_where_nothing_went_back(
    shop: FakeShop, clock: Clock, drain: Drain, django_assert_num_queries: Any
) -> None:
    user = join()
    for _ in range(3):
        sell(shop, user, "20")
    drain(clock.now)
    orders = list(Order.objects.all())
    with django_assert_num_queries(0):
        assert {back.left_minor for back in goods_back.of(orders).values()} == {2000}
    for order in list(shop.orders):
        give_back(shop, order, "10", ("0", "10"))
    drain(clock.now)
    for some in (Order.objects.all()[:1], Order.objects.all()):
        orders = list(some)
        with django_assert_num_queries(2):
            assert {back.left_minor for back in goods_back.of(orders).values()} == {1000}


def test_shipping_that_goes_back_takes_no_gift_no_challenge_and_nothing_from_a_cause(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    user = join()
    plan(1, minimums={"EUR": 5000}, points=70)
    challenge(clock, goal="amount", target=5000, currency="EUR", automatic=True)
    causes.pledge(Cause.objects.create(name="Forest"), currency="EUR", percent=Decimal(10), at=START)
    order = sell(shop, user, "50", shipping="5")
    drain(clock.now)
    before = (account(user), state(), Contribution.objects.get().amount_minor)
    assert before == ((170, 0), ("won", 5000, 1), 500)
    give_back(shop, order, "5")
    drain(clock.now)
    assert (account(user), state(), Contribution.objects.get().amount_minor) == before
    give_back(shop, order, "0.01")
    drain(clock.now)
    assert (account(user), state(), Contribution.objects.get().amount_minor) == ((0, 0), ("running", 4999, 0), 499)
    give_back(shop, order, "44.99")  # 50.00 together: all the goods
    drain(clock.now)
    assert (state(), Contribution.objects.get().amount_minor) == (("running", 0, 0), 0)


def test_a_product_counts_until_its_line_has_gone_back(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    user = join()
    challenge(clock, goal="products", target=3, automatic=True)
    order = sell(shop, user, "20", "20", "20")
    drain(clock.now)
    assert (state(), account(user)) == (("won", 3, 1), (100, 0))
    give_back(shop, order, "19.99", ("1", "19.99"))  # the shop kept a fee, or it was a lower price
    give_back(shop, order, "20")  # of what, nobody says
    drain(clock.now)
    assert state() == ("won", 3, 1)
    shop._change(order, refunds=())
    give_back(shop, order, "40", ("0", "20"), ("1", "20"))
    drain(clock.now)
    assert (state(), account(user)) == (("running", 1, 0), (0, 0))


def test_of_a_line_of_two_pieces_one_that_goes_back_leaves_the_product(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    user = join()
    challenge(clock, goal="products", target=2, automatic=True)
    order = sell(shop, user, "40", "10", quantity=2)
    give_back(shop, order, "20", ("0", "20"))
    drain(clock.now)
    assert state() == ("won", 2, 1)
    give_back(shop, order, "20", ("0", "20"))
    drain(clock.now)
    assert state() == ("running", 1, 0)


def test_a_refund_of_other_goods_takes_nothing_from_an_amount_of_some(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    user = join()
    challenge(clock, goal="amount", target=5000, currency="EUR", goods=[("product", "p0")], automatic=True)
    order = sell(shop, user, "50", "50", shipping="5")
    drain(clock.now)
    assert state() == ("won", 5000, 1)
    give_back(shop, order, "50", ("1", "50"))
    drain(clock.now)
    assert (state(), account(user)) == (("won", 5000, 1), (100, 0))
    give_back(shop, order, "0.01", ("0", "0.01"))
    drain(clock.now)
    assert (state(), account(user)) == (("running", 4999, 0), (0, 0))


def test_money_of_no_line_takes_from_an_amount_of_some_goods_their_share(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    user = join()
    challenge(clock, goal="amount", target=5000, currency="EUR", goods=[("product", "p0")], automatic=True)
    order = sell(shop, user, "50", "25", shipping="5")
    give_back(shop, order, "15.01")  # 10.01 of goods, two thirds of it for these
    drain(clock.now)
    assert state() == ("running", 4333, 0)


def test_an_order_counts_while_one_of_the_goods_asked_for_is_kept(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    user = join()
    challenge(clock, goal="orders", target=1, goods=[("product", "p0")], automatic=True)
    order = sell(shop, user, "20", "20", shipping="5")
    give_back(shop, order, "20", ("1", "20"))
    drain(clock.now)
    assert state() == ("won", 1, 1)
    give_back(shop, order, "20")  # all that was left of the goods
    drain(clock.now)
    assert state() == ("running", 0, 0)


def test_estimates_for_staff_forgive_refunded_shipping(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    user = join()
    order = sell(shop, user, "50", shipping="5")
    give_back(shop, order, "5")
    drain(clock.now)
    later = clock.now + timedelta(days=1)
    made = challenge(clock, goal="amount", target=5000, currency="EUR")
    assert gift_plans.reach(1, minimums={"EUR": 5000}, at=later) == (1, 1)
    assert challenge_reach.reach(made, at=later).done == 1
    give_back(shop, order, "0.01")
    drain(clock.now)
    assert gift_plans.reach(1, minimums={"EUR": 5000}, at=later) == (0, 1)
    assert challenge_reach.reach(made, at=later).done == 0
