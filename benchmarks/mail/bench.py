"""5,000 multipart mails to a sink: ours in two processes with all checks on, the peers, and the bare line."""

from __future__ import annotations

import json
import os
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median

import redis
from django.core.mail import EmailMultiAlternatives
from django.test.utils import setup_test_environment

from benchmarks import rounds, table
from benchmarks.mail import letter, queues
from benchmarks.mail.sink import Sink, sink
from retention.services import texts, values

MAILS = 5_000
TASKS = 500
"""A task for each mail is slow: fewer of them say as much."""
SHORT, LONG = 10_000, 100_000
OURS = "ours, 2 processes"
POST_1, POST_2 = "post_office, 1 process", "post_office, 2 processes"
TASK, LIMIT = "a Celery task for each mail, 2 processes", "one line, ready bytes"
HELD = ((POST_2, 1.2), (TASK, 6.0))
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
        ways: dict[str, Callable[[], float]] = {
            OURS: lambda: _ours(server, MAILS, MAILS, wrong),
            POST_1: lambda: _post_office(server, 1, wrong),
            POST_2: lambda: _post_office(server, 2, wrong),
            TASK: lambda: _tasks(server, wrong),
            LIMIT: lambda: _bare(server),
        }
        found = [{name: work() for name, work in ways.items()} for _ in range(rounds.ROUNDS)]
        growth = [{n: _ours(server, n, MAILS // 2, wrong) for n in (SHORT, LONG)} for _ in range(rounds.ROUNDS)]
    table.show(
        f"{MAILS:,} multipart mails to smtp-sink, a second: the median of {rounds.ROUNDS} rounds",
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


def _run(words: Sequence[Sequence[str]]) -> float:
    """Let these workers get ready, start them together, and return how many seconds they took."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.mail.worker", *one],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for one in words
    ]  # fmt: skip
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    started = time.perf_counter()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    took = time.perf_counter() - started
    for worker in workers:
        worker.communicate()
    return took


def _ours(server: Sink, queue: int, count: int, wrong: list[str]) -> float:
    queues.fill_ours(queue)
    before = server.settle()
    took = _run([["ours", str(count // 2)]] * 2)
    if (queues.sent(), server.settle() - before) != (count, count):
        wrong.append(f"of {count} mails {queues.sent()} say that they were sent, {server.settle() - before} came")
    return count / took


def _post_office(server: Sink, processes: int, wrong: list[str]) -> float:
    _fill_post_office(MAILS)
    before = server.settle()
    took = _run([["post_office", str(processes)]])
    if (queues.post_office_sent(), server.settle() - before) != (MAILS, MAILS):
        wrong.append(f"post_office sent {server.settle() - before} of {MAILS}")
    return MAILS / took


def _tasks(server: Sink, wrong: list[str]) -> float:
    """The worker is ready and the tasks are in the queue when the clock starts: the first of them starts it."""
    _fill_post_office(TASKS)
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as broker:
        broker.flushall()
    before = server.settle()
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "benchmarks.mail.engine", "worker", "-c", "2", "-l", "error",
         "--without-gossip", "--without-mingle", "--without-heartbeat"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        publisher = subprocess.run([sys.executable, "-m", "benchmarks.mail.publisher"], check=True)
        assert publisher.returncode == 0
        while server.count == before:
            time.sleep(0.005)
        started, first = time.perf_counter(), server.count
        while queues.post_office_sent() < TASKS:
            if time.perf_counter() - started > 60:
                wrong.append(f"{queues.post_office_sent()} of {TASKS} tasks were done")
                break
            time.sleep(0.02)
        return (TASKS - (first - before)) / (time.perf_counter() - started)
    finally:
        worker.terminate()
        worker.wait(30)


def _sample() -> texts.Rendered:
    common = values.common(first_name="Ada", unsubscribe_url="https://shop.example.com/u/abcdefgh")
    own = {"code": "SPRING-00000001", "url": "https://shop.example.com/c/1"}
    return texts.render(letter.LETTER, language="en", values={**common, **own})


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
