"""Points that are given to a cause: worth money when given, owed like what orders give, back with the claim."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.test import Client
from django.urls import reverse

from loyalty import present_panels
from loyalty.facts import PointsGivenBack
from loyalty.models import Cause, Claim, Donation, Programme, Rate, Reward
from loyalty.services import causes, claims, donations, present_persons
from retention.services import facts
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.gifts import buy
from tests.loyalty.test_admin import hidden, text
from tests.loyalty.test_claims import member, state
from tests.loyalty.test_rewards_admin import ADD, form
from tests.loyalty.till import START, rating, start, who

Drain = Callable[[datetime], None]


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("grace", "grace@example.com", "a long password"))
    return client


@pytest.fixture
def forest(shop: FakeShop) -> Cause:
    start(worth="0.011")
    return Cause.objects.create(name="Forest", show_total=True)


@pytest.fixture
def tree(forest: Cause, clock: Clock) -> Reward:
    return reward(forest, clock)


def reward(cause: Cause | None, clock: Clock, **given: Any) -> Reward:
    fields = {"name": "A tree", "kind": "donation", "cost": 150, "active": True, "created_at": clock.now, **given}
    return Reward.objects.create(cause=cause, **fields)


def give(what: Reward, user: Any, clock: Clock, *keys: str) -> Claim:
    return [claims.claim(what, who(user), key=key, at=clock.now) for key in keys][-1]


def rows() -> list[tuple[str, int, str, int]]:
    found = Donation.objects.order_by("pk")
    return list(found.values_list("cause__name", "points", "currency", "amount_minor"))


def owed() -> list[tuple[str, str, int, int]]:
    return [(one.cause.name, one.currency, one.given_minor, one.owed_minor) for one in causes.owed()]


def test_points_given_to_a_cause_are_owed_to_it_once_for_each_claim(tree: Reward, clock: Clock, drain: Drain) -> None:
    user = member(500, clock)
    made = give(tree, user, clock, "a", "a", "b")
    drain(clock.now)
    assert rows() == [("Forest", 150, "EUR", 165), ("Forest", 150, "EUR", 165)]  # 150 × 0.011 = 1.65
    assert (state(user), owed()) == ((200, 0), [("Forest", "EUR", 330, 330)])
    assert donations.settle([made.pk], at=clock.now) == 0
    assert donations.by_customer(who(user)) == {tree.cause_id: {"EUR": 330}}
    with pytest.raises(IntegrityError, match=r"once_per_claim|claim_id"), transaction.atomic():
        Donation.objects.create(
            claim=made, cause=tree.cause, customer=who(user), worth=1, currency="EUR", month=START, settled_at=START
        )


def test_a_point_is_worth_what_it_was_when_it_was_given_rounded_down(tree: Reward, clock: Clock, drain: Drain) -> None:
    user = member(500, clock)
    made = give(tree, user, clock, "a")
    clock.forward(days=1)
    worth_from_now(clock, "0.02")
    drain(clock.now)
    give(tree, user, clock, "b")
    drain(clock.now)
    Donation.objects.filter(claim=made).update(points=0, amount_minor=0)
    assert donations.settle([made.pk], at=clock.now) == 1
    assert [minor for *_, minor in rows()] == [165, 300]
    odd = reward(tree.cause, clock, cost=1, name="A seed")
    clock.forward(days=1)
    worth_from_now(clock, "0.019999")
    give(odd, user, clock, "c")
    drain(clock.now)
    assert rows()[-1] == ("Forest", 1, "EUR", 1)


def worth_from_now(clock: Clock, worth: str) -> None:
    """Let a point be worth something else from now on; the rate before has awarded, so it is kept."""
    Rate.objects.filter(superseded_at=None).update(superseded_at=clock.now)
    Rate.objects.create(
        programme=Programme.objects.get(), currency="EUR", points=1, worth=Decimal(worth), starts_at=clock.now
    )


def test_without_a_worth_a_cause_or_a_programme_nothing_is_owed(forest: Cause, clock: Clock, drain: Drain) -> None:
    user = member(900, clock)
    give(reward(None, clock), user, clock, "a")
    drain(clock.now)
    tree = reward(forest, clock, name="Another")
    Programme.objects.update(active=False)
    give(tree, user, clock, "b")
    drain(clock.now)
    Programme.objects.update(active=True)
    Programme.objects.get().rates.update(worth=None)
    give(tree, user, clock, "c")
    drain(clock.now)
    assert (rows(), owed()) == ([], [])


def test_of_several_currencies_the_first_that_says_what_a_point_is_worth_counts(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    programme = start(currency="USD")
    rating(programme, "1", currency="JPY", worth="2")
    rating(programme, "1", currency="EUR", worth="0.01")
    give(reward(Cause.objects.create(name="Forest"), clock), member(500, clock), clock, "a")
    drain(clock.now)
    assert rows() == [("Forest", 150, "JPY", 300)]


def test_a_donation_that_is_given_back_is_owed_no_more(tree: Reward, clock: Clock, drain: Drain) -> None:
    user = member(500, clock)
    made = give(tree, user, clock, "a", "b")
    drain(clock.now)
    Claim.objects.filter(pk=made.pk).update(state="released", spent=0, released_at=clock.now)
    for _ in range(2):
        facts.publish([PointsGivenBack(customer=who(user).pk, at=clock.now, claim=made.pk, points=150)])
        drain(clock.now)
    assert [minor for *_, minor in rows()] == [165, 0]
    assert owed() == [("Forest", "EUR", 165, 165)]


def test_donations_are_counted_by_month_with_what_orders_give_and_paid_out_like_it(
    tree: Reward, shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    forest, user = tree.cause, member(900, clock)
    assert forest is not None
    causes.pledge(forest, currency="EUR", amount_minor=50, at=START)
    give(tree, user, clock, "a", "b")
    buy(shop, user, 1)
    drain(clock.now)
    clock.forward(days=31)
    give(tree, user, clock, "c")
    drain(clock.now)
    assert [(one.month, one.orders, one.donations, one.given_minor) for one in causes.months()] == [
        (date(2026, 4, 1), 0, 1, 165), (date(2026, 3, 1), 1, 2, 380)
    ]  # fmt: skip
    assert causes.totals([forest.pk]) == {forest.pk: {"EUR": 545}}
    about: dict[str, Any] = {
        "currency": "EUR", "first_month": date(2026, 3, 1), "last_month": date(2026, 4, 1), "by": "sam", "at": clock.now
    }  # fmt: skip
    with pytest.raises(causes.MoreThanOwed) as refused:
        causes.pay_out(forest, amount_minor=546, key="k", **about)
    assert refused.value.owed_minor == 545
    causes.pay_out(forest, amount_minor=500, key="k", **about)
    assert owed() == [("Forest", "EUR", 545, 45)]


def test_who_gave_sees_it_and_so_do_staff_and_the_export(
    tree: Reward, clock: Clock, drain: Drain, client: Client
) -> None:
    user = member(500, clock)
    client.force_login(user)
    with time_machine.travel(clock.now, tick=False):
        question = text(client.post(f"/retention/rewards/{tree.pk}/", {"key": "a"}))
    assert "We give what the points are worth to Forest." in question
    give(tree, user, clock, "a")
    drain(clock.now)
    with time_machine.travel(clock.now + timedelta(minutes=1), tick=False):
        page = text(client.get("/retention/account/"))
    assert "With your points you gave €1.65 to Forest. All together it is €1.65." in page
    [row] = present_panels.given(who(user)).rows
    assert row.cells == ("Forest", "points", "€1.65")
    assert present_persons.export(who(user))["points_given_to_causes"] == [
        {"cause__name": "Forest", "points": 150, "currency": "EUR", "amount_minor": 165, "month": date(2026, 3, 1)}
    ]


def test_donations_follow_their_customer_when_two_rows_become_one(tree: Reward, clock: Clock, drain: Drain) -> None:
    user, other = member(500, clock), member(1, clock, "bob@example.com")
    give(tree, user, clock, "a")
    drain(clock.now)
    present_persons.absorb(who(user), who(other), clock.now)
    assert Donation.objects.get().customer == who(other)


def test_any_number_of_claims_costs_the_same_queries(
    tree: Reward, clock: Clock, django_assert_num_queries: Any
) -> None:
    user = member(1000, clock)
    made = [give(tree, user, clock, key).pk for key in "abcdef"]
    with django_assert_num_queries(10):
        assert donations.settle(made[:1], at=clock.now) == 1
    with django_assert_num_queries(10):
        assert donations.settle(made[1:], at=clock.now) == 5


def test_a_donation_says_what_is_owed_for_it_before_it_is_saved(staff: Client, forest: Cause, clock: Clock) -> None:
    given = form(kind="donation", cost="150", name="A tree", cause=str(forest.pk))
    question = staff.post(ADD, given)
    assert "We owe Forest €1.65 for them, counted and paid out with what orders give." in text(question)
    staff.post(ADD, hidden(question))
    assert Reward.objects.get().cause == forest
    assert "It names no cause of the list" in text(staff.post(ADD, {**given, "cause": ""}))
    Programme.objects.get().rates.update(worth=None)
    assert "so nothing is owed to Forest for them" in text(staff.post(ADD, given))


def test_only_a_donation_goes_to_a_cause_and_to_one_that_is_on(staff: Client, forest: Cause, clock: Clock) -> None:
    given = form(kind="custom", cause=str(forest.pk))
    assert text(staff.post(ADD, given)).count("Only a donation goes to a cause.") == 1
    Cause.objects.update(active=False)
    assert "Select a valid choice." in text(staff.post(ADD, {**given, "kind": "donation"}))
    assert not Reward.objects.exists()
    with pytest.raises(IntegrityError, match="loyalty_reward_cause_of_donation"), transaction.atomic():
        reward(forest, clock, kind="custom")


def test_a_claimed_donation_keeps_its_cause_and_the_cause_its_donations(
    staff: Client, tree: Reward, clock: Clock, drain: Drain
) -> None:
    sea = Cause.objects.create(name="Sea")
    give(tree, member(500, clock), clock, "a")
    drain(clock.now)
    url = reverse("admin:retention_loyalty_reward_change", args=[tree.pk])
    page = staff.get(url).content.decode()
    assert 'name="cause"' not in page
    assert f"cause={tree.cause_id}" in page  # the link that makes another in its place
    staff.post(url, hidden(staff.post(url, form(kind="donation", cost="150", name="Trees", cause=str(sea.pk)))))
    tree.refresh_from_db()
    assert (tree.name, tree.cause and tree.cause.name) == ("Trees", "Forest")
    with pytest.raises(ProtectedError):
        Cause.objects.filter(name="Forest").delete()


def test_the_page_of_a_cause_says_by_what_points_go_to_it_and_what_is_owed(
    staff: Client, tree: Reward, clock: Clock, drain: Drain
) -> None:
    give(tree, member(500, clock), clock, "a")
    drain(clock.now)
    url = reverse("admin:retention_loyalty_cause_change", args=[tree.cause_id])
    page = text(staff.get(url))
    assert "Points go to it by “A tree”: what they are worth is owed to it." in page
    assert "€1.65 given, €0.00 paid out: €1.65 to pay" in page
    assert "switch that reward off, too" not in page
    Cause.objects.update(active=False)
    assert "They still do while it is off: switch that reward off, too." in text(staff.get(url))
    assert "€1.65" in text(staff.get("/admin/retention_loyalty/donation/"))
    made = Donation.objects.get()
    assert "€1.65" in text(staff.get(reverse("admin:retention_loyalty_donation_change", args=[made.pk])))
