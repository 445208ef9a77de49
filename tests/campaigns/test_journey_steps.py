"""Steps are taken exactly once, whoever takes them, and one that fails holds nobody else up."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from django.db import connection, connections
from django.db.utils import IntegrityError
from django.test.utils import CaptureQueriesContext

from campaigns.models import Coupon, Enrolment, Journey, JourneyVersion, Offer
from campaigns.models.journey import Immutable
from campaigns.services import defaults, enrolments, entries, journeys
from retention import registry
from retention.facts import OrderPlaced
from retention.models import Customer, Message
from retention.registry import Action, Recorded
from retention.services import installation
from retention.testing.clock import Clock
from retention.testing.settling import settle
from tests.campaigns.walks import Walk, states

Switch = Callable[..., Journey]


def test_a_fact_delivered_twice_enters_once(walk: Walk, switch: Switch) -> None:
    switch("next-order")
    walk.order()
    settle(at=walk.clock.now)
    fact = OrderPlaced(
        customer=Customer.objects.get().pk, at=walk.clock.now, order="1", total_minor=4000, currency="EUR"
    )
    entries.enter([Recorded(id=1, position=1, data=fact)] * 2)
    assert Enrolment.objects.count() == 1


def test_queries_do_not_grow_with_the_number_of_customers(
    walk: Walk, switch: Switch, django_assert_num_queries: Any
) -> None:
    switch("next-order")
    counts = []
    for many in (5, 25):  # SQLite takes so many rows of messages in one statement
        for number in range(many):
            walk.order(email=f"c{many}-{number}@example.com")
        settle(at=walk.clock.now)
        with CaptureQueriesContext(connection) as captured:
            assert enrolments.advance(at=walk.clock.now) == 2 * many
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert Message.objects.count() == 30


def test_a_step_that_fails_for_one_is_tried_again_and_then_stuck_and_the_others_go_on(
    walk: Walk, switch: Switch
) -> None:
    broken = True

    def run(keys: Sequence[tuple[str, int, str]], parameters: Mapping[str, Any], at: datetime) -> None:
        if broken and any(order == "2" for _, _, order in keys):
            raise ValueError("no")
        done.extend(key for key, _, _ in keys)

    done: list[str] = []
    action = registry.actions.add("test.note", Action(name="test.note", label="note", run=run))
    try:
        journey = switch("next-order")
        journey.steps.all().delete()
        journey.steps.create(position=1, kind="action", action=action.name)
        journeys.publish(journey, at=walk.clock.now)
        for name in ("ada", "bea", "cid"):
            walk.order(email=f"{name}@example.com")
        walk.tick()
        assert states() == [("finished", ""), ("active", ""), ("finished", "")]
        assert Enrolment.objects.get(order="2").error == "ValueError: no"
        for _ in range(enrolments.TRIES):
            walk.tick(hours=5)
        assert states()[1] == ("stuck", "")
        stuck = Enrolment.objects.get(order="2")
        broken = False
        assert enrolments.retry(stuck, at=walk.clock.now) is True
        walk.tick()
        assert states()[1] == ("finished", "")
        assert sorted(done) == [f"journey:next-order:{row.pk}:0" for row in Enrolment.objects.order_by("pk")]
    finally:
        registry.actions.remove("test.note")


def test_a_mail_that_nobody_registers_any_more_is_an_error_and_not_silence(walk: Walk, switch: Switch) -> None:
    journey = switch("next-order")
    journey.steps.filter(kind="mail").update(mail="gone.mail")
    journeys.publish(journey, at=walk.clock.now)
    walk.order()
    walk.tick()
    assert Enrolment.objects.get().error == "KeyError: \"There is no mail named 'gone.mail' any more.\""
    assert (Coupon.objects.count(), Message.objects.count()) == (1, 0)


def test_an_offer_that_is_off_ends_the_passage_with_the_reason(walk: Walk, switch: Switch) -> None:
    switch("next-order")
    Offer.objects.update(active=False)
    walk.order()
    walk.tick()
    assert states() == [("exited", "no coupon: offer_off")]
    assert Message.objects.count() == 0


def test_a_version_is_never_edited(walk: Walk) -> None:
    version = JourneyVersion.objects.first()
    assert version is not None
    with pytest.raises(Immutable):
        version.save()


def test_a_journey_that_is_on_keeps_a_step(walk: Walk, switch: Switch) -> None:
    journey = switch("next-order")
    journey.steps.all().delete()
    with pytest.raises(journeys.Empty):
        journeys.publish(journey, at=walk.clock.now)


def test_a_journey_cannot_be_on_without_a_time_since_when(walk: Walk) -> None:
    with pytest.raises(IntegrityError):
        Journey.objects.filter(slug="welcome").update(state="on", since=None)


def test_the_usual_journeys_are_made_once_in_a_dry_run_and_what_was_edited_stays(db: None, clock: Clock) -> None:
    assert defaults.install(at=clock.now) == ["welcome", "next-order", "satisfaction"]
    assert set(Journey.objects.values_list("state", flat=True)) == {"dry"}
    Journey.objects.filter(slug="welcome").update(name="Hello")
    assert defaults.install(at=clock.now) == []
    assert Journey.objects.get(slug="welcome").name == "Hello"
    assert Journey.objects.count() == 3


@pytest.fixture
def committed(transactional_db: None, fake_shop: Any, clock: Clock) -> Walk:
    """As ``walk``, with what is written committed, for threads."""
    installation.go_live(at=clock.now)
    defaults.install(at=clock.now)
    for journey in Journey.objects.all():
        journeys.switch(journey, "on" if journey.slug == "next-order" else "off", at=clock.now)
    return Walk(shop=fake_shop, clock=clock)


def test_two_threads_take_each_step_once(committed: Walk) -> None:
    for number in range(60):
        committed.order(email=f"c{number}@example.com")
    now = committed.clock.now
    settle(at=now)
    start = threading.Barrier(4)

    def work() -> int:
        taken = 0
        try:
            start.wait()
            for _ in range(4):
                with contextlib.suppress(enrolments.Overtaken):
                    taken += enrolments.advance(at=now, limit=10)
        finally:
            connections.close_all()
        return taken

    with ThreadPoolExecutor(max_workers=4) as pool:
        taken = sum(future.result() for future in [pool.submit(work) for _ in range(4)])
    taken += enrolments.advance(at=now)
    assert taken == 2 * 60
    assert Enrolment.objects.filter(state="finished").count() == 60
    assert Coupon.objects.count() == 60
    assert Message.objects.count() == 60
    assert Message.objects.values("key").distinct().count() == 60


def test_a_worker_that_comes_late_to_a_step_is_rolled_back(walk: Walk, switch: Switch) -> None:
    switch("next-order")
    walk.order()
    settle(at=walk.clock.now)
    stale = list(Enrolment.objects.select_related("version__journey", "customer"))
    enrolments.advance(at=walk.clock.now)
    with pytest.raises(enrolments.Overtaken):
        enrolments.take(stale, at=walk.clock.now)
    assert (Coupon.objects.count(), Message.objects.count()) == (1, 1)
