"""Codes in Oscar's voucher form as people really type them, and as nobody should."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from oscar.core.loading import get_model

from campaigns.models import Guess
from retention import registry
from retention.testing.contract.making import coupon
from tests.oscar.world import OscarWorld

FORM = "/basket/vouchers/add/"


@pytest.fixture
def visitor(world: OscarWorld) -> Client:
    visitor = world.visit()
    world.put(visitor, world.add_product("Cup", Decimal("10.00")))
    visitor.get("/basket/")
    return visitor


def attempt(visitor: Client, code: str) -> list[str]:
    page = visitor.post(FORM, {"code": code}, follow=True)
    assert page.status_code == 200
    return [str(message) for message in page.context["messages"]]


def in_basket(world: OscarWorld, visitor: Client) -> Any:
    return world.ask(visitor, world.shop.get_cart).coupons


def own_voucher(world: OscarWorld, code: str) -> str:
    """A voucher as the merchant makes one in Oscar's dashboard."""
    everything = get_model("offer", "Range").objects.create(name="All", includes_all_products=True)
    offer = get_model("offer", "ConditionalOffer").objects.create(
        name="Theirs",
        offer_type="Voucher",
        condition=get_model("offer", "Condition").objects.create(range=everything, type="Count", value=1),
        benefit=get_model("offer", "Benefit").objects.create(range=everything, type="Percentage", value=25),
    )
    day = timedelta(days=1)
    voucher = get_model("voucher", "Voucher").objects.create(
        name="Theirs", code=code, start_datetime=world.now() - day, end_datetime=world.now() + day
    )
    voucher.offers.add(offer)
    return code


@pytest.mark.parametrize(
    "said",
    [
        "mate-box-2345",
        " MATE-BOX 2345\t",
        "MA\u200bTE-\u00adBOX-2345\ufeff",
        "МАТЕ-ВОХ-2345",  # a Russian keyboard
        "мате–вох–2345",
        "ＭＡＴＥ－ＢＯＸ－２３４５",
    ],
)
def test_what_was_meant_is_taken(world: OscarWorld, visitor: Client, said: str) -> None:
    code = coupon(world, "MATE-BOX-2345" if "X 2" not in said else "MATE-BOX2345")
    assert attempt(visitor, said) == [f"Coupon '{code}' added to cart"]
    assert in_basket(world, visitor) == (code,)
    assert Guess.objects.count() == 0


@pytest.mark.parametrize("own", ["SUMMER SALE", "МАМА", "ÉTÉ_2026", "10 % + MORE"])
def test_a_code_of_the_merchants_own_spelling_is_left_as_it_is(world: OscarWorld, visitor: Client, own: str) -> None:
    own_voucher(world, own)
    coupon(world, "MAMA")  # what it would be read as
    coupon(world, "SUMMERSALE")
    attempt(visitor, f" {own.lower()} ")
    assert in_basket(world, visitor) == (own,)


@pytest.mark.parametrize("own", ["SOLO10", "1LI0O-8B"])
def test_letters_that_our_own_codes_leave_out_are_not_exchanged(world: OscarWorld, visitor: Client, own: str) -> None:
    code = coupon(world, own)
    attempt(visitor, own.lower())
    assert in_basket(world, visitor) == (code,)


@pytest.mark.parametrize("odd", ["A" * 10_000, "A\x00B", "\x00", "\u200b" * 300, "СКИДКА", "'; DROP TABLE", "A" * 128])
def test_what_is_no_code_gets_the_one_sentence(world: OscarWorld, visitor: Client, odd: str) -> None:
    [told] = attempt(visitor, odd)
    assert "cannot be used for this basket" in told
    assert in_basket(world, visitor) == ()
    assert Guess.objects.get().count == 1


@pytest.mark.parametrize("odd", ["A" * 10_000, "A\x00B"])
def test_what_no_code_can_be_is_not_looked_up(world: OscarWorld, visitor: Client, odd: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        visitor.post(FORM, {"code": odd})
    assert not [query["sql"] for query in queries if '"voucher_voucher"."code" =' in query["sql"]]


@pytest.mark.parametrize(("said", "look_ups"), [("mate-box-2345", 1), ("МАТЕ-ВОХ-2345", 2)])
def test_only_what_was_read_otherwise_costs_another_look_up(
    world: OscarWorld, visitor: Client, said: str, look_ups: int
) -> None:
    coupon(world, "MATE-BOX-2345")
    with CaptureQueriesContext(connection) as queries:
        visitor.post(FORM, {"code": said})
    by_code = [query["sql"] for query in queries if '"voucher_voucher"."code" = ' in query["sql"]]
    assert len([sql for sql in by_code if "JOIN" not in sql]) == look_ups, "the others look into the basket"


def test_a_code_that_exists_and_is_refused_is_no_guess(world: OscarWorld, visitor: Client) -> None:
    attempt(visitor, coupon(world, "OLD-CODE-00001", ends_at=world.now() - timedelta(days=1)))
    assert Guess.objects.count() == 0
    attempt(visitor, "NO-SUCH-CODE-99")
    assert Guess.objects.get().prefix == ""


def test_who_counts_wrong_codes_and_fails_does_not_break_the_basket(
    world: OscarWorld, visitor: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(code: str, at: Any) -> None:
        Guess.objects.create(prefix="A" * 500, hour=None)

    monkeypatch.setattr(registry.wrong_codes, "_items", {"failing": fail})
    [told] = attempt(visitor, "NO-SUCH-CODE-99")
    assert "cannot be used for this basket" in told
    assert "could not be told" in caplog.text
