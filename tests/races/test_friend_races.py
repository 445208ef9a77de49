"""Two at once on one friend, one limit, one member's terms: exactly one, never more, nothing overlaps.

The negative controls take the turn away and must go wrong; otherwise these tests prove nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from loyalty.models import Entry, PaidTerm, Plan, Referral, ReferralTerms
from loyalty.services import paid_spans, paid_terms, referral_friends, referral_links, referral_reviews, referrals
from retention.models import Customer, Order, OrderLine
from retention.testing.clock import Clock
from tests.races.together import all_well, together

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 6


def person(name: str, clock: Clock, kind: str = "member") -> Customer:
    email = f"{name}@example.com"
    return Customer.objects.create(kind=kind, email=email, address=email, created_at=clock.now)


def order(reference: str, customer: Customer, clock: Clock) -> Order:
    return Order.objects.create(
        reference=reference, number=reference, customer=customer, email=customer.email, currency="EUR",
        items_minor=4000, total_minor=4000, placed_at=clock.now, paid_at=clock.now, first_seen_at=clock.now,
        read_at=clock.now,
    )  # fmt: skip


def brought(reference: str, referrer: Customer, friend: Customer, clock: Clock) -> str:
    code = referral_links.make(referrer, at=clock.now).code
    order(reference, friend, clock)
    Referral.objects.create(order=reference, code=code, at=clock.now)
    return reference


@contextmanager
def no_turn(name: str, *, wait: bool = False) -> Iterator[bool]:
    with transaction.atomic():
        yield True


def slow(call: Any) -> Any:
    """Give the others time between what is read and what is written."""

    def work(*args: Any, **kwargs: Any) -> Any:
        found = call(*args, **kwargs)
        time.sleep(0.2)
        return found

    return work


def one_friend_of_two(clock: Clock) -> list[Any]:
    """Two orders of one mailbox by links of two members, both without an earlier one, looked at at once."""
    ReferralTerms.objects.create(name="Friends", active=True, points=500, window_days=0)
    friend = person("ben", clock, "guest")
    orders = [brought(f"A{number}", person(f"m{number}", clock), friend, clock) for number in range(2)]
    return together(*[lambda one=one: referrals.settle([one], at=clock.now) for one in orders])


def states() -> list[tuple[str, str]]:
    return sorted(Referral.objects.values_list("state", "why"))


def test_a_friend_whom_two_bring_at_once_is_one_members_friend(clock: Clock, monkeypatch: Any) -> None:
    monkeypatch.setattr(referral_friends, "knew_us", slow(lambda orders, same: set()))
    all_well(one_friend_of_two(clock))
    assert states() == [("no", "twice"), ("rewarded", "")]
    assert Entry.objects.count() == 1


@pytest.mark.postgres
def test_without_turns_the_database_still_refuses_the_second(clock: Clock, monkeypatch: Any) -> None:
    monkeypatch.setattr(referral_friends, "knew_us", slow(lambda orders, same: set()))
    monkeypatch.setattr(referrals, "one_at_a_time", no_turn)
    failed = [result for result in one_friend_of_two(clock) if isinstance(result, IntegrityError)]
    assert ["loyalty_referral_once_per_friend" in str(failure) for failure in failed] == [True]
    assert states() == [("new", ""), ("rewarded", "")]
    assert Entry.objects.count() == 1


def many_friends_of_one(clock: Clock) -> list[Any]:
    """Six friends of one member whose windows close at once, and two rewards at most."""
    terms = {"window_days": 0, "most_per_month": 2, "burst_orders": 99}
    ReferralTerms.objects.create(name="Friends", active=True, points=500, **terms)
    ada = person("ada", clock)
    orders = [brought(f"A{number}", ada, person(f"f{number}", clock, "guest"), clock) for number in range(MANY)]
    return together(*[lambda one=one: referrals.settle([one], at=clock.now) for one in orders])


def test_no_limit_is_passed_by_many_at_once(clock: Clock, monkeypatch: Any) -> None:
    monkeypatch.setattr(referral_friends, "knew_us", slow(lambda orders, same: set()))
    all_well(many_friends_of_one(clock))
    assert states() == [("capped", "")] * (MANY - 2) + [("rewarded", "")] * 2
    assert sum(Entry.objects.values_list("points", flat=True)) == 1000


@pytest.mark.postgres
def test_without_turns_the_database_still_keeps_the_limit(clock: Clock, monkeypatch: Any) -> None:
    monkeypatch.setattr(referral_friends, "knew_us", slow(lambda orders, same: set()))
    monkeypatch.setattr(referrals, "one_at_a_time", no_turn)
    failed = [result for result in many_friends_of_one(clock) if isinstance(result, IntegrityError)]
    assert failed, "the race was not one: nobody wanted the same place"
    assert sum(Entry.objects.values_list("points", flat=True)) <= 1000


@pytest.mark.postgres
def test_without_turns_and_places_the_limit_is_passed(clock: Clock, monkeypatch: Any) -> None:
    monkeypatch.setattr(referral_friends, "knew_us", slow(lambda orders, same: set()))
    monkeypatch.setattr(referrals, "one_at_a_time", no_turn)
    places = [one for one in Referral._meta.constraints if one.name.startswith("loyalty_referral_slot_")]
    assert len(places) == 2
    with connection.schema_editor() as editor:
        for one in places:
            editor.remove_constraint(Referral, one)
    try:
        many_friends_of_one(clock)
        assert sum(Entry.objects.values_list("points", flat=True)) > 1000
    finally:
        Referral.objects.all().delete()
        with connection.schema_editor() as editor:
            for one in places:
                editor.add_constraint(Referral, one)


def test_a_due_reward_that_six_workers_give_is_given_once(clock: Clock) -> None:
    ReferralTerms.objects.create(name="Friends", active=True, points=500, window_days=1)
    one = brought("A1", person("ada", clock), person("ben", clock, "guest"), clock)
    referrals.settle([one], at=clock.now)
    later = clock.now + timedelta(days=1)
    all_well(together(*[lambda: referrals.settle_due(at=later)] * MANY))
    assert list(Entry.objects.values_list("points", flat=True)) == [500]


def test_of_two_decisions_at_once_one_is_kept(clock: Clock) -> None:
    ReferralTerms.objects.create(name="Friends", active=True, points=500, window_days=0)
    ada = person("ada", clock)
    one = brought("A1", ada, ada, clock)
    referrals.settle([one], at=clock.now)
    flagged = Referral.objects.get()
    results = together(
        *[
            lambda author=author: referral_reviews.decide(
                flagged, approve=False, reason="Own", author=author, at=clock.now
            )
            for author in ("grace", "alan", "edsger")
        ]
    )
    assert sorted(type(result).__name__ for result in results) == ["NoneType", "Reviewed", "Reviewed"]


def terms_of_one(clock: Clock) -> list[Any]:
    """Six orders of one member, each a month, settled by as many workers at once."""
    plan = Plan.objects.create(name="Club", product="club", months=1)
    ada = person("ada", clock)
    for number in range(MANY):
        OrderLine.objects.create(
            order=order(f"A{number}", ada, clock), reference="1", product=plan.product, quantity=1, amount_minor=4000
        )
    return together(*[lambda one=f"A{number}": paid_terms.settle([one], at=clock.now) for number in range(MANY)])


def overlaps() -> int:
    spans = PaidTerm.objects.filter(ends_at__isnull=False).order_by("starts_at", "ends_at")
    laid = list(spans.values_list("starts_at", "ends_at"))
    assert len(laid) == MANY
    return sum(one[1] > other[0] for one, other in pairwise(laid))


def test_terms_of_orders_paid_at_once_follow_each_other(clock: Clock, monkeypatch: Any) -> None:
    monkeypatch.setattr(paid_spans, "lay", slow(paid_spans.lay))
    all_well(terms_of_one(clock))
    assert overlaps() == 0
    assert PaidTerm.objects.filter(renews=True).count() == MANY - 1


@pytest.mark.postgres
def test_without_turns_terms_overlap(clock: Clock, monkeypatch: Any) -> None:
    monkeypatch.setattr(paid_spans, "lay", slow(paid_spans.lay))
    monkeypatch.setattr(paid_terms, "one_at_a_time", no_turn)
    terms_of_one(clock)
    assert overlaps() > 0
