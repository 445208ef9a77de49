"""Exit rules look at the person, by address, and at the order as it is now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import journey_words
from campaigns.models import Coupon, Enrolment, Journey
from campaigns.services import entries, exits, invitations, journeys
from retention.facts import OrderPlaced
from retention.models import Customer
from retention.registry import Recorded
from retention.services import consent, customers, persons
from retention.testing.settling import settle
from tests.campaigns.walks import Walk, states

Switch = Callable[..., Journey]


@pytest.fixture
def waiting(walk: Walk, switch: Switch) -> Journey:
    """The next-order journey with a wait of a day before its coupon and every exit rule on."""
    journey = switch("next-order")
    journey.steps.create(position=0, kind="wait", days=1)
    journey.exits = [rule.name for rule in exits.rules]
    journey.save()
    journeys.publish(journey, at=walk.clock.now)
    return journey


def test_who_opens_an_account_with_the_address_leaves(walk: Walk, waiting: Journey, django_user_model: Any) -> None:
    walk.order()
    walk.tick()
    customers.for_user(django_user_model.objects.create(username="ada", email="Ada@example.com"), at=walk.clock.now)
    walk.tick(days=1)
    assert states() == [("exited", "claimed")]


def test_who_unsubscribes_leaves_by_the_rule_where_it_is_chosen(walk: Walk, waiting: Journey) -> None:
    walk.order()
    walk.tick()
    consent.unsubscribe(Customer.objects.get(), purpose="marketing", source="test", at=walk.clock.now)
    walk.tick(days=1)
    assert states() == [("exited", "unsubscribed")]


def test_an_order_cancelled_and_taken_up_again_before_the_step_goes_on(walk: Walk, waiting: Journey) -> None:
    reference = walk.order()
    walk.tick()
    walk.shop.mark(reference, "cancelled")
    walk.tick(hours=1)
    walk.shop.reinstate(reference)
    walk.tick(days=1)
    assert states() == [("finished", "")]


def test_another_order_that_was_cancelled_is_not_ordered_again(walk: Walk, waiting: Journey) -> None:
    walk.order()
    walk.tick()
    walk.clock.forward(hours=1)
    walk.shop.mark(walk.order(), "cancelled")
    walk.tick()
    walk.tick(days=1)
    assert states() == [("finished", ""), ("exited", "returned")]
    assert Coupon.objects.count() == 1


def test_somebody_elses_order_ends_nothing(walk: Walk, waiting: Journey) -> None:
    walk.order()
    walk.tick()
    walk.order(email="bea@example.com")
    walk.tick(hours=1)
    walk.tick(days=1)
    assert states() == [("finished", ""), ("finished", "")]


def test_who_is_erased_leaves(walk: Walk, waiting: Journey) -> None:
    walk.order()
    walk.tick()
    persons.erase_person(Customer.objects.get(), at=walk.clock.now)
    walk.tick(days=1)
    assert states() == [("exited", "erased")]
    assert Coupon.objects.count() == 0


def test_a_rule_that_nobody_registers_any_more_stops_the_journey_and_says_so(walk: Walk, waiting: Journey) -> None:
    waiting.exits = ["gone"]
    waiting.save()
    version = journeys.publish(waiting, at=walk.clock.now)
    walk.order()
    walk.tick()
    assert Enrolment.objects.count() == 0  # the fact is parked, with the traceback
    assert "Stops for everybody: there is no exit rule named gone any more." in journey_words.sentences(version)


def test_queries_of_entering_and_inviting_do_not_grow_with_the_number_of_customers(
    walk: Walk, switch: Switch, waiting: Journey
) -> None:
    switch("satisfaction")
    counts = []
    for many in (3, 30):
        first = len(walk.shop.orders)
        for number in range(many):
            walk.order(email=f"c{many}-{number}@example.com")
        switch("next-order", "off")
        switch("satisfaction", "off")
        settle(at=walk.clock.now)
        switch("next-order", "on")
        switch("satisfaction", "on")
        people = dict(Customer.objects.values_list("address", "pk"))
        facts = [
            Recorded(
                id=number,
                position=number,
                data=OrderPlaced(
                    customer=people[f"c{many}-{number}@example.com"],
                    at=walk.clock.now,
                    order=str(first + number + 1),
                    total_minor=4000,
                    currency="EUR",
                ),
            )
            for number in range(many)
        ]
        with CaptureQueriesContext(connection) as entering:
            entries.enter(facts)
        walk.tick()
        with CaptureQueriesContext(connection) as inviting:
            assert invitations.send(at=walk.clock.forward(days=14)) == many
        counts.append((len(entering), len(inviting)))
        walk.tick(days=6)  # the reminders
    assert Enrolment.objects.count() == 2 * 33
    assert counts[0] == counts[1]
