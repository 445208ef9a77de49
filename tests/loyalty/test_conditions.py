"""What journeys and offers may ask of loyalty, and do with it."""

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from campaigns.admin.journey_forms import StepForm
from loyalty import rule_words
from loyalty.services import points, rules, tables
from retention import registry
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import START, account, join, start, table, who

Drain = Callable[[datetime], None]


def test_in_tier_holds_for_the_tier_and_those_above(
    shop: FakeShop, clock: Clock, drain: Drain, django_assert_num_queries: Any
) -> None:
    table(("Silver", 1000), ("Gold", 5000))
    users = [join(f"{name}@example.com") for name in ("ada", "bob", "cyd")]
    for user, total in zip(users, ("9.99", "10.00", "50.00"), strict=True):
        shop.place(user=user, email=user.email, total=Decimal(total))
    drain(clock.now)
    ada, bob, cyd = (who(user).pk for user in users)
    matching = registry.conditions["loyalty.in_tier"].matching
    with django_assert_num_queries(1):
        assert matching([ada, bob, cyd], {"tier": "silver"}, clock.now) == {bob, cyd}
    assert matching([ada, bob], {"tier": "Gold"}, clock.now) == set()
    assert matching([ada, bob, cyd], {"tier": "Diamond"}, clock.now) == set()


def test_has_points_counts_what_can_be_spent(
    shop: FakeShop, clock: Clock, drain: Drain, django_assert_num_queries: Any
) -> None:
    start(pending_days=14)
    first, second = join("ada@example.com"), join("bob@example.com")
    shop.place(user=first)
    drain(clock.now)
    give = registry.actions["loyalty.points"].run
    give([("k1", who(second).pk, "")], {"points": 40}, clock.now)
    matching = registry.conditions["loyalty.has_points"].matching
    waits, holds = who(first).pk, who(second).pk
    with django_assert_num_queries(1):
        assert matching([waits, holds], {"points": "40"}, clock.now) == {holds}
    assert matching([waits, holds], {"points": "many"}, clock.now) == set(), "what cannot be asked holds for nobody"
    assert registry.conditions["loyalty.has_points"].reason({"points": 40}) == "Has fewer than 40 points."
    assert registry.conditions["loyalty.has_points"].words({"points": 40}) == "has at least 40 points to spend"


def test_points_that_are_set_aside_for_a_reward_are_none_to_spend(shop: FakeShop, clock: Clock) -> None:
    user = join()
    registry.actions["loyalty.points"].run([("k", who(user).pk, "")], {"points": 40}, clock.now)
    with transaction.atomic():
        book = points.Book([who(user).pk], at=clock.now)
        book.hold(who(user).pk, 15)
        book.close()
    matching = registry.conditions["loyalty.has_points"].matching
    assert matching([who(user).pk], {"points": "26"}, clock.now) == set()
    assert matching([who(user).pk], {"points": "25"}, clock.now) == {who(user).pk}


def test_only_a_tier_that_is_there_can_be_asked_for(db: None) -> None:
    table(("Silver", 1000), ("Gold", 5000))
    condition = registry.conditions["loyalty.in_tier"]
    assert condition.clean({"tier": "Gold"}) == {"tier": "Gold"}
    with pytest.raises(ValidationError, match="Diamond is not one of the available choices"):
        condition.clean({"tier": "Diamond"})


def test_words_speak_of_a_renamed_tier_by_its_present_name(db: None) -> None:
    made = table(("Silver", 1000), ("Gold", 5000))
    rule = rules.set_rule(start(), at=START, name="Top", when="tier", tier="Gold", times=Decimal(2))
    gold = made.tiers.get(name="Gold")
    tables.note_names({gold.pk: "Gold"})
    made.tiers.filter(pk=gold.pk).update(name="Platinum")
    condition = registry.conditions["loyalty.in_tier"]
    said = (condition.words, condition.reason, condition.opposite)
    assert [words({"tier": "Gold"}) for words in said] == [
        "stands in Platinum or above", "Does not stand in Platinum or above.", "stands below Platinum, or nowhere",
    ]  # fmt: skip
    assert rule_words.of_rule(rule, {}) == "Top: 2 × the points on all goods; for who stands in Platinum or above"


@pytest.mark.parametrize("given", [{}, {"points": "many"}, {"points": 0}, {"points": -5}, {"points": 10**12 + 1}])
def test_a_step_of_a_journey_that_could_give_no_points_is_refused(db: None, given: dict[str, Any]) -> None:
    step = {"position": 1, "kind": "action", "action": "loyalty.points", "days": 0, "hours": 0}
    form = StepForm({**step, "parameters": json.dumps(given)})
    said = "Say how many points, a whole number from 1 to 1,000,000,000,000."
    assert form.errors == {"parameters": [said]}
    assert StepForm({**step, "parameters": json.dumps({"points": 10**10})}).errors == {}


def test_the_action_gives_each_key_once(shop: FakeShop, clock: Clock) -> None:
    user = join()
    give = registry.actions["loyalty.points"].run
    for _ in range(3):
        give([("step:1", who(user).pk, "A1"), ("step:2", who(user).pk, "")], {"points": "25"}, clock.now)
    assert account(user) == (50, 0)
