"""Taking in an Oscar shop's past: a killed import goes on where it was, and nobody hears of it."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from campaigns.models import Coupon, Enrolment, Journey
from campaigns.services import defaults, enrolments, invitations, journeys
from retention.models import Customer, Fact, Job, Message, Order
from retention.services import delivery, imports, installation
from retention.testing.settling import settle
from tests.campaigns.walks import guest
from tests.oscar import past
from tests.oscar.world import OscarWorld

ROOT = Path(__file__).resolve().parents[2]
LONG_AGO = datetime(2024, 5, 1, 9, 0, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def placed() -> list[str]:
    """Return the order of each OrderPlaced in the log."""
    return [fact.payload["order"] for fact in Fact.objects.filter(kind="retention.OrderPlaced")]


def test_killed_and_started_again_it_goes_on_where_it_was(database_url: str) -> None:
    references = {
        str(order.pk) for order in past.orders(300, since=LONG_AGO, users=past.members(5, joined=LONG_AGO), guests=5)
    }
    command = [sys.executable, "-W", "ignore", "-u", "manage.py", "retention_import", "--from-shop", "--batch", "10"]
    environment = {**os.environ, "DATABASE_URL": database_url, "PYTHONPATH": os.pathsep.join(["", *sys.path])}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith("50 orders"):
                break
        running.kill()
    assert running.returncode == -9
    job = Job.objects.get()
    assert job.state == "running"
    assert 50 <= job.done < 300
    assert Order.objects.count() == len(placed()) == job.done

    out = StringIO()
    call_command("retention_import", "--from-shop", "--batch=10", stdout=out)
    assert out.getvalue().splitlines()[-1] == "Done: 300 orders."
    first = int(out.getvalue().split()[0])
    assert first == job.done + 9, "one order, of the very instant at which it was killed, is read again"
    assert sorted(placed()) == sorted(references)
    assert Order.objects.filter(history=True).count() == 300
    assert Customer.objects.count() == 10


def test_the_queries_of_a_batch_do_not_grow_with_the_past(db: None) -> None:
    past.orders(400, since=LONG_AGO, users=past.members(5, joined=LONG_AGO), guests=5)
    count, marks = 0, []

    def counting(execute: Callable[..., Any], *query: Any) -> Any:
        nonlocal count
        count += 1
        return execute(*query)

    with connection.execute_wrapper(counting):
        imports.take_in_shop(at=timezone.now(), batch=20, progress=lambda job: marks.append(count))
    [first, *batches] = [after - before for before, after in itertools.pairwise(marks)]
    assert Order.objects.count() == 400
    assert len(batches) == 19
    assert set(batches) == {batches[0]}
    assert first > batches[0], "guests are made with their first orders"


@pytest.fixture
def live(db: None, settings: Any) -> datetime:
    """The shop has been live for a day, with every journey on. Returns since when."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    since = timezone.now() - DAY
    installation.go_live(at=since)
    defaults.install(at=since)
    for journey in Journey.objects.all():
        journeys.switch(journey, Journey.State.ON, at=since)
    return since


def work(at: datetime) -> None:
    """Do what the ticks do."""
    settle(at=at)
    enrolments.advance(at=at)
    invitations.send(at=at)
    delivery.deliver(at=at)
    settle(at=at)


def test_not_one_mail_goes_out_though_everybody_may_be_written_to(live: datetime) -> None:
    people = past.members(5, joined=LONG_AGO)
    past.orders(40, since=live - 40 * HOUR, users=people, guests=5)
    for number in range(5):
        guest(f"guest{number}@example.com", at=live - DAY)
    imports.take_in_shop(at=timezone.now())
    for days in range(0, 60, 5):
        work(timezone.now() + days * DAY)
    assert Order.objects.count() == 40
    assert mail.outbox == []
    assert Message.objects.count() == 0
    assert Coupon.objects.count() == 0
    assert Enrolment.objects.count() == 0


def test_the_next_order_of_the_same_person_is_news(live: datetime) -> None:
    past.orders(5, since=LONG_AGO, users=[], guests=5)
    guest("guest0@example.com", at=live - DAY)
    imports.take_in_shop(at=timezone.now())
    world = OscarWorld()
    visitor = world.visit()
    world.put(visitor, world.add_product("Cup", past.PRICE))
    world.checkout(visitor, "guest0@example.com")
    mail.outbox.clear()  # Oscar's own confirmation
    work(timezone.now() + HOUR)
    work(timezone.now() + DAY)
    assert {message.to[0] for message in mail.outbox} == {"guest0@example.com"}
