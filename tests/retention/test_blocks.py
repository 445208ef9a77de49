"""Tries are counted by window; too many begin a block, and each block in a row is twice as long as the last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from retention import origin, registry, waits
from retention.models import Block
from retention.services import blocks, tries
from retention.services.blocks import Rule

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RULE = Rule(limit=3, window=HOUR, first=HOUR, longest=10 * HOUR)


def hit(at: datetime, *who: str, rule: Rule = RULE, scope: str = "test") -> datetime | None:
    return blocks.count(scope=scope, who=who or ("192.0.2.1",), rule=rule, at=at)


def hits(count: int, at: datetime) -> list[datetime | None]:
    return [hit(at) for _ in range(count)]


def overdo(at: datetime) -> timedelta:
    """Use the window up and try once more. Returns how long the block is."""
    *allowed, until = hits(4, at)
    assert allowed == [None] * 3
    assert until is not None
    return until - at


def test_so_many_as_allowed_and_the_next_begins_a_block() -> None:
    assert hits(5, NOON) == [None, None, None, NOON + HOUR, NOON + HOUR]


def test_a_try_in_a_block_does_not_lengthen_it() -> None:
    assert overdo(NOON) == HOUR
    assert hit(NOON + 59 * MINUTE) == NOON + HOUR
    assert Block.objects.get().level == 1


def test_a_block_ends_at_its_last_microsecond_and_a_whole_window_begins() -> None:
    overdo(NOON)
    assert hit(NOON + HOUR - TICK) == NOON + HOUR
    assert hits(3, NOON + HOUR) == [None] * 3
    assert hit(NOON + HOUR) == NOON + 3 * HOUR


def test_a_window_ends_an_hour_after_its_first_try() -> None:
    assert hits(3, NOON) == [None] * 3
    assert hit(NOON + HOUR - TICK) == NOON + HOUR - TICK + HOUR
    assert [hit(NOON, "b") for _ in range(3)] == [None] * 3
    assert hit(NOON + HOUR, "b") is None
    assert Block.objects.get(level=0).tries == 1


def test_each_block_in_a_row_is_twice_as_long_as_the_last_up_to_the_longest() -> None:
    at, lengths = NOON, []
    for _ in range(6):
        lengths.append(overdo(at))
        at += lengths[-1]
    assert [length / HOUR for length in lengths] == [1, 2, 4, 8, 10, 10]


def test_after_a_quiet_day_the_next_block_is_a_first_one() -> None:
    ends = NOON + overdo(NOON)
    ends += overdo(ends)
    assert ends == NOON + 3 * HOUR
    assert overdo(ends + DAY) == HOUR
    assert Block.objects.get().level == 1


def test_a_microsecond_less_than_a_day_is_no_quiet_day() -> None:
    ends = NOON + overdo(NOON)
    assert overdo(ends + DAY - TICK) == 2 * HOUR


def test_a_day_of_allowed_tries_is_quiet() -> None:
    ends = NOON + overdo(NOON)
    for hour in range(24):
        assert hits(3, ends + hour * HOUR) == [None] * 3
    assert overdo(ends + DAY) == HOUR


def test_who_tries_is_blocked_when_the_address_or_the_session_is_and_both_are_counted() -> None:
    for number in range(3):
        assert hit(NOON, "address", f"session {number}") is None
    assert hit(NOON, "address", "session 0") == NOON + HOUR
    assert hit(NOON, "elsewhere", "session 0") is None
    assert hit(NOON + MINUTE, "elsewhere", "session 0") == NOON + MINUTE + HOUR, "its fourth"
    assert hit(NOON + MINUTE, "address", "session 0") == NOON + MINUTE + HOUR, "the later of two"


def test_scopes_are_counted_apart_and_nobody_is_not_counted() -> None:
    overdo(NOON)
    assert hit(NOON, scope="other") is None
    assert [hit(NOON, "", "") for _ in range(5)] == [None] * 5
    assert Block.objects.count() == 2


def test_a_limit_of_nothing_allows_nothing_and_one_of_one_one() -> None:
    none, one = (Rule(limit=limit, window=HOUR, first=HOUR, longest=HOUR) for limit in (0, 1))
    assert hit(NOON, rule=none) == NOON + HOUR
    assert [hit(NOON, rule=one) for _ in range(2)] == [None, NOON + HOUR]


def test_a_try_is_one_statement_the_first_the_last_and_one_in_a_block() -> None:
    for _ in range(5):
        with CaptureQueriesContext(connection) as queries:
            hit(NOON, "address", "session")
        # a test's transaction adds a savepoint and its release
        assert [query["sql"].split()[0] for query in queries] == ["SAVEPOINT", "INSERT", "RELEASE"]


def test_what_is_kept_is_no_address() -> None:
    hit(NOON, "192.0.2.1")
    assert "192" not in Block.objects.get().who_hash[:8]
    assert len(Block.objects.get().who_hash) == 64


def test_pruning_takes_what_nobody_can_tell_from_a_first_try_and_nothing_else() -> None:
    ends = NOON + overdo(NOON)
    hit(NOON - TICK, "b")
    assert blocks.prune(at=ends + DAY - TICK) == 1
    assert Block.objects.get().level == 1, "still to be doubled"
    assert blocks.prune(at=ends + DAY) == 1
    assert Block.objects.count() == 0


def test_the_daily_tick_prunes(wiring: None) -> None:
    hit(NOON)
    registry.ticks["retention.prune"].run(NOON + 3 * DAY)
    assert Block.objects.count() == 0


# Coupon codes


def test_the_settings_decide_about_codes(settings: Any) -> None:
    settings.RETENTION = {
        **settings.RETENTION, "COUPON_TRIES_PER_HOUR": 2, "COUPON_BLOCK_MINUTES": 20, "COUPON_BLOCK_HOURS_AT_MOST": 1,
    }  # fmt: skip

    def minutes(at: datetime) -> int:
        said = [tries.count(origin="192.0.2.1", session="", at=at) for _ in range(3)]
        assert said[:2] == [None, None]
        assert said[2] is not None
        return (said[2] - at) // MINUTE

    at, found = NOON, []
    for _ in range(4):
        found.append(minutes(at))
        at += found[-1] * MINUTE
    assert found == [20, 40, 60, 60]


def test_without_settings_thirty_codes_an_hour_and_blocks_from_an_hour_to_a_day() -> None:
    at, found = NOON, []
    for _ in range(7):
        said = [tries.count(origin="192.0.2.1", session="s", at=at) for _ in range(31)]
        assert said[:30] == [None] * 30
        assert said[30] is not None
        found.append((said[30] - at) // HOUR)
        at = said[30]
    assert found == [1, 2, 4, 8, 16, 24, 24]


def test_a_household_has_one_share_whichever_of_its_addresses_it_uses() -> None:
    assert origin.network("2001:db8:1:2::1") == origin.network("2001:DB8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert origin.network("2001:db8:1:3::1") != origin.network("2001:db8:1:2::1")
    assert origin.network("::ffff:192.0.2.1") == origin.network(" 192.0.2.1") == "192.0.2.1"
    assert origin.network("fe80::1%eth0") == "fe80::/64"
    assert [origin.network(odd) for odd in ("", "unix:", "192.0.2.300")] == ["", "unix:", "192.0.2.300"]


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (TICK, "in 1 minute:"),
        (MINUTE, "in 1 minute:"),
        (MINUTE + TICK, "in 2 minutes:"),
        (HOUR, "in 60 minutes:"),
        (90 * MINUTE, "in 90 minutes:"),
        (90 * MINUTE + TICK, "in 2 hours:"),
        (24 * HOUR, "in 24 hours:"),
    ],
)
def test_when_to_come_back_is_said_in_words_and_never_too_early(left: timedelta, words: str) -> None:
    said = waits.after_tries(NOON + left, at=NOON)
    assert f"Please try again {words}" in said
    assert waits.seconds(NOON + left, at=NOON) >= left.total_seconds()
