"""Multipart mails to a sink: ours in two processes with all checks on, the peers, and the bare line."""

from __future__ import annotations

import json
import os
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median

from celery import Celery
from django.core.mail import EmailMultiAlternatives
from django.test.utils import setup_test_environment

from benchmarks import rounds, table
from benchmarks.mail import letter, queues
from benchmarks.mail.sink import Sink, sink
from retention.services import rendering, values

MAILS = 2_500
"""A round; the two processes share them."""
TASKS = 100
"""A task for each mail is slow: fewer of them say as much."""
SHORT, LONG = 10_000, 100_000
OURS = "ours, 2 processes"
POST_1, POST_2 = "post_office, 1 process", "post_office, 2 processes"
TASK, LIMIT = "a Celery task for each mail, 2 processes", "one line, ready bytes"
BEST = "post_office's best"
HELD = ((BEST, 1.2), (TASK, 6.0))
FLAT = 0.95


def main() -> list[str]:
    """Print rates and ratios. Returns what is wrong."""
    if subprocess.run(["scripts/need", "smtp-sink", "postfix"], check=False).returncode:
        return ["there is no smtp-sink"]
    setup_test_environment()
    subprocess.run(
        [sys.executable, "-m", "django", "migrate", "post_office", "--verbosity=0"],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "benchmarks.mail.settings"},
        check=True,
    )
    queues.people()
    letter.load()
    wrong: list[str] = []
    with sink() as server:
        os.environ["EMAIL_URL"] = f"smtp://127.0.0.1:{server.port}"
        with workers("ours", 2) as ours, workers("post_office", 1) as peer, celery():
            ways: dict[str, Callable[[], float]] = {
                OURS: lambda: _ours(server, ours, MAILS, MAILS, wrong),
                POST_1: lambda: _post_office(server, peer, 1, wrong),
                POST_2: lambda: _post_office(server, peer, 2, wrong),
                TASK: lambda: _tasks(server, wrong),
                LIMIT: lambda: _bare(server),
            }
            found = [{name: work() for name, work in ways.items()} for _ in range(rounds.ROUNDS)]
            for one in found:
                one[BEST] = max(one[POST_1], one[POST_2])
            growth = [
                {n: _ours(server, ours, n, MAILS // 2, wrong) for n in (SHORT, LONG)} for _ in range(rounds.ROUNDS)
            ]
    table.show(
        f"{MAILS:,} multipart mails a round to smtp-sink, a second: the median of {rounds.ROUNDS} rounds",
        ["", "mails a second", "ours to it"],
        [
            [name, f"{median(one[name] for one in found):,.0f}", f"{rounds.ratio(found, OURS, name):.2f}"]
            for name in ways
        ],
    )
    print()
    for name, least in HELD:
        ratio = rounds.ratio(found, OURS, name)
        print(f"Ours to {name}: {ratio:.2f}; wanted {least}: {'held' if ratio >= least else 'NOT held, at this load'}.")
    flat = median(one[LONG] / one[SHORT] for one in growth)
    print(
        f"Rate at a queue of {LONG:,} to that at {SHORT:,}: {flat:.2f}; wanted {FLAT}: "
        f"{'held' if flat >= FLAT else 'NOT held, at this load'}."
    )
    return wrong


Workers = Sequence["subprocess.Popen[str]"]


@contextmanager
def workers(what: str, count: int) -> Iterator[Workers]:
    """Start so many processes and wait until they are ready."""
    with ExitStack() as stack:
        started = []
        for _ in range(count):
            words = [sys.executable, "-m", "benchmarks.mail.worker", what]
            one = stack.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            started.append(one)
        for one in started:
            assert _hear(one) == "ready"
        yield started


@contextmanager
def celery() -> Iterator[None]:
    """Run a Celery worker with two processes."""
    words = ["worker", "-c", "2", "-l", "error", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    one = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "celery", "-A", "benchmarks.mail.engine", *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        one.terminate()
        one.wait(30)


def _hear(one: subprocess.Popen[str]) -> str:
    assert one.stdout is not None
    return one.stdout.readline().strip()


def _go(them: Workers, number: int) -> float:
    """Let them all send at once; return how many seconds they took."""
    started = time.perf_counter()
    for one in them:
        assert one.stdin is not None
        one.stdin.write(f"{number}\n")
        one.stdin.flush()
    for one in them:
        _hear(one)
    return time.perf_counter() - started


def _ours(server: Sink, them: Workers, queue: int, count: int, wrong: list[str]) -> float:
    queues.fill_ours(queue)
    before = server.settle()
    took = _go(them, count // len(them))
    if (queues.sent(), server.settle() - before) != (count, count):
        wrong.append(f"of {count} mails {queues.sent()} say that they were sent, {server.settle() - before} came")
    return count / took


def _post_office(server: Sink, them: Workers, processes: int, wrong: list[str]) -> float:
    _fill_post_office(MAILS)
    before = server.settle()
    took = _go(them, processes)
    if (queues.post_office_sent(), server.settle() - before) != (MAILS, MAILS):
        wrong.append(f"post_office sent {server.settle() - before} of {MAILS}")
    return MAILS / took


def _tasks(server: Sink, wrong: list[str]) -> float:
    """The clock starts with the first mail that comes and ends with the last row that says so."""
    _fill_post_office(TASKS)
    before = server.settle()
    with queues.connection.cursor() as cursor:
        cursor.execute("SELECT id FROM post_office_email ORDER BY id")
        ids = [pk for (pk,) in cursor.fetchall()]
    app = Celery("bench", broker=os.environ["REDIS_URL"])
    for pk in ids:
        app.send_task("bench.send", args=[pk])
    while server.count == before:
        time.sleep(0.005)
    started, first = time.perf_counter(), server.count
    while queues.post_office_sent() < TASKS:
        if time.perf_counter() - started > 60:
            wrong.append(f"{queues.post_office_sent()} of {TASKS} tasks were done")
            break
        time.sleep(0.02)
    return (TASKS - (first - before)) / (time.perf_counter() - started)


def _sample() -> rendering.Rendered:
    common = values.common(first_name="Ada", unsubscribe_url="https://shop.example.com/u/abcdefgh")
    own = {"code": "SPRING-00000001", "url": "https://shop.example.com/c/1"}
    return rendering.render(letter.LETTER, language="en", values={**common, **own})


HEADERS = {"Reply-To": "shop@example.com", "Auto-Submitted": "auto-generated", "List-Id": "Shop <m.example.com>",
           "List-Unsubscribe": "<https://shop.example.com/u/abcdefgh>",
           "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}  # fmt: skip


def _fill_post_office(count: int) -> None:
    """What is like ours, written beforehand: nothing is left to do but to send it."""
    sample = _sample()
    queues.fill_post_office(count, sample.subject, sample.text, sample.html, json.dumps(HEADERS))


def _bare(server: Sink) -> float:
    sample = _sample()
    mail = EmailMultiAlternatives(sample.subject, sample.text, "shop@example.com", ["p@example.com"], headers=HEADERS)
    mail.attach_alternative(sample.html, "text/html")
    ready = mail.message().as_bytes(linesep="\r\n")
    with smtplib.SMTP("127.0.0.1", server.port) as line:
        started = time.perf_counter()
        for _ in range(MAILS):
            line.sendmail("shop@example.com", ["p@example.com"], ready)
        return MAILS / (time.perf_counter() - started)
