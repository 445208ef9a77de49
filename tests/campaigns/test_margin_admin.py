"""The page of the margin guard: one row, in words, with an example."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from campaigns import margin_words
from campaigns.models import MarginGuard, Offer
from campaigns.terms import Goods
from retention.testing.shop import FakeShop
from tests.campaigns.desk import confirm, said
from tests.campaigns.shelf import make_offer, percentage

pytestmark = pytest.mark.django_db

LIST = "/admin/retention_campaigns/marginguard/"
ADD, CHANGE = f"{LIST}add/", f"{LIST}1/change/"
OFF = "The margin guard is off: coupons may bring an order down as far as they like."
REFUSED = (
    "A coupon that would bring the goods of an order below that is refused; of several, the last in turn. "
    "Shipping does not count."
)


def words(share: Any = None, over: Any = None) -> list[str]:
    rule = MarginGuard(
        share_of_list=None if share is None else Decimal(share), over_cost=None if over is None else Decimal(over)
    )
    return list(margin_words.sentences(rule))


def test_what_it_does_is_said_with_an_example_on_a_hundred() -> None:
    assert words() == list(margin_words.sentences(None)) == [OFF]
    share = "All discounts together leave at least 70% of the list price to pay for the goods: 70.00 of 100.00."
    assert words("70.00") == [share, REFUSED]
    [cost, _] = words(over="0")
    assert cost == (
        "Of goods whose cost is known, at least the cost is left to pay: 50.00 for goods that cost the shop 50.00."
    )
    [cost, _] = words(over="20")
    assert cost == (
        "Of goods whose cost is known, at least the cost and 20% of it are left to pay: 60.00 for goods that cost the "
        "shop 50.00."
    )
    [cost, _] = words(over="-12.5")
    assert cost == (
        "Of goods whose cost is known, at least the cost less 12.5% of it is left to pay: 43.75 for goods that cost "
        "the shop 50.00."
    )
    both = words("55", "20")
    assert both[0].startswith("All discounts together leave at least 55%")
    assert both[2:] == [
        "The higher of the two counts, line by line: for goods of 100.00 that cost the shop 50.00 it is 60.00.",
        REFUSED,
    ]


def test_the_list_leads_to_the_one_row(staff: Client) -> None:
    assert staff.get(LIST).headers["Location"] == ADD
    MarginGuard.objects.create(pk=1, share_of_list=Decimal(70))
    assert staff.get(LIST).headers["Location"] == CHANGE
    assert staff.get(ADD).status_code == 403


def test_it_is_said_before_it_is_saved(staff: Client) -> None:
    page = staff.post(ADD, {"share_of_list": "70", "over_cost": ""})
    assert "70.00 of 100.00" in said(page)
    assert "It holds from now on, also for coupons that are out" in said(page)
    assert MarginGuard.objects.count() == 0
    confirm(staff, ADD, {"share_of_list": "70", "over_cost": ""})
    assert list(MarginGuard.objects.values_list("pk", "share_of_list", "over_cost")) == [(1, Decimal(70), None)]
    confirm(staff, CHANGE, {"share_of_list": "", "over_cost": "-10"})
    assert list(MarginGuard.objects.values_list("share_of_list", "over_cost")) == [(None, Decimal(-10))]


def test_the_page_says_what_it_does_now(staff: Client) -> None:
    assert OFF in said(staff.get(ADD))
    MarginGuard.objects.create(pk=1, over_cost=Decimal(20))
    assert "60.00 for goods that cost the shop 50.00" in said(staff.get(CHANGE))
    assert "The costs of 0 products are known by upload" in said(staff.get(CHANGE))


def test_offers_that_nobody_could_use_any_more_are_named(staff: Client) -> None:
    make_offer(percentage("40"), slug="forty")
    make_offer(percentage("30"), slug="thirty")
    make_offer(percentage("40", goods=Goods(only_categories=("clay",))), slug="clay")
    Offer.objects.filter(pk=make_offer(percentage("40"), slug="off").pk).update(active=False)
    page = said(staff.post(ADD, {"share_of_list": "70", "over_cost": ""}))
    assert "“Forty” takes off more than that for any order: nobody could use it." in page
    for name in ("Thirty", "Clay", "Off"):
        assert f"“{name}”" not in page


def test_both_empty_switches_it_off(staff: Client) -> None:
    MarginGuard.objects.create(pk=1, share_of_list=Decimal(70))
    assert OFF in said(confirm(staff, CHANGE, {"share_of_list": "", "over_cost": ""}))
    assert staff.post(f"{LIST}1/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"share_of_list": "101"}, "less than or equal to 100"),
        ({"share_of_list": "-1"}, "greater than or equal to 0"),
        ({"over_cost": "-101"}, "greater than or equal to -100"),
        ({"over_cost": "10000"}, "no more than 4 digits before the decimal point"),
        ({"share_of_list": "most"}, "Enter a number."),
    ],
)
def test_what_is_no_percentage_is_refused(staff: Client, wrong: dict[str, str], words: str) -> None:
    answer = staff.post(ADD, {"share_of_list": "", "over_cost": "", "_confirmed": "1", **wrong})
    assert (answer.status_code, MarginGuard.objects.count()) == (200, 0)
    assert words in said(answer)


def test_who_may_only_look_changes_nothing(client: Client, fake_shop: FakeShop) -> None:
    looker = get_user_model().objects.create_user("looker", "looker@example.com", "a long password", is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename="view_marginguard"))
    client.force_login(looker)
    assert client.get(LIST).status_code == 200
    assert client.post(ADD, {"share_of_list": "70", "over_cost": "", "_confirmed": "1"}).status_code == 403
    MarginGuard.objects.create(pk=1, share_of_list=Decimal(70))
    assert "70.00 of 100.00" in said(client.get(CHANGE))
    assert client.post(CHANGE, {"share_of_list": "1", "over_cost": "", "_confirmed": "1"}).status_code == 403
    assert MarginGuard.objects.get().share_of_list == 70
