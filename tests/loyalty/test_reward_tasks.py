"""Rewards that no coupon is for: a partner's benefit, an event, a thing, a donation."""

from __future__ import annotations

from typing import Any

import pytest

from loyalty.models import Account, Claim, Reward, Task
from loyalty.services import claims, corrections, tasks, verifying
from loyalty.services.rewards import No
from retention.services import persons
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.test_claims import member, now, refused, state
from tests.loyalty.till import ledger, who


@pytest.fixture(autouse=True)
def books_agree(db: None) -> Any:
    yield
    assert list(verifying.differences()) == []


@pytest.fixture
def evening(clock: Clock) -> Reward:
    return Reward.objects.create(
        name="An evening", words="A table for two.", kind="custom", cost=300, active=True, created_at=clock.now
    )


def test_staff_are_asked_and_the_points_are_spent_when_it_is_done(
    shop: FakeShop, clock: Clock, evening: Reward
) -> None:
    user = member(500, clock)
    made = claims.claim(evening, who(user), key="a", at=clock.now)
    task = Task.objects.get()
    assert (task.kind, task.what, task.customer, task.state) == (
        "reward", "An evening: A table for two.", who(user), "open"
    )  # fmt: skip
    assert state(user) == (500, 300)
    assert claims.release_due(at=clock.now.replace(year=2099)) == 0, "it waits for staff, not for an order"
    tasks.close(task, state="done", by="bob", at=clock.now)
    assert (state(user), now(made).state, now(made).spent) == ((200, 0), "committed", 300)
    assert ledger(user)[-1] == ("spend", "balance", -300)
    assert (task.state, task.by) == ("done", "bob")


def test_what_cannot_be_given_gives_the_points_back(shop: FakeShop, clock: Clock, evening: Reward) -> None:
    user = member(500, clock)
    made = claims.claim(evening, who(user), key="a", at=clock.now)
    task = Task.objects.get()
    tasks.close(task, state="declined", by="bob", note="fully booked", at=clock.now)
    assert (state(user), now(made).state, now(made).reason) == ((500, 0), "released", "declined")
    assert (task.state, task.note) == ("declined", "fully booked")


def test_of_who_is_forgotten_nothing_stays_to_do_and_nothing_set_aside(
    shop: FakeShop, clock: Clock, evening: Reward
) -> None:
    user = member(500, clock)
    customer = who(user)
    made = claims.claim(evening, customer, key="a", at=clock.now)
    persons.erase_person(customer, at=clock.now)
    account = Account.objects.get()
    assert (account.balance, account.held, now(made).state, Task.objects.get().state) == (
        500, 0, "released", "withdrawn"
    )  # fmt: skip


def test_a_task_is_closed_once(shop: FakeShop, clock: Clock, evening: Reward) -> None:
    user = member(500, clock)
    claims.claim(evening, who(user), key="a", at=clock.now)
    task = Task.objects.get()
    tasks.close(task, state="done", by="bob", at=clock.now)
    for late in ("done", "declined"):
        with pytest.raises(tasks.Closed):
            tasks.close(task, state=late, by="eve", at=clock.now)
    assert (state(user), Task.objects.get().by) == ((200, 0), "bob")


def test_who_gives_it_up_has_the_task_taken_away(shop: FakeShop, clock: Clock, evening: Reward) -> None:
    user = member(500, clock)
    made = claims.claim(evening, who(user), key="a", at=clock.now)
    assert claims.give_up(made, at=clock.now)
    task = Task.objects.get()
    assert (task.state, state(user)) == ("withdrawn", (500, 0))
    with pytest.raises(tasks.Closed):
        tasks.close(task, state="done", by="bob", at=clock.now)
    assert state(user) == (500, 0)


def test_what_is_given_already_is_not_given_up(shop: FakeShop, clock: Clock, evening: Reward) -> None:
    user = member(500, clock)
    made = claims.claim(evening, who(user), key="a", at=clock.now)
    tasks.close(Task.objects.get(), state="done", by="bob", at=clock.now)
    with pytest.raises(claims.InUse):
        claims.give_up(made, at=clock.now)
    assert state(user) == (200, 0)


def test_points_that_went_back_before_it_was_done_are_noted_as_missing(
    shop: FakeShop, clock: Clock, evening: Reward
) -> None:
    user = member(500, clock)
    made = claims.claim(evening, who(user), key="a", at=clock.now)
    corrections.correct(who(user), amount=-400, reason="slip", author="bob", key="c", at=clock.now)
    tasks.close(Task.objects.get(), state="done", by="bob", at=clock.now)
    assert (now(made).spent, now(made).missing) == (100, 200)
    assert state(user) == (0, 0)


def test_a_donation_leaves_at_once_and_once(shop: FakeShop, clock: Clock) -> None:
    trees = Reward.objects.create(name="A tree", kind="donation", cost=200, active=True, created_at=clock.now)
    user = member(500, clock)
    for _ in range(3):
        claims.claim(trees, who(user), key="a", at=clock.now)
    made = Claim.objects.get()
    assert (made.state, made.spent, state(user)) == ("committed", 200, (300, 0))
    assert not Task.objects.exists()
    claims.claim(trees, who(user), key="b", at=clock.now)
    assert refused(trees, user, clock) == (No.NOT_ENOUGH, 100)
