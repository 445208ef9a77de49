"""kill -9 of the worker in mid-send, and a broker that forgets everything: what becomes of the mails."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from django.utils import timezone

from retention.models import Customer, Message
from retention.services import outbox
from retention.services.outbox import Promise
from tests.faults.brokers import Broker, broker
from tests.faults.ground.processes import Worker, at, running
from tests.retention.mails import NEWS, RECEIPT
from tests.retention.postoffice import PostOffice

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mails")]

PATIENCE = 120.0
UNDER_WAY = ["planned", "due", "claimed", "sending"]
Make = Callable[..., Customer]


@pytest.fixture
def env(database_url: str, office: PostOffice) -> dict[str, str]:
    """Where a worker finds the test's database and mail server."""
    return {"DATABASE_URL": database_url, "EMAIL_URL": f"smtp://127.0.0.1:{office.port}"}


def owe(customer: Make, count: int) -> None:
    """Half are news (at most once), half are receipts (at least once), by turns."""
    ada = customer(wants=("marketing",))
    now = timezone.now()
    outbox.post_many(
        [
            Promise(key=f"m{number}", mail=(NEWS, RECEIPT)[number % 2], customer=ada.pk, due_at=now)
            for number in range(count)
        ],
        at=now,
    )


def settle(*workers: Worker) -> None:
    """Wait until no mail is under way."""
    end = time.monotonic() + PATIENCE
    while Message.objects.filter(state__in=UNDER_WAY).exists():
        assert time.monotonic() < end, "\n".join(
            [str(Counter(Message.objects.values_list("state", "error"))), *(worker.said() for worker in workers)]
        )
        time.sleep(0.2)


def look(office: PostOffice, *, count: int, kills: int, senders: int = 1) -> None:
    """Nothing is lost; nothing at-most-once came twice; what is in doubt is to be seen."""
    rows = list(Message.objects.values("mail", "state", "reason", "header_id"))
    assert len(rows) == count
    came = Counter(mail["Message-ID"] for mail in office.taken)
    assert set(came) <= {row["header_id"] for row in rows}, "nothing came without a row"
    assert {row["state"] for row in rows} <= {"sent", "unknown"}
    for row in rows:
        if row["state"] == "sent":
            assert came[row["header_id"]] >= 1
    unknown = [row for row in rows if row["state"] == "unknown"]
    assert {(row["mail"], row["reason"]) for row in unknown} <= {(NEWS, "sender died")}
    news = [came[row["header_id"]] for row in rows if row["mail"] == NEWS]
    assert max(news) == 1, "at most once"
    again = [came[row["header_id"]] - 1 for row in rows if row["mail"] == RECEIPT]
    assert min(again) == 0, "at least once"
    assert max(again) <= kills
    assert sum(again) + len(unknown) <= kills * senders, "one mail in doubt, or sent once more, for each killed sender"


def moments(count: int, kills: int) -> list[tuple[str, int]]:
    """Kill by turns when a mail was taken and its sender not told, and before the next is taken."""
    step = count // (kills + 1)
    return [(("DATA", "MAIL")[number % 2], (number + 1) * step + number % 3) for number in range(kills)]


def without_celery(
    env: dict[str, str], office: PostOffice, folder: Path, customer: Make, *, count: int, kills: int
) -> None:
    owe(customer, count)
    with running("-m", "tests.faults.ground.worker", env=env, log=folder / "worker.log") as worker:
        office.watch = at(worker, *moments(count, kills))
        settle(worker)
        assert worker.kills == kills, worker.said()
    look(office, count=count, kills=kills)


def test_a_worker_that_is_killed_twice_over_sixty_mails(
    env: dict[str, str], office: PostOffice, tmp_path: Path, customer: Make
) -> None:
    without_celery(env, office, tmp_path, customer, count=60, kills=2)


@pytest.mark.faults
def test_a_worker_that_is_killed_five_times_over_three_hundred_mails(
    env: dict[str, str], office: PostOffice, tmp_path: Path, customer: Make
) -> None:
    without_celery(env, office, tmp_path, customer, count=300, kills=5)


@pytest.fixture
def redis_of_its_own() -> Iterator[Broker]:
    """A broker that may lose everything."""
    with broker() as server:
        yield server


def with_celery(
    env: dict[str, str],
    office: PostOffice,
    folder: Path,
    customer: Make,
    server: Broker,
    *,
    count: int,
    kills: int,
    flushes: int,
) -> None:
    owe(customer, count)
    env = {**env, "REDIS_URL": server.url}
    celery = ["-m", "celery", "-A", "tests.faults.ground.engine"]
    beat_words = [*celery, "beat", "-s", str(folder / "schedule"), "-l", "warning"]
    worker_words = [*celery, "worker", "-P", "threads", "-c", "2", "-l", "warning", "--without-gossip"]
    with (
        redis.Redis.from_url(server.url) as forgetful,
        running(*beat_words, env=env, log=folder / "beat.log") as beat,
        running(*worker_words, env=env, log=folder / "worker.log") as worker,
    ):
        kill = at(worker, *moments(count, kills))
        step = count // (flushes + 1)
        taken = [0]

        def watch(stage: str) -> None:
            if stage == "DATA":
                taken[0] += 1
                if taken[0] % step == step // 2 and taken[0] // step < flushes:
                    forgetful.flushall()
            kill(stage)

        office.watch = watch
        settle(worker, beat)
        assert worker.kills == kills, worker.said()
        # and the ticks still come
        forgetful.flushall()
        outbox.post(
            Promise(key="last", mail=RECEIPT, customer=Customer.objects.get().pk, due_at=timezone.now()),
            at=timezone.now(),
        )
        settle(worker, beat)
    look(office, count=count + 1, kills=kills, senders=2)


def test_a_celery_worker_that_is_killed_twice_and_a_redis_that_forgets_twice_over_sixty_mails(
    env: dict[str, str], office: PostOffice, tmp_path: Path, customer: Make, redis_of_its_own: Broker
) -> None:
    with_celery(env, office, tmp_path, customer, redis_of_its_own, count=60, kills=2, flushes=2)


@pytest.mark.faults
def test_a_celery_worker_that_is_killed_five_times_and_a_redis_that_forgets_five_times_over_three_hundred_mails(
    env: dict[str, str], office: PostOffice, tmp_path: Path, customer: Make, redis_of_its_own: Broker
) -> None:
    with_celery(env, office, tmp_path, customer, redis_of_its_own, count=300, kills=5, flushes=5)
