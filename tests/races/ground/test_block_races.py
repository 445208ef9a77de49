"""Blocks under many at once: exactly so many tries are allowed, and exactly one block begins."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from retention.hashing import origin_hash
from retention.models import Block
from retention.services import blocks
from retention.services.blocks import Rule
from tests.races.together import all_well, together
from tests.retention.shop import NOON

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 32
HOUR = timedelta(hours=1)
RULE = Rule(limit=20, window=HOUR, first=HOUR, longest=24 * HOUR)


def tries(count: int, *who: str, minutes: int = 0) -> Callable[[], list[Any]]:
    at = NOON + timedelta(minutes=minutes)
    return lambda: [blocks.count(scope="test", who=who, rule=RULE, at=at) for _ in range(count)]


def said(results: list[Any]) -> list[Any]:
    return [answer for answers in all_well(results) for answer in answers]


def test_of_32_threads_with_five_tries_each_exactly_twenty_are_allowed_and_one_block_begins() -> None:
    answers = said(together(*[tries(5, "192.0.2.1")] * THREADS))
    assert (answers.count(None), answers.count(NOON + HOUR)) == (20, 140)
    row = Block.objects.get()
    assert (row.tries, row.level, row.blocked_until, row.window_ends_at) == (20, 1, NOON + HOUR, NOON + HOUR)


def test_the_block_after_it_begins_once_too() -> None:
    said(together(*[tries(1, "192.0.2.1")] * THREADS))
    answers = said(together(*[tries(1, "192.0.2.1", minutes=60)] * THREADS))
    assert (answers.count(None), answers.count(NOON + 3 * HOUR)) == (20, 12)
    assert Block.objects.get().level == 2


def test_sessions_of_one_address_share_its_tries() -> None:
    """Each thread has a session of its own, half of them have one address; nobody waits for anybody for ever."""
    answers = said(together(*[tries(2, f"session {n}", f"address {n % 2}") for n in range(THREADS)]))
    assert answers.count(None) == 40
    assert sorted(Block.objects.filter(level=1).values_list("tries", flat=True)) == [20, 20]


def test_looking_first_and_writing_later_would_let_more_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    ready = threading.Barrier(THREADS)
    Block.objects.create(scope="test", who_hash=origin_hash("192.0.2.1"), tries=19, window_ends_at=NOON + HOUR)

    def careless(*, scope: str, who: tuple[str, ...], rule: Rule, at: Any) -> Any:
        row = Block.objects.get(scope=scope, who_hash=origin_hash(who[0]))
        ready.wait(30)
        if row.tries >= rule.limit:
            return at + rule.first
        Block.objects.filter(pk=row.pk).update(tries=F("tries") + 1)
        return None

    monkeypatch.setattr(blocks, "count", careless)
    assert said(together(*[tries(1, "192.0.2.1")] * THREADS)).count(None) == THREADS, "one was left"


def test_pruning_meanwhile_loses_no_try() -> None:
    def prune() -> list[Any]:
        return [None for _ in range(20) if blocks.prune(at=NOON + timedelta(days=3)) and False]

    blocks.count(scope="test", who=["192.0.2.1"], rule=RULE, at=NOON)
    late = tries(5, "192.0.2.1", minutes=3 * 24 * 60)
    assert said(together(*[late] * 16, prune, prune)).count(None) == 20
    assert Block.objects.get().level == 1
