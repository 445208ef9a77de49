"""Why a code was refused, check by check: what staff read is what the checkout decides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from campaigns import backing, queries
from campaigns.backing import Backer
from campaigns.baskets import Basket, Line
from campaigns.explained import Answer
from campaigns.models import Coupon, MarginGuard
from campaigns.reasons import Reason
from campaigns.services import checking, coupons, explaining, sharing
from campaigns.services.limits import Cap
from campaigns.terms import Asked, Goods, Terms
from retention.models import Customer
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import NOW, amount, give, guest, make_offer, percentage, reserve

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop) -> FakeShop:
    fake_shop.add_product("Cup", price=Decimal("20.00"), category="clay/cups")
    fake_shop.add_product("Spoon", price=Decimal("5.00"), category="wood")
    return fake_shop


def line(product: str, price: int) -> Line:
    return Line(product=product, price=price)


def basket(*lines: Line, email: str = "ada@example.com", currency: str = "EUR", **given: Any) -> Basket:
    return Basket(currency=currency, lines=lines, email=email, **given)


CUP, SPOON = line("p1", 2000), line("p2", 500)

BASKETS = {
    "nothing said": basket(email=""),
    "ada, no basket": basket(),
    "a stranger's cup": basket(CUP, email=""),
    "ada's cup": basket(CUP),
    "ada's spoon": basket(SPOON),
    "ada's cup and spoon": basket(CUP, SPOON),
    "bo's cup": basket(CUP, email="bo@example.com"),
    "ada's cup in another currency": basket(CUP, currency="USD"),
    "somebody nobody knows": basket(CUP, email="new@example.com"),
}


def offer_of(terms: Terms | None = None, *caps: Cap, slug: str = "thanks") -> Coupon:
    return give(make_offer(terms, caps=caps, slug=slug))


def void() -> Coupon:
    coupon = offer_of()
    coupons.void([coupon], reason="leaked", at=NOW)
    return coupon


def expired() -> Coupon:
    return give(make_offer(percentage(valid_days=1)), at=NOW - timedelta(days=9))


def used() -> Coupon:
    coupon = offer_of()
    reserve(coupon, "elsewhere")
    coupon.redemptions.update(state="committed", order="1", committed_at=NOW, lease_until=None)
    return coupon


def held() -> Coupon:
    coupon = offer_of()
    reserve(coupon, "elsewhere")
    return coupon


def ordered_before(*conditions: Asked) -> Coupon:
    coupon = offer_of(percentage(first_order_only=True, conditions=conditions))
    Customer.objects.update(orders_count=2)
    return coupon


def shared() -> Coupon:
    offer = make_offer()
    return sharing.share(offer, sharing.look(offer, code="SPRING24", cap=5, at=NOW), key="k", source="staff:1", at=NOW)


def shared_and_used_by_ada() -> Coupon:
    coupon = shared()
    reserve(coupon, "elsewhere")
    return coupon


def once_a_month_and_used() -> Coupon:
    offer = make_offer(percentage(per_customer=1, per_customer_period="month"))
    reserve(give(offer, key="first"), "elsewhere")
    return give(offer, key="second")


def guarded() -> Coupon:
    MarginGuard.objects.create(pk=1, share_of_list=Decimal("80"))
    return offer_of(percentage("50"))


def limited(measure: str, most: int, currency: str = "") -> Callable[[], Coupon]:
    def make() -> Coupon:
        coupon = offer_of(percentage("50"), Cap(measure=measure, currency=currency, most=most))
        other = give(coupon.offer, guest("cy@example.com"))
        reserve(other, "elsewhere", email="cy@example.com", off=most, currency=currency or "EUR")
        return coupon

    return make


BACKER = Backer(name="gone:", gone=lambda coupons, at: {coupon.pk for coupon in coupons})


def unbacked() -> Coupon:
    backing.backers.add(BACKER.name, BACKER)  # it stands behind no other test's coupons
    coupon = offer_of()
    Coupon.objects.filter(pk=coupon.pk).update(source="gone:1")
    return coupon


COUPONS: dict[str, Callable[[], Coupon]] = {
    "personal": offer_of,
    "void": void,
    "expired": expired,
    "not begun": lambda: offer_of(percentage(starts_on=date(2026, 3, 9))),
    "used": used,
    "held by another basket": held,
    "minimum": lambda: offer_of(amount(("EUR", 500, 1000))),
    "minimum above": lambda: offer_of(amount(("EUR", 500, 9000))),
    "only clay": lambda: offer_of(percentage(goods=Goods(only_categories=("clay",)))),
    "never the spoon": lambda: offer_of(percentage(goods=Goods(never_products=("p2",)))),
    "clay for so much": lambda: offer_of(amount(("EUR", 100, 2400), goods=Goods(only_categories=("clay",)))),
    "a free product": lambda: offer_of(Terms(kind="free_product", valid_days=9, goods=Goods(only_products=("p2",)))),
    "free shipping": lambda: offer_of(Terms(kind="free_shipping", valid_days=9)),
    "first order": lambda: offer_of(percentage(first_order_only=True)),
    "first order, ordered before": ordered_before,
    "two conditions": lambda: ordered_before(Asked(name="campaigns.nth_order", parameters={"n": 1})),
    "fifth order": lambda: offer_of(percentage(conditions=(Asked(name="campaigns.nth_order", parameters={"n": 5}),))),
    "a condition that is gone": lambda: offer_of(percentage(conditions=(Asked(name="gone"),))),
    "shared": shared,
    "shared, used by ada": shared_and_used_by_ada,
    "once a month": once_a_month_and_used,
    "no use left of the offer": limited("uses", 1),
    "no budget left": limited("discount", 500, "EUR"),
    "a budget in another currency": limited("discount", 500, "GBP"),
    "below the floor": guarded,
    "what was to pay for it is gone": unbacked,
}

UNSAID = (Reason.NO_ADDRESS, Reason.BELOW_MINIMUM)


def explain(coupon: Coupon, of: Basket, *others: Coupon) -> Answer:
    fresh = {row.pk: row for row in queries.by_code([coupon.code, *(one.code for one in others)])}
    return explaining.explain(fresh[coupon.pk], basket=of, others=[fresh[one.pk] for one in others], at=NOW)


@pytest.mark.parametrize("kind", COUPONS)
def test_the_checks_say_what_the_checkout_decides(kind: str) -> None:
    coupon = COUPONS[kind]()
    for name, of in BASKETS.items():
        [fresh] = queries.by_code([coupon.code])
        refusal = checking.check([fresh], basket=of, at=NOW).get(coupon.pk)
        found = explain(coupon, of)
        crosses = {check.reason for check in found.checks if check.holds is False}
        if refusal is None:
            # of a budget that is used up nothing is left, whatever the basket will hold
            assert crosses <= (set() if of.lines else {Reason.BUDGET}), (name, found)
        elif refusal.reason in UNSAID and not (of.lines and of.is_known):
            assert not found.is_whole, (name, refusal)
        else:
            assert refusal.reason in crosses, (name, refusal, found)
            assert found.failed is not None
            assert found.failed.reason == refusal.reason, (name, refusal)
        if of.lines and of.is_known:
            assert found.is_whole, (name, found)


def test_every_reason_that_a_basket_can_be_refused_for_is_among_these(shop: FakeShop) -> None:
    """Otherwise the test above would prove less than it seems to."""
    met = set()
    for make in COUPONS.values():
        undo = transaction.savepoint()
        coupon = make()
        for of in BASKETS.values():
            [fresh] = queries.by_code([coupon.code])
            met |= {refusal.reason for refusal in checking.check([fresh], basket=of, at=NOW).values()}
        transaction.savepoint_rollback(undo)
        shop.coupons.clear()
    assert met == set(Reason) - {
        Reason.UNKNOWN, Reason.EXCLUSIVE, Reason.NOTHING_OFF, Reason.OFFER_OFF, Reason.OFFER_ENDED, Reason.ERASED,
        Reason.HOST,
    }  # fmt: skip


TWO = {
    "both alone": (percentage("10"), percentage("20")),
    "the first alone": (percentage("10"), percentage("20", exclusive=False)),
    "the second alone": (percentage("10", exclusive=False), percentage("20")),
    "together": (percentage("10", exclusive=False), percentage("20", exclusive=False)),
    "the other one is for other goods": (percentage("10"), percentage("20", goods=Goods(only_categories=("wood",)))),
}


@pytest.mark.parametrize("terms", TWO.values(), ids=TWO)
@pytest.mark.parametrize("floor", [None, 85, 95])
def test_beside_other_codes_it_says_what_the_checkout_decides(terms: tuple[Terms, Terms], floor: int | None) -> None:
    if floor:
        MarginGuard.objects.create(pk=1, share_of_list=floor)
    first, second = offer_of(terms[0], slug="one"), offer_of(terms[1], slug="two")
    refused = checking.check(list(queries.by_code([first.code, second.code])), basket=basket(CUP), at=NOW)
    for coupon, other in ((first, second), (second, first)):
        found = explain(coupon, basket(CUP), other)
        failed = found.failed
        assert (failed and failed.reason) == (refused[coupon.pk].reason if coupon.pk in refused else None)


# In words


def words(found: Answer) -> dict[str, tuple[bool | None, str]]:
    return {check.name: (check.holds, check.words) for check in found.checks}


def test_a_coupon_that_nothing_speaks_against() -> None:
    found = explain(offer_of(amount(("EUR", 500, 1000))), basket(CUP))
    assert found.failed is None
    assert words(found) == {
        "It was not called off": (True, ""),
        "It has not expired": (True, "Its last day: April 1, 2026."),
        "It has begun": (True, ""),
        "A use of it is left": (True, "0 of 1 taken."),
        "It is this customer's": (True, ""),
        "The currency is right": (True, "For EUR."),
        "It is for something in the basket": (True, "It is for all goods."),
        "The goods are worth enough": (True, "At least €10.00; those that count are worth €20.00."),
        "It can be used beside the other codes": (True, "It cannot be used together with another coupon."),
        "The shop itself has the code": (True, ""),
    }


def test_what_is_taken_of_limits_is_said() -> None:
    offer = make_offer(
        percentage("50", per_customer=2),
        caps=[Cap(most=100), Cap(measure="discount", period="month", currency="EUR", most=50_000)],
    )
    reserve(give(offer, key="first"), "elsewhere", off=700)
    said = words(explain(give(offer, key="second"), basket(CUP)))
    assert said["This person has not used it as often as allowed"] == (
        True, "All codes of the offer, over all time: 1 of 2.",
    )  # fmt: skip
    assert said["The offer has uses left"] == (True, "Taken: 1 use of 100 uses, over all time.")
    assert said["The offer's budget covers it"] == (True, "Taken: €7.00 of €500.00, a month.")


def test_a_condition_is_said_with_its_reason() -> None:
    coupon = offer_of(percentage(conditions=(Asked(name="campaigns.nth_order", parameters={"n": 5}),)))
    said = words(explain(coupon, basket(CUP)))
    assert said["Who shops is about to place order number 5"] == (False, "The next order is not number 5.")


def test_a_voucher_that_somebody_deleted_in_the_shop_is_found(shop: FakeShop) -> None:
    coupon = offer_of()
    del shop.coupons[coupon.code]
    found = explain(coupon, basket(CUP))
    assert found.refusal is None
    assert found.failed is not None
    assert found.failed.reason == Reason.HOST


def test_looking_changes_nothing() -> None:
    coupon = offer_of(percentage(per_customer=1), Cap(most=5))
    before = (list(Coupon.objects.values()), list(coupon.offer.limits.values("tallies__taken")))
    explain(coupon, basket(CUP))
    assert (list(Coupon.objects.values()), list(coupon.offer.limits.values("tallies__taken"))) == before
    assert coupon.redemptions.count() == 0


# A code that does not exist


def test_a_mistyped_code_is_found_among_the_customers_own() -> None:
    mine = give(make_offer(prefix="HI"))
    Coupon.objects.filter(pk=mine.pk).update(code="HI-ABCDEFGHJK23")
    mine.refresh_from_db()
    give(make_offer(slug="other"), guest("bo@example.com"))
    customer = mine.customer_id
    assert customer is not None
    for typed in ("HI-ABCDEFGHJK32", mine.code[:-1], mine.code.removeprefix("HI-")):
        assert explaining.nearest(typed, customer=customer, at=NOW) == [mine], typed
    assert explaining.nearest("QQQQQQQQQQQQ", customer=customer, at=NOW) == []


def test_what_can_be_used_comes_before_what_cannot() -> None:
    old, new = give(make_offer(), key="old"), give(make_offer(slug="new"), key="new")
    coupons.void([old], reason="leaked", at=NOW)
    Coupon.objects.filter(pk=old.pk).update(code="ABCDEFGHJKMN")
    Coupon.objects.filter(pk=new.pk).update(code="ABCDEFGHJ222")
    found = explaining.nearest("ABCDEFGHJKMX", customer=old.customer_id or 0, at=NOW)
    assert [coupon.code for coupon in found] == ["ABCDEFGHJ222", "ABCDEFGHJKMN"]
