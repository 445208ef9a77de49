"""Benefits of tiers, notices and dry runs by many workers at once: each given, told and counted once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from campaigns.models import Coupon
from campaigns.services import offers
from campaigns.terms import Terms
from loyalty.facts import TierChanged
from loyalty.models import Entry, Membership, Task, Tier, TierBenefit, TierGrant, TierTrialCount, TierTrialMove
from loyalty.services import tier_benefits, tier_notices, tier_trials, tiers
from loyalty.services.tier_rules import Rules
from retention.models import Customer, Message
from tests.loyalty.till import table
from tests.races.together import all_well, together

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

PEOPLE, WORKERS = 30, 8
NOW = timezone.now()


@pytest.fixture
def gold(transactional_db: None) -> Tier:
    """Thirty people stand in Gold, which gives points and a task."""
    tier: Tier = table(("Silver", 1000), ("Gold", 2000), term="days", term_days=10).tiers.get(name="Gold")
    TierBenefit.objects.create(tier=tier, kind="points", points=50)
    TierBenefit.objects.create(tier=tier, kind="task", words="A card")
    people = Customer.objects.bulk_create(
        Customer(kind="member", address=f"{n}@example.com", created_at=NOW) for n in range(PEOPLE)
    )
    Membership.objects.bulk_create(
        Membership(customer=one, tier=tier, since=NOW, held_until=NOW + timedelta(days=10)) for one in people
    )
    return tier


def arrivals(gold: Tier) -> list[TierChanged]:
    return [
        TierChanged(customer=customer, at=NOW, tier=gold.pk, old_tier=None)
        for customer in Membership.objects.values_list("customer", flat=True)
    ]


def given() -> tuple[int, int, int]:
    return TierGrant.objects.count(), Entry.objects.count(), Task.objects.count()


def test_everybody_is_welcomed_once(gold: Tier) -> None:
    moves = arrivals(gold)
    done = all_well(together(*[lambda: tier_benefits.welcome(moves, at=NOW)] * WORKERS))
    assert sorted(done) == [0] * (WORKERS - 1) + [2 * PEOPLE]
    assert given() == (2 * PEOPLE, PEOPLE, PEOPLE)


def test_without_the_lock_the_constraint_says_no_and_nothing_is_given_twice(
    gold: Tier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: workers do meet, and then somebody fails."""

    @contextmanager
    def at_once(*args: Any, **more: Any) -> Iterator[bool]:
        with transaction.atomic():
            yield True

    moves = arrivals(gold)
    monkeypatch.setattr(tier_benefits, "one_at_a_time", at_once)
    done = together(*[lambda: tier_benefits.welcome(moves, at=NOW)] * WORKERS)
    assert any(isinstance(one, IntegrityError) for one in done), "the workers did not meet"
    assert given() == (2 * PEOPLE, PEOPLE, PEOPLE)


def test_everybody_has_one_coupon_for_free_shipping(gold: Tier) -> None:
    terms = Terms(kind="free_shipping", valid_days=365, uses=100, exclusive=False)
    TierBenefit.objects.create(
        tier=gold, kind="shipping", offer=offers.create(slug="ship", name="Ship", terms=terms, at=NOW)
    )
    done = all_well(together(*[lambda: tier_benefits.settle_shipping(at=NOW)] * WORKERS))
    assert (sum(done), Coupon.objects.count()) == (PEOPLE, PEOPLE)
    Membership.objects.update(tier=None)
    done = all_well(together(*[lambda: tier_benefits.settle_shipping(at=NOW)] * WORKERS))
    assert (sum(done), Coupon.objects.filter(state="void").count()) == (PEOPLE, PEOPLE)


def test_everybody_is_told_once_while_everybody_is_computed(gold: Tier) -> None:
    later = NOW + timedelta(days=1)
    all_well(
        together(
            *[lambda: tier_notices.warn(at=later)] * WORKERS,
            *[lambda: tiers.recompute(at=later)] * 2,
        )
    )
    assert Message.objects.filter(mail=tier_notices.MAIL).count() == PEOPLE
    assert not Membership.objects.filter(warned_for=None).exists()


def test_a_dry_run_that_many_carry_on_counts_everybody_once(gold: Tier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tier_trials, "PIECE", 4)
    trial = tier_trials.start(
        Rules.of(gold.table), name="t", table=gold.table, form=[], by="", at=NOW + timedelta(days=20)
    )
    looked = all_well(together(*[lambda: tier_trials.carry_on(at=NOW, pieces=100)] * WORKERS))
    while more := tier_trials.carry_on(at=NOW):
        looked.append(more)
    assert sum(looked) == PEOPLE
    assert sum(TierTrialCount.objects.filter(trial=trial).values_list("people", flat=True)) == PEOPLE
    assert TierTrialMove.objects.filter(trial=trial).count() == PEOPLE
