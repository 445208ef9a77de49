"""What pages say that something earns is what the ledger then posts; and cashback is said as money."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from loyalty import earning_words, gains, sections
from loyalty.models import Programme
from loyalty.services import actions, programmes, promises, rules
from retention import registry
from retention.shop import CartData, CartLine, CouponUse, OrderData
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from retention.testing.world import FakeWorld
from tests.loyalty.till import START, account, join, rating, start, table, who

Drain = Callable[[datetime], None]


def render(source: str, user: Any = None, **context: object) -> str:
    request = RequestFactory().get("/")
    request.user = user or AnonymousUser()
    return Template("{% load loyalty retention %}" + source).render(Context({"request": request, **context})).strip()


def test_a_product_says_what_it_earns_by_its_rules(shop: FakeShop) -> None:
    programme = start()
    tea, cup = shop.add_product("Tea", price=Decimal(12), category="food/tea"), shop.add_product(price=Decimal(20))
    rules.set_rule(programme, at=START, name="Tea", goods="only", categories=["food"], times=Decimal(2))
    user = join()
    assert render(f"{{% product_points '{tea}' %}}", user) == "This earns 24 points"
    assert render(f"{{% product_points '{cup}' %}}", user) == "This earns 20 points"
    assert render(f"{{% product_points '{cup}' '0.99' 'EUR' %}}", user) == ""
    assert render(f"{{% product_points '{tea}' %}}") == "With an account this earns 24 points"
    assert render(f"{{% retention_product '{tea}' '12.00' 'EUR' %}}", user) == (
        '<p class="retention-note">This earns 24 points</p>'
    )
    assert render("{% product_points 'no such product' %}", user) == ""
    assert render(f"{{% retention_product '{tea}' %}}", user) == ""


def test_a_member_sees_what_their_tier_and_their_number_of_orders_give_and_a_stranger_no_guess(
    shop: FakeShop, clock: Clock, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: clock.now)
    programme = start()
    table(("Gold", 1000))
    rules.set_rule(programme, at=START, name="Gold", when="tier", tier="Gold", times=Decimal(3))
    rules.set_rule(programme, at=START, name="First", when="first", effect="order", points=50)
    cup = shop.add_product(price=Decimal(20))
    new, gold = join("new@example.com"), join("gold@example.com")
    shop.place(user=gold, email="gold@example.com", product=cup)
    drain(clock.now)
    clock.forward(days=1)
    said = [render(f"{{% product_points '{cup}' %}}", user) for user in (new, gold, None)]
    assert said == ["This earns 70 points", "This earns 60 points", "With an account this earns 20 points"]


def test_a_basket_promises_what_its_order_then_earns(
    shop: FakeShop, fake_world: FakeWorld, clock: Clock, drain: Drain
) -> None:
    programme = start()
    rules.set_rule(programme, at=START, name="Tea", goods="only", categories=["food"], times=Decimal(2))
    rules.set_rule(programme, at=START, name="Pieces", goods="only", categories=["food"], effect="piece", points=3)
    tea, cup = shop.add_product("Tea", price=Decimal(10), category="food/tea"), shop.add_product(price=Decimal(7))
    user = join()
    visitor = fake_world.visit(user)
    fake_world.put(visitor, tea, 2)
    fake_world.put(visitor, cup)
    cart = fake_world.ask(visitor, shop.get_cart)
    assert cart is not None
    assert promises.for_cart(cart, at=clock.now) == 40 + 6 + 7
    reference = fake_world.checkout(visitor)
    assert promises.for_order(shop.orders[reference]) == 53
    drain(clock.now)
    assert account(user) == (53, 0)


def test_an_empty_basket_and_one_in_a_currency_without_a_rate_promise_nothing(shop: FakeShop, clock: Clock) -> None:
    start()
    assert promises.for_cart(CartData(reference="", currency="EUR", total=Decimal(0)), at=clock.now) == 0
    line = CartLine(product="p", quantity=1, price=Decimal(9))
    assert (
        promises.for_cart(CartData(reference="c", currency="GBP", total=Decimal(9), lines=(line,)), at=clock.now) == 0
    )
    used = CouponUse(code="NOT-OURS", discount=Decimal(2))
    cart = CartData(reference="c", currency="EUR", total=Decimal(9), lines=(line,), discounts=(used,))
    assert promises.for_cart(cart, at=clock.now) == 9


def note(order: OrderData) -> str:
    build = registry.order_notes["loyalty"]
    return str(build(RequestFactory().get("/"), order, order.placed_at))


def test_the_page_that_thanks_tells_a_member_and_asks_a_guest(shop: FakeShop) -> None:
    programme = start(worth="0.01")
    mine, guests = shop.place(user=join()), shop.place(email="bob@example.com")
    assert note(shop.orders[mine]) == "This order earns you 40 points."
    assert note(shop.orders[guests]) == ""
    Programme.objects.filter(pk=programme.pk).update(pending_days=14, shown_as="money")
    assert note(shop.orders[mine]) == (
        "This order earns you €0.40, yours to use once it can no longer be returned."
    )  # fmt: skip


def test_where_the_merchant_wants_cashback_points_are_said_as_money(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    programme = start(worth="0.01", shown_as="money")
    rating(programme, "1", currency="GBP")
    user = join()
    tea = shop.add_product("Tea", price=Decimal(24))
    assert render(f"{{% product_points '{tea}' %}}", user) == "You get €0.24 back for this"
    assert render(f"{{% product_points '{tea}' '24' 'GBP' %}}", user) == "This earns 24 points"
    assert render("{% earns_points '24.00' 'EUR' %}", user) == "You get €0.24 back for this"
    order = shop.place(email="bob@example.com")
    [gain] = gains.points(shop.orders[order])
    assert (str(gain.text), str(gain.headline)) == ("€0.40", "claim €0.40")
    request = RequestFactory().get("/")
    shown = sections.points(request, who(user))
    assert shown is not None
    assert shown["money"] == "€0.00"
    shop.place(user=user, total=Decimal("320.00"))
    drain(clock.now)
    shown = sections.points(request, who(user))
    assert shown is not None
    assert shown["money"] == "€3.20"


def test_pending_points_are_money_there_too_and_a_limit_is_told_to_who_met_it(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start(worth="0.01", shown_as="money", pending_days=14, cap_day=30, cap_orders=True)
    user = join()
    shop.place(user=user)
    drain(clock.now)
    shown = sections.points(RequestFactory().get("/"), who(user))
    assert shown is not None
    assert [(award["points"], award["money"]) for award in shown["waiting"]] == [(30, "€0.30")]
    page = render_to_string("loyalty/account.html", {"section": shown})
    assert "€0.30 for order 1001, yours to spend on" in page
    assert [(row["what"], row["points"]) for row in shown["rows"]] == [
        ("10 points not given: at most 30 a day", "0")
    ]  # fmt: skip


def test_the_terms_on_the_account_page_are_those_of_the_rules_that_run(shop: FakeShop, clock: Clock) -> None:
    programme = start(cap_month=500, basis="net")
    tea = shop.add_product("Green tea")
    rules.set_rule(
        programme, at=START, name="Tea weeks", goods="only", products=[tea], categories=["clay/tea-pots"],
        times=Decimal(2),
    )  # fmt: skip
    rules.set_rule(programme, at=START, name="Welcome", when="first", effect="order", points=50)
    over = rules.set_rule(programme, at=START, name="Over", times=Decimal(9))
    rules.end([over], at=START)
    actions.set_rule(programme, action="review", points=30, often="thing", at=START)
    shown = sections.points(RequestFactory().get("/"), who(join()))
    assert shown is not None
    assert shown["terms"][:7] == [
        "You earn 1 point for each €1.00 on goods, after discounts and without shipping.",
        "Tax earns no points.",
        "Tea weeks: 2 × the points on Green tea, tea pots.",
        "Welcome: 50 extra points; on the first order.",
        "30 points for reviewing a product, whatever you say.",
        "Beyond what your orders earn by the rate you can get up to 500 points a month.",
        "Points can be used at once.",
    ]


def test_however_many_rules_there_are_the_terms_ask_as_often(shop: FakeShop, clock: Clock) -> None:
    programme = start()
    table(("Gold", 1000))
    asked = []
    for number in range(3):
        rules.set_rule(programme, at=START, name=f"Rule {number}", when="tier", tier="Gold", effect="order", points=5)
        with CaptureQueriesContext(connection) as captured:
            running = programmes.running()
            assert running is not None
            list(earning_words.for_shoppers(running, at=clock.now))
        asked.append(len(captured))
    assert asked[0] == asked[2]


def test_of_points_that_stay_whatever_is_refunded_the_terms_say_no_other(shop: FakeShop, clock: Clock) -> None:
    start(debt_policy="pending", pending_days=14)
    running = programmes.running()
    assert running is not None
    said = list(earning_words.for_shoppers(running, at=clock.now))
    assert said[-2:] == [
        "What you return or cancel before its points can be used takes them back.",
        "You take part by having an account, and can leave at any time.",
    ]


def test_where_tax_earns_nothing_no_page_promises_points_for_it(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(basis="net")
    user = join()
    cup = shop.products[shop.add_product(price=Decimal("119.00"))]
    told = replace(cup, tax=Decimal("19.00"))
    assert [promises.for_product(one, user_id=user.pk, at=clock.now) for one in (told, cup)] == [100, 0]
    line = CartLine(product=cup.reference, quantity=2, price=Decimal("238.00"), tax=Decimal("38.00"))
    cart = CartData(reference="c", currency="EUR", total=Decimal("238.00"), lines=(line,), user_id=user.pk)
    assert promises.for_cart(cart, at=clock.now) == 200
    assert promises.for_cart(replace(cart, lines=(replace(line, tax=None),)), at=clock.now) == 0
    assert promises.for_amount(Decimal("119.00"), "EUR", at=clock.now) == 0
    order = shop.place(user=user, total=Decimal("119.00"), tax=Decimal("19.00"))
    drain(clock.now)
    assert (promises.for_order(shop.orders[order]), account(user)) == (100, (100, 0))


def test_where_points_are_shown_as_money_the_terms_count_no_points(shop: FakeShop, clock: Clock) -> None:
    programme = start(cap_month=500, worth="0.01", shown_as="money")
    rating(programme, "2", currency="GBP")
    for number, (effect, goods) in enumerate((("order", "all"), ("order", "only"), ("piece", "only"))):
        named = {"goods": goods, "categories": ["tea"]} if goods == "only" else {"when": "first"}
        rules.set_rule(programme, at=START, name=f"Rule {number}", effect=effect, points=50, **named)
    rules.set_rule(programme, at=START, name="Tea weeks", goods="only", categories=["tea"], times=Decimal(2))
    rules.set_rule(programme, at=START, name="None", goods="only", categories=["cards"], effect="nothing")
    actions.set_rule(programme, action="review", points=30, often="thing", at=START)
    shown = sections.points(RequestFactory().get("/"), who(join()))
    assert shown is not None
    assert shown["terms"][:10] == [
        "You get 1% back on goods in EUR, after discounts and without shipping.",
        "You earn 2 points for each £1.00 on goods, after discounts and without shipping.",
        "Rule 0: €0.50 extra; on the first order.",
        "Rule 1: €0.50 extra on an order with tea.",
        "Rule 2: €0.50 extra for each piece of tea.",
        "Tea weeks: 2 × as much back on tea.",
        "None: cards: nothing back.",
        "€0.30 for reviewing a product, whatever you say.",
        "Beyond what your orders earn by the rate you can get up to €5.00 a month.",
        "Points can be used at once.",
    ]


def test_notes_never_break_the_shops_page(
    shop: FakeShop, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("no database")

    monkeypatch.setattr("loyalty.services.programmes.running", broken)
    tags = (
        "{% product_points 'p1' %}", "{% basket_points %}", "{% retention_product 'p1' '2.00' 'EUR' %}",
        "{% retention_basket_notes %}", "{% retention_order_notes %}",
    )  # fmt: skip
    assert [render(tag, join()) for tag in tags[:1]] == [""]
    assert [render(tag) for tag in tags[1:]] == [""] * 4
    assert "could not be shown" in caplog.text
