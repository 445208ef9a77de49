"""Rules give some orders more, by what held when they were placed; refunds take back by that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from loyalty.models import EarningRule, Entry, OrderAward, Programme, TierMove
from loyalty.models.rule import RuleIsKept
from loyalty.services import awards, promises, rules, verifying
from retention.shop import LineData, RefundData
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import START, account, award, join, ledger, start, table, who

Drain = Callable[[datetime], None]


@pytest.fixture(autouse=True)
def books_agree(db: None) -> Any:
    yield
    assert list(verifying.differences()) == []


def rule(programme: Programme, *, at: datetime = START, **said: Any) -> EarningRule:
    given: dict[str, Any] = {"name": "A rule", **said}
    if "times" in given:
        given["times"] = Decimal(given["times"])
    if "points" in given and "effect" not in given:
        given["effect"] = "order"
    return rules.set_rule(programme, at=at, **given)


def line(
    reference: str, amount: str, *, product: str = "", category: str = "", quantity: int = 1, tax: str = ""
) -> LineData:
    above = tuple("/".join(category.split("/")[: n + 1]) for n in range(category.count("/") + 1)) if category else ()
    return LineData(
        reference=reference, product=product or f"p{reference}", categories=above, quantity=quantity,
        list_price=Decimal(amount), amount=Decimal(amount), tax=Decimal(tax) if tax else None,
    )  # fmt: skip


def buy(shop: FakeShop, user: Any, *lines: LineData, **more: Any) -> str:
    items = sum((one.amount for one in lines), start=Decimal(0))
    return shop.place(user=user, total=items + more.get("shipping", Decimal(0)), items=items, lines=lines, **more)


def give_back(shop: FakeShop, order: str, amount: str, **lines: str) -> None:
    """Refund an amount, of it so much of each line: ``l1="10.00"``."""
    refunds = shop.orders[order].refunds
    made = RefundData(
        reference=f"r{len(refunds) + 1}", amount=Decimal(amount), at=shop.clock.now,
        lines=tuple((name.removeprefix("l"), Decimal(part)) for name, part in lines.items()),
    )  # fmt: skip
    shop._change(order, refunds=(*refunds, made))


TEA, CUP = line("1", "40.00", product="tea", category="food/tea"), line("2", "60.00", product="cup", category="clay")


# What rules give


def test_goods_of_a_category_earn_twice_and_the_rest_once(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    made = rule(start(), name="Tea weeks", goods="only", categories=["food"], times="2")
    user = join()
    order = buy(shop, user, TEA, CUP)
    drain(clock.now)
    assert account(user) == (140, 0)
    assert award(order).earned == 140
    assert Entry.objects.get().breakdown["rules"] == {str(made.pk): 40}
    assert award(order).breakdown["lines"]["1"] == {"times": "2", "by": str(made.pk), "piece": {}, "order": []}


@pytest.mark.parametrize(
    ("said", "earned"),
    [
        ({"times": "1.5"}, 150),
        ({"goods": "only", "products": ["cup"], "times": "3"}, 220),
        ({"goods": "except", "categories": ["clay"], "times": "2"}, 140),
        ({"goods": "only", "products": ["no such product"], "times": "2"}, 100),
        ({"effect": "nothing", "goods": "only", "categories": ["food/tea"]}, 60),
        ({"effect": "order", "points": 25}, 125),
        ({"effect": "order", "points": 25, "goods": "only", "products": ["tea"]}, 125),
        ({"effect": "order", "points": 25, "goods": "only", "products": ["coffee"]}, 100),
        ({"effect": "piece", "points": 7, "goods": "only", "products": ["tea", "cup"]}, 121),
        ({"when": "first", "times": "2"}, 200),
        ({"when": "nth", "nth": 2, "times": "2"}, 100),
        ({"when": "every", "nth": 1, "times": "2"}, 200),
        ({"when": "shipped", "times": "2"}, 200),
        ({"placed_until": START, "times": "2"}, 100),
        ({"when": "asked", "condition": "no.such", "times": "2"}, 100),
    ],
)
def test_each_rule_adds_what_it_says_and_the_page_promises_the_same(
    shop: FakeShop, clock: Clock, drain: Drain, said: dict[str, Any], earned: int
) -> None:
    rule(start(), **said)
    user = join()
    order = buy(shop, user, TEA, LineData(
        reference="2", product="cup", categories=("clay",), quantity=2, list_price=Decimal(60), amount=Decimal(60)
    ))  # fmt: skip
    assert promises.for_order(shop.orders[order]) == earned
    drain(clock.now)
    assert account(user) == (earned, 0)


def test_of_two_multipliers_the_better_counts_and_extra_points_add_up(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    programme = start()
    rule(programme, name="Tea", goods="only", categories=["food/tea"], times="3")
    rule(programme, name="All", times="2")
    rule(programme, name="Extra", points=10)
    rule(programme, name="More", points=5, goods="only", products=["cup"])
    user = join()
    order = buy(shop, user, TEA, CUP)
    drain(clock.now)
    assert account(user) == (40 * 3 + 60 * 2 + 15, 0)
    assert promises.for_order(shop.orders[order]) == 255


def test_what_earns_nothing_earns_nothing_whatever_else_holds(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    programme = start()
    rule(programme, name="Gift cards", effect="nothing", goods="only", products=["card"])
    rule(programme, name="All", times="2")
    rule(programme, name="Extra", points=10)
    rule(programme, name="Pieces", effect="piece", points=3)
    user = join()
    cards = buy(shop, user, line("1", "50.00", product="card"))
    mixed = buy(shop, user, line("1", "50.00", product="card"), CUP)
    drain(clock.now)
    assert (award(cards).earned, award(mixed).earned) == (0, 133)


def test_an_order_is_rounded_down_once_and_not_line_by_line(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    rule(start(), goods="only", products=["p1"], times="1.5")
    user = join()
    buy(shop, user, line("1", "0.50"), line("2", "0.25"))
    drain(clock.now)
    assert account(user) == (1, 0)  # 0.75 + 0.25


def test_lines_that_do_not_add_up_to_the_goods_have_each_their_share(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    rule(start(), goods="only", products=["tea"], times="2")
    user = join()
    shop.place(user=user, total=Decimal("50.00"), items=Decimal("50.00"), lines=(TEA, CUP))  # half price
    drain(clock.now)
    assert account(user) == (20 * 2 + 30, 0)


def test_an_order_without_lines_has_the_rules_of_whole_orders(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    programme = start()
    rule(programme, times="2")
    rule(programme, name="Tea", goods="only", products=["tea"], times="5")
    rule(programme, name="Pieces", effect="piece", points=3)
    rule(programme, name="Extra", points=4)
    user = join()
    shop.place(user=user, lines=())
    drain(clock.now)
    assert account(user) == (84, 0)


def test_an_order_that_costs_nothing_has_no_extra_points_either(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    rule(start(), points=50)
    user = join()
    buy(shop, user, line("1", "0.00"))
    drain(clock.now)
    assert account(user) == (0, 0)


# Which orders


def test_every_third_order_by_time_of_placing_counts_and_cancelled_ones_do_not(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    rule(start(), when="every", nth=3, points=100)
    user = join()
    placed = []
    for number in range(7):
        placed.append(shop.place(user=user, total=Decimal(10), at=clock.forward(hours=1)))
        if number == 1:
            shop.mark(placed[1], "cancelled")
        drain(clock.now)
    # of 1, 3, 4, 5, 6, 7 the third and the sixth
    assert [awards_.earned for awards_ in OrderAward.objects.order_by("pk")] == [10, 10, 110, 10, 10, 110]


def test_a_guests_order_of_the_same_address_was_the_first(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    rule(start(), when="first", times="2")
    shop.place(email="ada@example.com")
    drain(clock.now)
    user = join("ada@example.com")
    order = shop.place(user=user, at=clock.forward(days=1))
    assert promises.for_order(shop.orders[order]) == 40
    drain(clock.now)
    assert account(user) == (40, 0)


def test_the_first_order_stays_the_first_when_it_is_settled_again(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    rule(start(), when="first", times="2")
    user = join()
    late = shop.place(user=user, at=clock.now, paid_at=None)
    drain(clock.now)
    second = shop.place(user=user, at=clock.forward(days=1))
    drain(clock.now)
    assert award(second).earned == 40
    shop.mark(late, "paid")
    drain(clock.now)
    assert award(late).earned == 80
    shop.mark(late, "cancelled")
    drain(clock.now)
    awards.settle({second: clock.now})
    assert account(user) == (40, 0), "what was awarded is not awarded anew"


def test_a_tier_counts_as_it_was_when_the_order_was_placed(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    rule(start(), when="tier", tier="gold", times="1.5")
    table(("Silver", 1000), ("Gold", 10000), ("Platinum", 900000))
    user = join()
    first = buy(shop, user, line("1", "100.00"), at=clock.now)
    drain(clock.now)  # this one makes them Gold
    assert TierMove.objects.get().new_name == "Gold"
    second = buy(shop, user, line("1", "100.00"), at=clock.forward(days=1))
    drain(clock.now)
    assert (award(first).earned, award(second).earned) == (100, 150)
    third = buy(shop, user, line("1", "8000.00"), at=clock.forward(days=1))
    drain(clock.now)
    assert award(third).earned == 12000
    assert promises.for_order(shop.orders[third]) == 12000


def test_a_registered_condition_is_asked_of_all_customers_at_once(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    rule(start(), when="asked", condition="retention.orders", parameters={"at_least": 2, "at_most": None}, times="2")
    ada, bob = join("ada@example.com"), join("bob@example.com")
    for user in (ada, ada, bob):
        shop.place(user=user, email=user.email, at=clock.forward(hours=1))
    drain(clock.now)
    assert (account(ada), account(bob)) == ((160, 0), (40, 0))  # both of hers were there when it was asked


# Refunds, changes, other hands


@pytest.mark.parametrize(
    ("policy", "back", "left"),
    [
        ("proportional", {"amount": "40.00", "l1": "40.00"}, 60),  # all of the tea and what it earned
        ("proportional", {"amount": "20.00", "l1": "20.00"}, 100),
        ("proportional", {"amount": "60.00", "l2": "60.00"}, 80),
        ("proportional", {"amount": "50.00"}, 70),
        ("proportional", {"amount": "70.00", "l1": "40.00"}, 30),  # 60 − 60 × 30 / 60
        ("proportional", {"amount": "100.00", "l1": "40.00"}, 0),
        ("recompute", {"amount": "40.00", "l1": "40.00"}, 60),
        ("recompute", {"amount": "50.00"}, 70),
        ("recompute", {"amount": "70.00", "l1": "40.00"}, 30),
        ("amount", {"amount": "40.00", "l1": "40.00"}, 60),
        ("amount", {"amount": "50.00"}, 70),
        ("amount", {"amount": "70.00", "l1": "40.00"}, 18),  # 80 of the tea, and 30 at 1.4 a unit
    ],
)
def test_a_refund_takes_back_by_the_line_that_it_names(
    shop: FakeShop, clock: Clock, drain: Drain, policy: str, back: dict[str, str], left: int
) -> None:
    rule(start(refund_policy=policy), goods="only", categories=["food/tea"], times="2")
    user = join()
    order = buy(shop, user, TEA, CUP)
    drain(clock.now)
    assert account(user) == (140, 0)
    give_back(shop, order, **back)
    drain(clock.now)
    assert account(user) == (left, 0)
    assert promises.for_order(shop.orders[order]) == left


def test_without_rules_too_a_refund_of_a_line_takes_that_lines_points(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start()
    user = join()
    order = buy(shop, user, TEA, CUP, shipping=Decimal("10.00"))
    drain(clock.now)
    give_back(shop, order, "40.00", l1="40.00")
    drain(clock.now)
    assert account(user) == (60, 0)
    give_back(shop, order, "10.00")  # the shipping: by its share of what is left, 60 × 10 / 70
    drain(clock.now)
    assert account(user) == (52, 0)


def test_extra_points_of_some_goods_go_back_with_them(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    programme = start()
    rule(programme, name="Tea", points=50, goods="only", products=["tea"])
    rule(programme, name="Cups", effect="piece", points=6, goods="only", products=["cup"])
    user = join()
    order = buy(shop, user, TEA, LineData(
        reference="2", product="cup", quantity=3, list_price=Decimal(60), amount=Decimal(60)
    ))  # fmt: skip
    drain(clock.now)
    assert account(user) == (168, 0)
    give_back(shop, order, "20.00", l2="20.00")
    drain(clock.now)
    assert account(user) == (142, 0)
    give_back(shop, order, "40.00", l1="40.00")
    drain(clock.now)
    assert account(user) == (52, 0)


def test_a_refund_goes_by_the_rule_of_its_day_and_the_catalogue_may_change(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    made = rule(start(), goods="only", categories=["food/tea"], times="2")
    user = join()
    order = buy(shop, user, TEA, CUP, at=clock.now)
    drain(clock.now)
    clock.forward(days=1)
    changed = rules.set_rule(
        made.programme, at=clock.now, replaces=made, name="Tea", goods="only", categories=["food/tea"], times=Decimal(5)
    )
    moved = line("1", "40.00", product="tea", category="drinks")
    shop._change(order, lines=(moved, CUP))
    give_back(shop, order, "20.00", l1="20.00")
    drain(clock.now)
    assert account(user) == (100, 0)
    later = buy(shop, user, TEA, at=clock.now)
    drain(clock.now)
    assert award(later).earned == 200
    assert award(later).breakdown["held"] == [changed.pk]


def test_a_line_that_is_added_later_earns_by_the_rules_of_its_order(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    made = rule(start(), goods="only", categories=["food/tea"], times="2")
    user = join()
    order = buy(shop, user, CUP, at=clock.now)
    drain(clock.now)
    rules.end([made], at=clock.forward(days=1))
    shop._change(order, lines=(TEA, CUP), items=Decimal(100), total=Decimal(100))
    drain(clock.now)
    assert account(user) == (140, 0)


def test_an_order_that_changes_hands_takes_the_extra_points_with_it(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    programme = start()
    rule(programme, when="first", times="2")
    rule(programme, name="Extra", points=7)
    first, second = join("ada@example.com"), join("bob@example.com")
    shop.place(user=second, email=second.email, at=clock.now - timedelta(days=1))
    order = shop.place(user=first)
    drain(clock.now)
    shop._change(order, user_id=second.pk)
    drain(clock.now)
    assert ledger(first) == [("award", "balance", 87), ("move", "balance", -87)]
    assert ledger(second)[-1] == ("move", "balance", 87), "as it was awarded, though it is not their first"


# The basis


def test_points_can_be_earned_without_tax(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(basis="net")
    user = join()
    order = buy(shop, user, line("1", "24.00", tax="4.00"), line("2", "10.70", tax="0.70"))
    untold = shop.place(user=user, total=Decimal("48.00"), items=Decimal("36.00"), tax=Decimal("8.00"))
    drain(clock.now)
    assert (award(order).basis_minor, award(order).earned) == (3000, 30)
    assert award(untold).basis_minor == 3000, "by the share of the order's tax"
    assert promises.for_order(shop.orders[order]) == 30
    give_back(shop, order, "24.00", l1="24.00")
    drain(clock.now)
    assert award(order).balance == 10


def test_an_award_keeps_its_basis_when_the_programme_takes_another(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    programme = start()
    user = join()
    order = buy(shop, user, line("1", "24.00", tax="4.00"))
    drain(clock.now)
    Programme.objects.filter(pk=programme.pk).update(basis="net")
    give_back(shop, order, "12.00")
    drain(clock.now)
    assert account(user) == (12, 0)


# Versions


def test_a_rule_is_never_edited(db: None) -> None:
    made = rule(start(), times="2")
    made.times = Decimal(3)
    with pytest.raises(RuleIsKept):
        made.save()


def test_orders_placed_before_a_rule_earn_without_it_and_after_its_end_too(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    made = rule(start(), at=clock.now, times="2")
    user = join()
    before = shop.place(user=user, at=clock.now - timedelta(seconds=1))
    during = shop.place(user=user, at=clock.now)
    assert rules.end([made], at=clock.forward(days=1)) == 1
    assert rules.end([made], at=clock.now) == 0
    after = shop.place(user=user, at=clock.now)
    drain(clock.now)
    assert [award(order).earned for order in (before, during, after)] == [40, 80, 40]


def test_two_who_change_a_rule_at_once_do_not_both(db: None, clock: Clock) -> None:
    made = rule(start(), times="2")
    rules.set_rule(made.programme, at=clock.now, replaces=made, name="A", times=Decimal(3))
    with pytest.raises(rules.ChangedMeanwhile):
        rules.set_rule(made.programme, at=clock.now, replaces=made, name="B", times=Decimal(4))
    assert EarningRule.objects.current().get().name == "A"
    same = EarningRule.objects.current().get()
    assert rules.set_rule(made.programme, at=clock.now, replaces=same, name="A", times=Decimal(3)) == same


@pytest.mark.parametrize(
    ("said", "other", "refused"),
    [
        ({"times": "2"}, {"times": "3"}, True),
        ({"times": "2"}, {"effect": "nothing"}, True),
        ({"times": "2"}, {"times": "3", "goods": "only", "products": ["tea"]}, False),
        ({"times": "2"}, {"points": 5}, False),
        ({"points": 5}, {"points": 5}, False),
        ({"times": "2", "when": "first"}, {"times": "3", "when": "nth", "nth": 1}, True),
        ({"times": "2", "when": "tier", "tier": "Gold"}, {"times": "3", "when": "tier", "tier": "Silver"}, False),
        ({"times": "2", "when": "tier", "tier": "Gold"}, {"times": "3", "when": "tier", "tier": " gold"}, True),
        ({"times": "2", "placed_until": START}, {"times": "3", "placed_from": START}, False),
    ],
)
def test_two_rules_of_which_one_could_never_count_are_refused(
    db: None, said: dict[str, Any], other: dict[str, Any], refused: bool
) -> None:
    programme = start()
    first = rule(programme, **said)
    if not refused:
        rule(programme, **other)
        assert EarningRule.objects.count() == 2
        return
    with pytest.raises(rules.Contradiction) as found:
        rule(programme, **other)
    assert found.value.other == first


@pytest.mark.parametrize(
    "said",
    [
        {"times": "0"},
        {"times": "-1"},
        {"effect": "times"},
        {"effect": "order", "points": 0},
        {"effect": "nothing", "points": 3},
        {"when": "nth", "times": "2"},
        {"times": "2", "placed_from": START, "placed_until": START},
    ],
)
def test_the_database_refuses_rules_without_sense(db: None, said: dict[str, Any]) -> None:
    programme = start()
    with pytest.raises(IntegrityError), transaction.atomic():
        rule(programme, **said)


def test_ten_billion_points_an_order_are_counted_exactly(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    rule(start(), points=10**10)
    user = join()
    shop.place(user=user)
    drain(clock.now)
    assert account(user) == (10**10 + 40, 0)
    assert who(user).points_account.balance == 10**10 + 40
