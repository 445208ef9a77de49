"""Who may use an offer, asked of many people at once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.conditions import FIRST_ORDER, NOT_ORDERED_FOR, NTH_ORDER
from retention import registry
from retention.models import Customer
from retention.services import customers
from retention.testing.settling import settle
from retention.testing.shop import FakeShop
from retention.testing.world import FakeWorld
from tests.campaigns.shelf import NOW, guest

pytestmark = pytest.mark.django_db


def test_upper_parts_find_the_conditions_by_name() -> None:
    assert registry.conditions["campaigns.first_order"] is FIRST_ORDER
    assert registry.conditions["campaigns.nth_order"] is NTH_ORDER
    assert registry.conditions["campaigns.not_ordered_for"] is NOT_ORDERED_FOR


def test_a_first_order_is_nobodys_who_has_one_that_counts(fake_shop: FakeShop) -> None:
    kept, called_off, paid_back = "ada@example.com", "bo@example.com", "cy@example.com"
    fake_shop.place(email=kept)
    fake_shop.mark(fake_shop.place(email=called_off), "cancelled")
    fake_shop.refund(fake_shop.place(email=paid_back), Decimal("40.00"))
    settle(at=NOW)
    people = {guest(email).pk: email for email in (kept, called_off, paid_back, "di@example.com")}
    assert {people[pk] for pk in FIRST_ORDER.matching(people, {}, NOW)} == {called_off, paid_back, "di@example.com"}


def test_a_members_first_order_may_have_been_placed_as_a_guest(fake_shop: FakeShop, fake_world: FakeWorld) -> None:
    fake_shop.place(email="Ada@Example.com")
    settle(at=NOW)
    member = customers.for_user(fake_world.add_user("ada@example.com"), at=NOW)
    other = customers.for_user(fake_world.add_user("bo@example.com"), at=NOW)
    assert FIRST_ORDER.matching([member.pk, other.pk], {}, NOW) == {other.pk}


def test_people_without_an_address_are_not_thrown_together() -> None:
    first, second = (Customer.objects.create(kind="guest", created_at=NOW, orders_count=n) for n in (0, 1))
    assert FIRST_ORDER.matching([first.pk, second.pk], {}, NOW) == {first.pk}


def test_the_nth_order_is_the_next_one(fake_shop: FakeShop) -> None:
    for _ in range(2):
        fake_shop.place(email="ada@example.com")
    fake_shop.place(email="bo@example.com")
    settle(at=NOW)
    people = [guest("ada@example.com").pk, guest("bo@example.com").pk, guest("cy@example.com").pk]
    assert [NTH_ORDER.matching(people, {"n": n}, NOW) for n in (1, 2, 3, 4)] == [
        {people[2]}, {people[1]}, {people[0]}, set(),
    ]  # fmt: skip


def test_not_ordered_for_some_days_asks_for_an_order_before(fake_shop: FakeShop) -> None:
    fake_shop.place(email="ada@example.com", at=NOW - timedelta(days=60))
    fake_shop.place(email="bo@example.com", at=NOW - timedelta(days=59))
    settle(at=NOW)
    people = [guest("ada@example.com").pk, guest("bo@example.com").pk, guest("cy@example.com").pk]
    assert NOT_ORDERED_FOR.matching(people, {"days": 60}, NOW) == {people[0]}
    assert NOT_ORDERED_FOR.matching(people, {"days": "59"}, NOW) == {people[0], people[1]}


@pytest.mark.parametrize("wrong", [{}, {"n": 0}, {"n": -1}, {"n": "two"}, {"n": None}, {"n": 1.5}, {"n": 2, "m": 2}])
def test_a_wrong_number_is_refused_in_words_and_holds_for_nobody(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"required|whole number|greater than or equal to 1|no parameter m"):
        NTH_ORDER.where(wrong, at=NOW)
    assert NTH_ORDER.matching([guest().pk], wrong, NOW) == set()


@pytest.mark.parametrize("condition", [FIRST_ORDER, NTH_ORDER, NOT_ORDERED_FOR], ids=lambda condition: condition.name)
def test_one_query_whoever_is_asked_about(condition: registry.Condition) -> None:
    people = [guest(f"{n}@example.com").pk for n in range(30)]
    parameters = dict.fromkeys(condition.form.base_fields, 1)
    with CaptureQueriesContext(connection) as asked:
        condition.matching(people, parameters, NOW)
    assert len(asked) == 1


def test_who_is_new_here_meets_what_holds_without_any_order() -> None:
    assert FIRST_ORDER.newcomer({}, at=NOW)
    assert NTH_ORDER.newcomer({"n": 1}, at=NOW)
    assert not NTH_ORDER.newcomer({"n": 2}, at=NOW)
    assert not NOT_ORDERED_FOR.newcomer({"days": 30}, at=NOW)
