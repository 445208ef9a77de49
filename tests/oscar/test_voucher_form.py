"""Oscar's own voucher form: tries are counted, and a refusal says the same whatever the reason."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from retention.testing.contract.making import GUEST, coupon
from tests.oscar.world import OscarWorld


@pytest.fixture
def visitor(world: OscarWorld) -> Client:
    visitor = world.visit()
    world.put(visitor, world.add_product("Cup", Decimal("10.00")))
    visitor.get("/basket/")  # shows what was said so far
    return visitor


def attempt(visitor: Client, code: str, **extra: str) -> list[str]:
    """Try a code. Returns what the shopper reads on the page that follows."""
    page = visitor.post("/basket/vouchers/add/", {"code": code}, headers=extra, follow=True)
    return [str(message) for message in page.context["messages"]]


def test_every_refusal_has_the_same_words(world: OscarWorld, visitor: Client) -> None:
    day = timedelta(days=1)
    used = coupon(world, "USED-CODE-0001")
    other = world.visit()
    world.put(other, world.add_product("Cup", Decimal("10.00")))
    world.ask(other, world.shop.apply_coupon, used)
    world.checkout(other, GUEST)
    codes = [
        "NO-SUCH-CODE-99",
        used,
        coupon(world, "OLD-CODE-00001", ends_at=world.now() - day / 2),
        coupon(world, "EARLY-CODE-0001", starts_at=world.now() + day),
        coupon(world, "MIN-CODE-00001", minimum=Decimal("100.00")),
    ]
    told = [attempt(visitor, code) for code in codes]
    assert len({tuple(words) for words in told}) == 1
    [words] = told[0]
    assert "cannot be used for this basket" in words
    assert not any(code in words for code in codes)


def test_a_good_code_is_taken_and_oscar_says_so(world: OscarWorld, visitor: Client) -> None:
    code = coupon(world)
    assert attempt(visitor, code.lower()) == [f"Coupon '{code}' added to cart"]
    assert "9.00" in visitor.get("/basket/").content.decode()
    assert "already added" in attempt(visitor, code)[0]


def test_what_was_said_before_is_not_swallowed(world: OscarWorld, visitor: Client) -> None:
    world.put(visitor, world.add_product("Bowl", Decimal("10.00")))  # leaves its messages unread
    told = attempt(visitor, "NO-SUCH-CODE-99")
    assert any("Bowl" in words for words in told)
    assert "cannot be used" in told[-1]


def test_tries_are_counted_by_network_address_before_any_look_up(
    world: OscarWorld, visitor: Client, settings: Any
) -> None:
    settings.RETENTION = {**settings.RETENTION, "COUPON_TRIES_PER_HOUR": 3}
    code = coupon(world)
    with time_machine.travel(world.now().replace(minute=1), tick=False):
        for number in range(3):
            attempt(visitor, f"GUESS-{number}")
        newcomer = world.visit()  # the cookies thrown away
        world.put(newcomer, world.add_product("Cup", Decimal("10.00")))
        newcomer.get("/basket/")
        with CaptureQueriesContext(connection) as queries:
            [told] = attempt(newcomer, code)
        assert "try again in 60 minutes" in told
        assert not [query for query in queries if code in query["sql"]], "the code was looked up"
        assert world.ask(newcomer, world.shop.get_cart).coupons == ()


def test_tries_are_counted_by_session_too(world: OscarWorld, visitor: Client, settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "COUPON_TRIES_PER_HOUR": 3, "NUM_PROXIES": 1}
    code = coupon(world)
    with time_machine.travel(world.now().replace(minute=1), tick=False):
        for number in range(3):
            attempt(visitor, f"GUESS-{number}", x_forwarded_for=f"203.0.113.{number}")
        [told] = attempt(visitor, code, x_forwarded_for="203.0.113.99")
    assert "try again in 60 minutes" in told


def test_an_hour_later_tries_are_allowed_again(world: OscarWorld, visitor: Client, settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "COUPON_TRIES_PER_HOUR": 1}
    code = coupon(world)
    now = world.now().replace(minute=1)
    with time_machine.travel(now, tick=False):
        attempt(visitor, "GUESS")
        assert "try again in 60 minutes" in attempt(visitor, code)[0]
    with time_machine.travel(now + timedelta(hours=1), tick=False):
        assert "added to cart" in attempt(visitor, code)[0]
