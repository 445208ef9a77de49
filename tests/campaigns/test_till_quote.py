"""What a plain basket costs with some codes: the same whatever their order, and nothing changes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.baskets import Line
from campaigns.models import Coupon, MarginGuard, Redemption
from campaigns.services import coupons, till
from campaigns.services.limits import Cap, Measure
from campaigns.terms import Asked, Goods, Terms
from retention.testing.shop import FakeShop
from tests.campaigns.carts import ADA, PlainShop, basket, off, refusals
from tests.campaigns.shelf import NOW, amount, give, guest, make_offer, percentage, reserve

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop, monkeypatch: pytest.MonkeyPatch) -> FakeShop:
    monkeypatch.setattr(FakeShop, "capabilities", PlainShop.capabilities)
    return fake_shop


def free_shipping(**terms: Any) -> Terms:
    return Terms(kind="free_shipping", **{"valid_days": 30, **terms})


def ask(of: Any, *codes: str) -> Any:
    return till.quote(of, codes, at=NOW)


def test_a_percentage_comes_off_every_line() -> None:
    coupon = give(make_offer())
    quote = ask(basket(1999, 4001, shipping=400), coupon.code.lower())
    assert [taken.discount.lines for taken in quote.taken] == [(199, 401)]
    assert (quote.lines, quote.goods, quote.shipping, quote.total) == ((1800, 3600), 5400, 400, 5800)
    assert (quote.discount, quote.refused, quote.until) == (600, (), None)


def test_a_quote_changes_nothing_and_costs_one_look() -> None:
    coupon = give(make_offer())
    with CaptureQueriesContext(connection) as asked:
        ask(basket(), coupon.code)
    assert [query["sql"].split()[0] for query in asked] == ["SELECT"]
    assert (Redemption.objects.count(), Coupon.objects.get().used) == (0, 0)


def test_free_shipping_takes_the_shipping_and_waits_while_that_is_not_known() -> None:
    coupon = give(make_offer(free_shipping()))
    quote = ask(basket(shipping=400), coupon.code)
    assert (off(quote), quote.shipping, quote.total) == ([(coupon.code, 400)], 0, 4000)
    assert off(ask(basket(), coupon.code)) == [(coupon.code, 0)]


def test_several_take_their_part_in_turn_whatever_order_they_are_typed_in() -> None:
    tenth = give(make_offer(percentage(exclusive=False), slug="tenth"))
    five = give(make_offer(amount(("EUR", 500, None), exclusive=False), slug="five"))
    early = give(make_offer(percentage("50", exclusive=False, priority=1), slug="early"))
    typed = [tenth.code, five.code, early.code]
    quotes = [ask(basket(), *some) for some in (typed, typed[::-1], [*typed, *typed])]
    assert [off(quote) for quote in quotes] == [[(early.code, 2000), (tenth.code, 200), (five.code, 500)]] * 3
    assert {quote.total for quote in quotes} == {1300}


def test_of_two_that_stand_alone_the_first_in_turn_stays() -> None:
    tenth, five = give(make_offer()), give(make_offer(amount(("EUR", 500, None)), slug="five"))
    quote = ask(basket(), five.code, tenth.code)
    assert (off(quote), refusals(quote)) == ([(tenth.code, 400)], [(five.code, "exclusive")])
    early = give(make_offer(amount(("EUR", 500, None), priority=1), slug="early"))
    assert off(ask(basket(), tenth.code, early.code)) == [(early.code, 500)]


def test_one_that_stands_alone_and_would_take_nothing_off_keeps_no_other_out() -> None:
    sample = (Line(product="p1", price=0),)
    tenth, ship = give(make_offer()), give(make_offer(free_shipping(), slug="ship"))
    quote = ask(basket(lines=sample, shipping=400), tenth.code, ship.code)
    assert (off(quote), refusals(quote)) == ([(ship.code, 400)], [(tenth.code, "nothing_off")])


def test_what_cannot_be_a_code_is_unknown_and_what_is_typed_twice_counts_once() -> None:
    coupon = give(make_offer())
    strange = ["NO-SUCH-CODE", "\x00", "A" * 10_000, "' OR 1=1"]
    quote = ask(basket(), coupon.code, f" {coupon.code.lower()} ", *strange)
    assert off(quote) == [(coupon.code, 400)]
    assert refusals(quote) == [(code, "unknown") for code in sorted(strange)]


def test_each_is_refused_for_its_own_reason() -> None:
    offer = make_offer()
    codes = {name: give(offer, guest(f"{name}@example.com"), key=name) for name in ("theirs",)}
    void, used, below, dollars, other, first = (
        give(make_offer(terms, slug=name), key=name)
        for name, terms in {
            "void": percentage(exclusive=False),
            "used": percentage(exclusive=False),
            "below": amount(("EUR", 500, 9000), exclusive=False),
            "dollars": amount(("USD", 500, None), exclusive=False),
            "other": percentage(exclusive=False, goods=Goods(only_products=("p9",))),
            "first": percentage(exclusive=False, conditions=(Asked(name="no.such.condition"),)),
        }.items()
    )
    coupons.void([void], reason="leaked", at=NOW)
    reserve(used, "elsewhere")
    quote = ask(basket(), *(one.code for one in (codes["theirs"], void, used, below, dollars, other, first)))
    assert sorted(refusals(quote)) == sorted(
        [
            (codes["theirs"].code, "someone_elses"), (void.code, "void"), (used.code, "reserved"),
            (below.code, "below_minimum"), (dollars.code, "wrong_currency"), (other.code, "goods"),
            (first.code, "condition"),
        ]
    )  # fmt: skip
    assert quote.total == 4000


def test_an_expired_one_and_one_that_has_not_begun() -> None:
    coupon = give(make_offer())
    quote = till.quote(basket(), [coupon.code], at=NOW + timedelta(days=31))
    assert refusals(quote) == [(coupon.code, "expired")]
    Coupon.objects.filter(pk=coupon.pk).update(starts_at=NOW + timedelta(hours=1))
    assert refusals(ask(basket(), coupon.code)) == [(coupon.code, "not_started")]


def test_what_would_take_nothing_off_is_not_used_up() -> None:
    whole = give(make_offer(percentage("100", exclusive=False), slug="whole"))
    five = give(make_offer(amount(("EUR", 500, None), exclusive=False), slug="five"))
    quote = ask(basket(), whole.code, five.code)
    assert (off(quote), refusals(quote)) == ([(whole.code, 4000)], [(five.code, "nothing_off")])
    assert refusals(ask(basket(lines=()), five.code)) == [(five.code, "nothing_off")]


def test_reduced_goods_are_left_alone_where_the_terms_say_so() -> None:
    coupon = give(make_offer(percentage(sale_goods=False)))
    lines = (Line(product="a", price=1000, now=800), Line(product="b", price=1000))
    quote = ask(basket(lines=lines), coupon.code)
    assert (quote.lines, quote.goods) == ((800, 900), 1700)


def test_the_shop_is_asked_once_for_categories_and_only_where_they_matter(
    shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    cup, book = shop.add_product(category="clay"), shop.add_product(category="paper")
    asked: list[Any] = []

    def get_products(shop: FakeShop, references: Any) -> Any:
        asked.append(list(references))
        return {reference: shop.products[reference] for reference in references}

    monkeypatch.setattr(FakeShop, "get_products", get_products)
    clay = give(make_offer(percentage(goods=Goods(only_categories=("clay",))), slug="clay"))
    quote = ask(basket(1000, 2000), clay.code, "UNKNOWN")
    assert refusals(quote) == [("UNKNOWN", "unknown")]
    assert (quote.lines, asked) == ((900, 2000), [[cup, book]])
    asked.clear()
    said = (Line(product="x", price=1000, categories=("clay",)), Line(product="y", price=2000, categories=()))
    assert ask(basket(lines=said), clay.code).lines == (900, 2000)
    ask(basket(), give(make_offer(slug="any")).code)
    assert asked == []


def test_two_coupons_of_one_offer_share_its_limits() -> None:
    offer = make_offer(percentage(exclusive=False, per_customer=1), slug="once")
    first, second = give(offer, key="1"), give(offer, key="2")
    quote = ask(basket(), second.code, first.code)
    assert (off(quote), refusals(quote)) == ([(first.code, 400)], [(second.code, "customer_limit")])
    scarce = make_offer(percentage(exclusive=False), slug="scarce", max_uses=1)
    third, fourth = give(scarce, key="3"), give(scarce, key="4")
    quote = ask(basket(), fourth.code, third.code)
    assert (off(quote), refusals(quote)) == ([(third.code, 400)], [(fourth.code, "offer_limit")])
    purse = make_offer(
        percentage(exclusive=False), slug="purse", caps=[Cap(measure=Measure.DISCOUNT, currency="EUR", most=700)]
    )
    fifth, sixth = give(purse, key="5"), give(purse, key="6")
    quote = ask(basket(), sixth.code, fifth.code)
    assert (off(quote), refusals(quote)) == ([(fifth.code, 400)], [(sixth.code, "budget")])


def test_what_is_taken_is_taken_just_so_without_the_refused_ones() -> None:
    """The whole price counts against the budget as soon as the other one, which left less of it, is gone."""
    half = give(make_offer(percentage("50", exclusive=False, priority=1), slug="half"), guest("bo@example.com"))
    purse = [Cap(measure=Measure.DISCOUNT, currency="EUR", most=300)]
    tenth = give(make_offer(percentage(exclusive=False), slug="tenth", caps=purse))
    quote = ask(basket(), half.code, tenth.code)
    assert (off(quote), sorted(refusals(quote))) == (
        [], sorted([(half.code, "someone_elses"), (tenth.code, "budget")]),
    )  # fmt: skip


def test_the_margin_guard_takes_out_the_last_in_turn() -> None:
    MarginGuard.objects.create(pk=1, share_of_list=Decimal(60))
    third = give(make_offer(percentage("30", exclusive=False), slug="third"))
    five = give(make_offer(amount(("EUR", 500, None), exclusive=False), slug="five"))
    quote = ask(basket(), five.code, third.code)
    assert (off(quote), refusals(quote)) == ([(third.code, 1200)], [(five.code, "margin")])


def test_a_stranger_is_told_that_the_shop_must_say_who_shops() -> None:
    coupon = give(make_offer())
    assert refusals(ask(basket(email=""), coupon.code)) == [(coupon.code, "no_address")]
    assert off(ask(basket(email=ADA.upper()), coupon.code)) == [(coupon.code, 400)]
