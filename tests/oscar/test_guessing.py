"""Guessing codes in Oscar's own voucher form: so many tries as configured, and not one look-up more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from campaigns.models import Guess
from retention.models import Block
from retention.testing.contract.making import coupon
from tests.oscar.world import OscarWorld
from tests.races.together import all_well, together

FORM = "/basket/vouchers/add/"


class LookUps:
    """Counts the queries that name a code in the shop's or in our own tables of coupons."""

    def __init__(self) -> None:
        self.codes: Counter[str] = Counter()

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "voucher_voucher" in sql or "retention_campaigns_coupon" in sql:
            values = params.values() if isinstance(params, dict) else params or ()
            self.codes.update({str(value) for value in values if str(value).startswith("GUESS-")})
        return execute(sql, params, many, context)


@contextmanager
def looking() -> Iterator[LookUps]:
    look_ups = LookUps()
    with connection.execute_wrapper(look_ups):
        yield look_ups


def shopper(world: OscarWorld, product: str, address: str = "203.0.113.1") -> Client:
    """A visitor from an address, with something in the basket."""
    visitor = Client(REMOTE_ADDR=address)
    world.put(visitor, product)
    return visitor


@pytest.fixture
def cup(world: OscarWorld) -> str:
    return world.add_product("Cup", Decimal("10.00"))


@pytest.mark.django_db(transaction=True)  # in one transaction rows that are counted up again and again become slow
@pytest.mark.parametrize(
    ("addresses", "tries", "limit"), [(20, 50, 5), pytest.param(100, 100, 30, marks=pytest.mark.faults)]
)
def test_wrong_codes_from_many_addresses_are_looked_up_as_often_as_configured(
    world: OscarWorld, cup: str, settings: Any, addresses: int, tries: int, limit: int
) -> None:
    settings.RETENTION = {**settings.RETENTION, "COUPON_TRIES_PER_HOUR": limit}
    right = coupon(world)
    guessers = [shopper(world, cup, f"198.51.100.{number}") for number in range(addresses)]
    with looking() as look_ups:
        for attempt in range(tries):
            for number, guesser in enumerate(guessers):
                code = f"GUESS-{number}-{attempt}"
                # what was said piles up in the cookie of who never looks at a page, up to a session of its own
                guesser.cookies.pop("messages", None)
                assert guesser.post(FORM, {"code": code}).status_code == 302
    assert set(look_ups.codes) == {f"GUESS-{n}-{attempt}" for n in range(addresses) for attempt in range(limit)}
    assert Counter(Block.objects.values_list("level", "tries")) == {(1, limit): 2 * addresses}
    assert sum(Guess.objects.filter(prefix="").values_list("count", flat=True)) == addresses * limit

    assert taken(world, guessers[0], right) == (), "blocked, and the right code is not looked up"
    assert taken(world, shopper(world, cup), right) == (right,)


def taken(world: OscarWorld, visitor: Client, code: str) -> Any:
    """Try a code. Returns which codes are in the basket then."""
    visitor.post(FORM, {"code": code})
    return world.ask(visitor, world.shop.get_cart).coupons


@pytest.mark.parametrize("shared", ["address", "session"])
@pytest.mark.django_db(transaction=True)
def test_of_32_at_once_exactly_twenty_are_looked_up(shared: str, settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "COUPON_TRIES_PER_HOUR": 20}
    world = OscarWorld()
    cup = world.add_product("Cup", Decimal("10.00"))
    visitors = [shopper(world, cup, f"198.51.100.{0 if shared == 'address' else n}") for n in range(32)]
    if shared == "session":
        for visitor in visitors[1:]:
            visitor.cookies = visitors[0].cookies.__class__(visitors[0].cookies.output(header="", sep=";"))

    def attempt(number: int) -> Any:
        with looking() as look_ups:
            assert visitors[number].post(FORM, {"code": f"GUESS-{number}"}).status_code == 302
        return set(look_ups.codes)

    found = all_well(together(*[lambda number=number: attempt(number) for number in range(32)]))
    assert sum(map(bool, found)) == 20
    assert Block.objects.filter(level=1).count() == 1
    assert sum(Guess.objects.values_list("count", flat=True)) == 20


def test_who_is_blocked_reads_when_to_come_back_and_nothing_about_a_code(
    world: OscarWorld, cup: str, settings: Any
) -> None:
    settings.RETENTION = {**settings.RETENTION, "COUPON_TRIES_PER_HOUR": 1}
    right, visitor = coupon(world), shopper(world, cup)
    visitor.post(FORM, {"code": "GUESS"})
    visitor.get("/basket/")
    told = [
        [str(message) for message in visitor.post(FORM, {"code": code}, follow=True).context["messages"]]
        for code in (right, "GUESS")
    ]
    words = "Many codes have been tried from here, so we take a short break. "
    assert told == [[words + "Please try again in 60 minutes: your basket stays as it is."]] * 2


def test_the_page_of_a_link_and_the_form_of_the_basket_count_together(
    world: OscarWorld, cup: str, settings: Any
) -> None:
    settings.RETENTION = {**settings.RETENTION, "COUPON_TRIES_PER_HOUR": 4, "NUM_PROXIES": 1}
    visitor = shopper(world, cup)

    def post(path: str, address: str, **data: str) -> Any:
        visitor.cookies.pop("messages", None)
        return visitor.post(path, data, headers={"X-Forwarded-For": address})

    for address in ("198.51.100.1", "198.51.100.2"):
        assert post("/retention/c/GUESS-1/", address).status_code == 422
        assert post(FORM, address, code="GUESS-2").status_code == 302
    page = post("/retention/c/GUESS-3/", "198.51.100.3")
    assert page.status_code == 429, "a guest's basket stands for the session at both doors"
    assert "Please try again in 60 minutes" in page.content.decode()


def test_a_counter_that_fails_does_not_keep_the_shopper_from_the_basket(
    world: OscarWorld, cup: str, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.RETENTION = {**settings.RETENTION, "HASH_KEY": ""}
    visitor = shopper(world, cup)
    assert visitor.post(FORM, {"code": "GUESS"}, follow=True).status_code == 200
    assert "could not be counted" in caplog.text
