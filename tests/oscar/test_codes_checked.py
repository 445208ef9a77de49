"""A code that Oscar's form has taken is shown to the guards of the checkout: a no is heard in the basket already."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from oscar.core.loading import get_model

from retention import registry
from retention.registry import CheckoutGuard
from retention.shop import CouponRejected
from retention.testing.contract.coupons import total
from retention.testing.contract.guards import Watch, watching
from retention.testing.contract.making import coupon, filled
from tests.oscar.test_voucher_form import attempt
from tests.oscar.world import OscarWorld

Heard = list[tuple[str, str, str]]


@pytest.fixture
def watch() -> Iterator[Watch]:
    with watching() as watch:
        yield watch


@pytest.fixture
def heard() -> Iterator[Heard]:
    """What those who listen to refusals are told: code, reason and place."""
    told: Heard = []

    def listen(refusal: CouponRejected, place: str, cart: str, at: Any) -> None:
        assert cart == str(get_model("basket", "Basket").objects.latest("pk").pk)
        told.append((refusal.code, refusal.reason, place))

    registry.coupon_refusals.add("test", listen)
    yield told
    registry.coupon_refusals.remove("test")


@pytest.fixture
def visitor(world: OscarWorld) -> Client:
    visitor = filled(world, price="10.00")
    visitor.get("/basket/")  # shows what was said so far
    return visitor


def codes(world: OscarWorld, visitor: Client) -> tuple[str, ...]:
    cart = world.ask(visitor, world.shop.get_cart)
    assert cart is not None
    return cart.coupons


def test_a_code_that_a_guard_refuses_is_out_again_and_the_one_sentence_is_all_that_is_said(
    world: OscarWorld, visitor: Client, watch: Watch, heard: Heard
) -> None:
    code = coupon(world)
    watch.no.add(code)
    [told] = attempt(visitor, code)
    assert told == attempt(visitor, "NO-SUCH-CODE-99")[0]
    assert codes(world, visitor) == ()
    assert total(world, visitor) == Decimal("10.00")
    assert heard == [(code, "budget", "form")]
    [cart] = watch.checked
    assert (cart.coupons, cart.total, cart.discounts[0].discount) == ((code,), Decimal("9.00"), Decimal("1.00"))


def test_a_code_that_no_guard_refuses_stays(world: OscarWorld, visitor: Client, watch: Watch, heard: Heard) -> None:
    code = coupon(world)
    assert attempt(visitor, code) == [f"Coupon '{code}' added to cart"]
    assert (codes(world, visitor), total(world, visitor), heard) == ((code,), Decimal("9.00"), [])


def test_another_code_that_is_no_good_any_more_is_taken_out_by_name_and_the_new_one_stays(
    world: OscarWorld, visitor: Client, watch: Watch, heard: Heard
) -> None:
    old, new = coupon(world, "OLD-CODE-00001", offer="old"), coupon(world, "NEW-CODE-00001", offer="new")
    attempt(visitor, old)
    watch.no.add(old)
    assert attempt(visitor, new) == [
        f"Coupon '{new}' added to cart",
        f"The code {old} cannot be used for this basket.",
    ]
    assert (codes(world, visitor), heard) == ((new,), [(old, "budget", "form")])


def test_both_codes_may_be_refused(world: OscarWorld, visitor: Client, watch: Watch) -> None:
    old, new = coupon(world, "OLD-CODE-00001", offer="old"), coupon(world, "NEW-CODE-00001", offer="new")
    attempt(visitor, old)
    watch.no |= {old, new}
    told = attempt(visitor, new)
    assert ["cannot be used for this basket" in words for words in told] == [True, True]
    assert (new in told[0], old in told[1]) == (False, True)
    assert codes(world, visitor) == ()


@pytest.mark.parametrize("atomic_requests", [False, True])
def test_a_guard_or_a_listener_that_fails_breaks_no_page(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, atomic_requests: bool
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic_requests)
    world = OscarWorld()
    visitor = filled(world, price="10.00")
    visitor.get("/basket/")

    def fail(*args: Any, **kwargs: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM no_such_table")

    registry.checkout_guards.add("failing", CheckoutGuard(name="failing", reserve=fail, check=fail))
    registry.coupon_refusals.add("failing", fail)
    try:
        code = coupon(world)
        assert attempt(visitor, code) == [f"Coupon '{code}' added to cart"]
        assert "failing could not check" in caplog.text
        with watching() as watch:
            watch.no.add(other := coupon(world, "OTHER-CODE-0001", offer="other"))
            assert "cannot be used" in attempt(visitor, other)[0]
        assert "could not be told" in caplog.text
    finally:
        registry.checkout_guards.remove("failing")
        registry.coupon_refusals.remove("failing")
    assert codes(world, visitor) == (code,)


def test_what_oscar_itself_refuses_of_ours_is_told_with_its_reason(
    world: OscarWorld, visitor: Client, heard: Heard
) -> None:
    day = timedelta(days=1)
    attempt(visitor, "NO-SUCH-CODE-99")
    for code, terms in {
        "OLD-CODE-00001": {"ends_at": world.now() - day / 2},
        "EARLY-CODE-0001": {"starts_at": world.now() + day},
        "MIN-CODE-00001": {"minimum": Decimal("10.01")},
        "OTHER-CODE-0001": {"products": ("987654",)},
    }.items():
        attempt(visitor, coupon(world, code, offer=code, **terms))
    attempt(visitor, coupon(world, "ALONE-CODE-001", offer="alone", exclusive=True))
    attempt(visitor, coupon(world, "LATER-CODE-001", offer="later"))
    assert heard == [
        ("OLD-CODE-00001", "expired", "form"),
        ("EARLY-CODE-0001", "not_started", "form"),
        ("MIN-CODE-00001", "minimum", "form"),
        ("OTHER-CODE-0001", "products", "form"),
        ("LATER-CODE-001", "exclusive", "form"),
    ]


def test_a_code_comes_out_even_where_oscars_own_count_of_baskets_has_lost_one(
    world: OscarWorld, visitor: Client, watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    """Oscar counts by reading and writing a whole row: of two baskets at once one is lost, and below 0 it fails."""
    code = coupon(world)
    world.ask(visitor, world.shop.apply_coupon, code)
    get_model("voucher", "Voucher").objects.update(num_basket_additions=0)
    watch.no.add(code)
    world.to_preview(visitor, "ada@example.com")
    assert world.place(visitor)["Location"] == "/checkout/preview/"
    assert codes(world, visitor) == ()
    assert "could not be told that a code was taken out" in caplog.text


def test_where_nobody_has_a_word_to_say_nothing_is_asked_of_the_database(world: OscarWorld, visitor: Client) -> None:
    """A guard without ``check`` costs nothing."""
    guards = {guard.name: guard for guard in registry.checkout_guards}
    for name in guards:
        registry.checkout_guards.remove(name)
    try:
        code = coupon(world)
        with CaptureQueriesContext(connection) as queries:
            response = visitor.post("/basket/vouchers/add/", {"code": code})
        assert [str(message) for message in get_messages(response.wsgi_request)] == [f"Coupon '{code}' added to cart"]
        after = [query["sql"] for query in queries]
        last = max(index for index, sql in enumerate(after) if "num_basket_additions" in sql and "UPDATE" in sql)
        assert not [sql for sql in after[last:] if "retention_campaigns" in sql]
    finally:
        for name, guard in guards.items():
            registry.checkout_guards.add(name, guard)
