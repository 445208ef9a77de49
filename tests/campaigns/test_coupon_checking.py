"""Why a basket may not use a coupon: the exact reason, each on its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from campaigns import queries
from campaigns.baskets import Basket, Line
from campaigns.models import Coupon
from campaigns.reasons import Reason
from campaigns.services import checking, coupons
from campaigns.terms import Asked, Goods
from retention import registry
from retention.services import customers
from retention.testing.settling import settle
from retention.testing.shop import FakeShop
from retention.testing.world import FakeWorld
from tests.campaigns.shelf import NOW, amount, give, guest, make_offer, percentage, reserve

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop) -> FakeShop:
    return fake_shop


def basket(*, worth: int = 5000, **given: Any) -> Basket:
    lines = given.pop("lines", (Line(product="p1", price=worth),))
    return Basket(**{"reference": "c1", "currency": "EUR", "lines": lines, "email": "ada@example.com", **given})


def reasons(*mine: Coupon, at: Any = NOW, **given: Any) -> dict[str, Reason]:
    shopping = basket(**given)
    found = list(queries.by_code([coupon.code for coupon in mine], cart=shopping.reference))
    refused = checking.check(found, basket=shopping, at=at)
    keys = {coupon.pk: coupon.key for coupon in mine}
    return {keys[pk]: refusal.reason for pk, refusal in refused.items()}


def test_a_good_coupon_is_not_refused() -> None:
    assert reasons(give(make_offer(amount(("EUR", 500, 5000))))) == {}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"at": NOW + timedelta(days=40)}, Reason.EXPIRED),
        ({"email": "bo@example.com"}, Reason.SOMEONE_ELSES),
        ({"email": "", "user_id": 4711}, Reason.SOMEONE_ELSES),
        ({"email": ""}, Reason.NO_ADDRESS),
        ({"currency": "GBP"}, Reason.WRONG_CURRENCY),
        ({"worth": 2999}, Reason.BELOW_MINIMUM),
    ],
)
def test_each_reason_is_told_from_the_others(given: dict[str, Any], reason: Reason) -> None:
    coupon = give(make_offer(amount(("EUR", 500, 3000))), key="k")
    assert reasons(coupon, **given) == {"k": reason}


def test_a_coupon_that_was_called_off_is_void() -> None:
    coupon = give(make_offer(), key="k")
    coupons.void([coupon], reason="leaked", at=NOW)
    assert reasons(coupon) == {"k": Reason.VOID}


def test_held_by_another_basket_is_not_the_same_as_used() -> None:
    coupon = give(make_offer(), key="k")
    held = reserve(coupon, "c2")
    assert reasons(coupon) == {"k": Reason.RESERVED}
    assert reasons(coupon, reference="c2") == {}
    held.state, held.order = "committed", "1"
    held.save()
    assert reasons(coupon) == {"k": Reason.USED}


def test_another_spelling_of_the_mailbox_is_the_same_person() -> None:
    coupon = give(make_offer(), guest("ada.l@gmail.com"))
    assert reasons(coupon, email="ADAL+shop@googlemail.com") == {}


def test_an_account_may_use_its_coupon_with_another_address(fake_world: FakeWorld) -> None:
    user = fake_world.add_user("ada@example.com")
    coupon = give(make_offer(), customers.for_user(user, at=NOW))
    assert reasons(coupon, email="work@example.com", user_id=user.pk) == {}


def test_a_first_order_coupon_ends_with_the_first_order_and_comes_back_with_its_cancelling(shop: FakeShop) -> None:
    coupon = give(make_offer(percentage(first_order_only=True)), key="k")
    assert reasons(coupon) == {}
    reference = shop.place(email="ada@example.com")
    settle(at=NOW)
    assert reasons(coupon) == {"k": Reason.NOT_FIRST_ORDER}
    shop.mark(reference, "cancelled")
    settle(at=NOW)
    assert reasons(coupon) == {}


def test_an_account_that_has_ordered_is_no_first_orderer_with_a_new_spelling(
    shop: FakeShop, fake_world: FakeWorld
) -> None:
    coupon = give(make_offer(percentage(first_order_only=True)), guest("ada+new@example.com"), key="k")
    user = fake_world.add_user("ada@example.com")
    shop.place(email="ada@example.com", user=user)
    settle(at=NOW)
    assert reasons(coupon, email="ada@example.com", user_id=user.pk) == {"k": Reason.NOT_FIRST_ORDER}


def test_a_condition_that_does_not_hold_says_which(shop: FakeShop) -> None:
    asked = Asked(name="campaigns.nth_order", parameters={"n": 2})
    coupon = give(make_offer(percentage(conditions=(asked,))), key="k")
    [refusal] = checking.check(list(queries.by_code([coupon.code])), basket=basket(), at=NOW).values()
    assert (refusal.reason, refusal.detail) == (Reason.CONDITION, "The next order is not number 2.")
    shop.place(email="ada@example.com")
    settle(at=NOW)
    assert reasons(coupon) == {}


def test_a_condition_that_is_gone_lets_nobody_through() -> None:
    coupon = give(make_offer(percentage(conditions=(Asked(name="elsewhere.in_tier"),))), key="k")
    assert reasons(coupon) == {"k": Reason.CONDITION}
    [trouble] = registry.troubles["campaigns.coupons"](NOW)
    assert "elsewhere.in_tier" in str(trouble.what)


Give = Callable[[str, Any], Coupon]


@pytest.fixture
def each() -> Give:
    """Give one person a coupon of an offer of its own."""
    return lambda slug, terms: give(make_offer(terms, slug=slug), key=slug)


def test_of_coupons_that_stand_alone_the_first_in_turn_stays(each: Give) -> None:
    five, ten = each("five", amount(("EUR", 500, None))), each("ten percent", percentage("10"))
    assert reasons(ten, five) == {"five": Reason.EXCLUSIVE}  # of one turn percentages come first
    early = each("early", amount(("EUR", 100, None), priority=9))
    assert reasons(ten, five, early) == {"ten percent": Reason.EXCLUSIVE, "five": Reason.EXCLUSIVE}


def test_of_equals_the_oldest_stays(each: Give) -> None:
    older, newer = each("older", percentage()), each("newer", percentage())
    assert reasons(newer, older) == {"newer": Reason.EXCLUSIVE}


def test_coupons_that_combine_are_kept_out_by_one_that_does_not(each: Give) -> None:
    three, two = each("three", percentage("3", exclusive=False)), each("two", percentage("2", exclusive=False))
    alone = each("alone", percentage("1", priority=99))
    assert reasons(three, two) == {}
    assert reasons(three, two, alone) == {"three": Reason.EXCLUSIVE, "two": Reason.EXCLUSIVE}


def test_an_offer_for_a_product_is_for_its_variants_too(each: Give) -> None:
    coupon = each("cups", percentage(goods=Goods(only_products=("cup",))))
    assert reasons(coupon, lines=(Line(product="blue", parent="cup", price=5000),)) == {}
    assert reasons(coupon, lines=(Line(product="blue", parent="bowl", price=5000),)) == {"cups": Reason.GOODS}
    never = each("no cups", percentage(goods=Goods(never_products=("cup",))))
    assert reasons(never, lines=(Line(product="blue", parent="cup", price=5000),)) == {"no cups": Reason.GOODS}


def test_a_coupon_that_is_refused_anyway_does_not_push_out_another(each: Give) -> None:
    good, over = each("good", percentage("5")), each("over", percentage("90"))
    Coupon.objects.filter(pk=over.pk).update(state="void")
    assert reasons(good, over) == {"over": Reason.VOID}
