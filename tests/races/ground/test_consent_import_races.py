"""A list of consents taken in by many workers at once, and while people say no."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from django.db import transaction

from retention import consent_file
from retention.models import ConsentEvidence, ConsentImport, ConsentImportPart, Customer, Job, Suppression
from retention.services import consent, consent_imports, consent_merging, installation, permission
from tests.races.together import all_well, together
from tests.retention.ground import promise
from tests.retention.shop import NOON

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("wiring")]

LINES, THREADS, ROUNDS = 400, 8, 40


def ready(lines: str, monkeypatch: pytest.MonkeyPatch, *, piece: int = 10) -> Job:
    """Say yes to a file; a worker may begin."""
    monkeypatch.setattr(consent_imports, "PIECE", piece)
    monkeypatch.setattr(consent_imports, "PIECE_ON_SQLITE", piece)
    reading = consent_file.read(("address,kind,at,basis\n" + lines).encode(), at=NOON)
    job = consent_imports.start(consent_imports.keep(reading, {}, by="mia", at=NOON), at=NOON)
    assert job
    return job


def work() -> int:
    return consent_imports.carry_on(at=NOON)


def test_many_workers_take_each_line_in_once(monkeypatch: pytest.MonkeyPatch) -> None:
    job = ready("".join(f"p{n}@example.com,consent,2024-05-01,opt_in\n" for n in range(LINES)), monkeypatch)
    assert sum(all_well(together(*[work] * THREADS))) + work() == LINES
    job.refresh_from_db()
    assert (job.state, job.done) == ("done", LINES)
    assert (Customer.objects.count(), ConsentEvidence.objects.count(), ConsentImportPart.objects.count()) == (
        LINES, LINES, 0,
    )  # fmt: skip


@pytest.mark.postgres
def test_without_the_turn_two_workers_would_take_the_same_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same with the turn off, both having read the piece before either writes."""
    both, plan = threading.Barrier(2), consent_merging.plan

    @contextmanager
    def always(name: str) -> Iterator[bool]:
        with transaction.atomic():
            yield True

    def late(*args: Any, **given: Any) -> Any:
        made = plan(*args, **given)
        both.wait(30)
        return made

    job = ready("".join(f"p{n}@example.com,consent,2024-05-01,opt_in\n" for n in range(10)), monkeypatch)
    monkeypatch.setattr(consent_imports, "one_at_a_time", always)
    monkeypatch.setattr(consent_merging, "plan", late)
    all_well(together(work, work))
    job.refresh_from_db()
    assert job.done == 20, "of ten lines"
    assert ConsentEvidence.objects.count() == 10, "what the constraint holds, it holds without a turn too"


def test_who_says_no_while_a_file_says_yes_has_said_no(
    monkeypatch: pytest.MonkeyPatch, mails: None, customer: Callable[..., Customer]
) -> None:
    for number in range(ROUNDS):
        email = f"p{number}@example.com"
        person = customer(email)
        ready(f"{email},unsubscribe,2024-05-01,\n", monkeypatch)
        work()
        ready(f"{email},consent,2025-05-01,opt_in\n", monkeypatch)

        def no(person: Customer = person) -> None:
            consent.unsubscribe(person, purpose="marketing", source="link", at=NOON)

        all_well(together(no, work))
        work()
        assert Suppression.objects.get(address_hash=person.address_hash).reason == "unsubscribed"
        news = promise(person, "test.news")
        assert permission.refusals([news], at=NOON)[news.pk] == "unsubscribed"


@pytest.mark.postgres
def test_a_file_that_ends_while_another_is_thrown_away_settles_what_people_had_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each sees the other's lines or job as it was, unless one waits for the other's end."""
    reading = consent_file.read(b"address,kind\ncat@example.com,bounce\n", at=NOON)
    other = consent_imports.keep(reading, {}, by="ben", at=NOON)
    job = ready("ada@example.com,unsubscribe,,\n", monkeypatch)
    ConsentImport.objects.filter(job=job).update(found={"kind_unsubscribe": 1})
    both, settle = threading.Barrier(2), consent_imports._settle

    def late(*, at: datetime) -> None:
        both.wait(30)
        settle(at=at)

    monkeypatch.setattr(consent_imports, "_settle", late)
    all_well(together(work, lambda: int(consent_imports.throw_away(other, at=NOON))))
    assert installation.get().consents_settled_by == "mia"
