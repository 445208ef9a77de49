"""Limits of an offer on its page: typed as amounts, counted by the service, shown with what is taken."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.test import Client

from campaigns.models import Coupon, Offer, OfferLimit, OfferTally
from campaigns.services import limits
from campaigns.services.limits import Cap
from campaigns.services.redemptions import Refused
from retention.testing.shop import FakeShop
from tests.campaigns.desk import change, confirm, edited, limit, rows, said
from tests.campaigns.shelf import NOW, amount, give, guest, make_offer, percentage, reserve, tally

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_nine() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def used(offer: Offer, *names: str, off: int = 0, at: Any = NOW) -> list[Coupon]:
    """Let each of these people hold one use."""
    given = []
    for name in names:
        coupon = give(offer, guest(f"{name}@example.com"))
        reserve(coupon, name, email=f"{name}@example.com", off=off, at=at)
        given.append(coupon)
    return given


def test_a_new_limit_counts_what_was_taken_before_there_was_one(staff: Client) -> None:
    offer = make_offer(amount(("EUR", 500, None)))
    used(offer, "ada", "bo", off=500)
    data = edited(offer, **rows("limits", limit("5"), limit("12.00", "EUR", "month")))
    page = said(confirm(staff, change(offer), data))
    assert "At most 5 uses in all, over all coupons and people; taken so far: 2 uses." in page
    assert "At most €12.00 a month, over all coupons and people; taken this month: €10.00." in page
    assert sorted(OfferTally.objects.values_list("taken", "most")) == [(2, 5), (1000, 1200)]
    with pytest.raises(Refused):
        used(offer, "cy", off=500)


def test_a_limit_below_what_is_taken_says_no_more_and_means_it(staff: Client) -> None:
    offer = make_offer(max_uses=9)
    used(offer, "ada", "bo")
    page = said(confirm(staff, change(offer), edited(offer, **{"limits-0-most": "1"})))
    assert "No more: the limit is 1 use in all, and taken so far: 2 uses." in page
    assert (OfferLimit.objects.get().most, tally(offer)) == (1, [2])
    with pytest.raises(Refused):
        used(offer, "cy")


@pytest.mark.parametrize(
    ("period", "said_of_it"),
    [
        ("ever", "No more: the limit is 1 use in all, and taken so far: 2 uses."),
        ("day", "No more today: the limit is 1 use a day, and taken today: 2 uses."),
        ("week", "No more this week: the limit is 1 use a week, and taken since Monday: 2 uses."),
        ("month", "No more this month: the limit is 1 use a month, and taken this month: 2 uses."),
        ("year", "No more this year: the limit is 1 use a year, and taken this year: 2 uses."),
    ],
)
def test_each_period_is_said_in_its_words(staff: Client, period: str, said_of_it: str) -> None:
    offer = make_offer()
    used(offer, "ada", "bo")
    assert said_of_it in said(staff.post(change(offer), edited(offer, **rows("limits", limit("1", period=period)))))


def test_what_was_taken_before_the_present_period_does_not_count(staff: Client) -> None:
    offer = make_offer()
    used(offer, "ada", at=NOW - timedelta(days=1))  # on Sunday, the first day of March
    data = edited(offer, **rows("limits", limit("1", period="week"), limit("1", period="month")))
    page = said(confirm(staff, change(offer), data))
    assert "At most 1 use a week, over all coupons and people; taken since Monday: 0 uses." in page
    assert "No more this month: the limit is 1 use a month, and taken this month: 1 use." in page


def test_the_page_shows_amounts_and_beside_each_what_is_taken(staff: Client) -> None:
    offer = make_offer(
        amount(("EUR", 500, None)), caps=[Cap(most=40), Cap(measure="discount", currency="EUR", most=123_45)]
    )
    used(offer, "ada", off=499)
    text = said(staff.get(change(offer)))
    assert 'value="123.45"' in text
    assert 'value="40"' in text
    assert "<p>€4.99</p>" in text
    assert "<p>1 use</p>" in text


def test_saving_something_else_leaves_limits_and_tallies_as_they_are(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = make_offer(max_uses=5)
    data = edited(offer, name="Another")
    staff.post(change(offer), data)
    used(offer, "ada")  # while staff read what saving will do

    def never(*_args: Any, **_given: Any) -> None:
        raise AssertionError("nobody changed a limit")

    monkeypatch.setattr(limits, "set_to", never)
    assert staff.post(change(offer), {**data, "_confirmed": "1"}).status_code == 302
    assert (Offer.objects.get().name, OfferLimit.objects.get().most, tally(offer)) == ("Another", 5, [1])


def test_a_use_between_plan_and_saving_is_counted(staff: Client) -> None:
    offer = make_offer(max_uses=5)
    data = edited(offer, **{"limits-0-most": "7"})
    staff.post(change(offer), data)
    used(offer, "ada")
    staff.post(change(offer), {**data, "_confirmed": "1"})
    assert list(OfferTally.objects.values_list("taken", "most")) == [(1, 7)]


def test_a_limit_that_is_taken_away_lets_people_through_again(staff: Client, fake_shop: FakeShop) -> None:
    offer = make_offer(max_uses=1)
    used(offer, "ada")
    page = confirm(staff, change(offer), edited(offer, **{"limits-0-DELETE": "on"}))
    assert "There is no limit over all coupons and people." in said(page)
    assert OfferLimit.objects.count() == OfferTally.objects.count() == 0
    used(offer, "bo")


def test_another_period_is_another_limit(staff: Client) -> None:
    offer = make_offer(percentage(), max_uses=5)
    used(offer, "ada")
    confirm(staff, change(offer), edited(offer, **{"limits-0-period": "day"}))
    assert list(OfferLimit.objects.values_list("period", "most")) == [("day", 5)]
    assert tally(offer) == [1]


def test_who_changed_a_limit_is_on_record(staff: Client) -> None:
    offer = make_offer(max_uses=5)
    confirm(staff, change(offer), edited(offer, **{"limits-0-most": "7"}, **rows("limits", limit(3, "EUR"), first=1)))
    message = LogEntry.objects.get().get_change_message()
    assert "Changed at most for limit of an offer" in message
    assert "Added limit of an offer “discount: €3.00, over all time”" in message
    assert sorted(OfferLimit.objects.values_list("most", flat=True)) == [7, 300]
