"""Wrong codes are counted by hour and prefix, for staff; nobody is blocked by a prefix."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns.models import CouponBatch, Guess
from campaigns.services import guesses
from retention import registry
from retention.models import Job
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import NOW, give, make_offer

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop) -> FakeShop:
    return fake_shop


def counted() -> dict[tuple[str, int], int]:
    """Return (prefix, hours from the start of the clock) → tries."""
    return {(row.prefix, (row.hour - NOW) // HOUR): row.count for row in Guess.objects.all()}


def test_codes_are_counted_under_the_prefixes_of_offers_and_batches_and_all_others_together() -> None:
    offer = make_offer(prefix="WELCOME")
    job = Job.objects.create(kind="test", key="test", started_at=NOW, moved_at=NOW)
    CouponBatch.objects.create(offer=offer, name="Leaflets", count=10, prefix="LEAF", job=job, created_at=NOW)
    for code in ("WELCOME-AAAA", "WELCOME-BBBB", "LEAF-A", "OTHER-AAAA", "WELCOME", "AAAABBBBCCCC", "-AAAA", ""):
        guesses.count(code, NOW)
    assert counted() == {("WELCOME", 0): 2, ("LEAF", 0): 1, ("", 0): 5}


def test_each_hour_has_a_count_of_its_own() -> None:
    for minutes in (0, 59, 60, 61, 125):
        guesses.count("NO-SUCH", NOW + timedelta(minutes=minutes))
    assert counted() == {("", 0): 2, ("", 1): 2, ("", 2): 1}


def test_a_code_that_exists_is_no_guess() -> None:
    guesses.count(give(make_offer()).code, NOW)
    assert counted() == {}


def test_counting_is_one_statement() -> None:
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            guesses.count("WELCOME-AAAA", NOW)
        assert len(queries) == 1


def troubles(at: Any = NOW) -> list[tuple[str, int]]:
    return [(str(trouble.what), trouble.count) for trouble in registry.troubles["campaigns.guesses"](at)]


def test_staff_are_told_of_more_than_is_usual_and_for_two_hours(settings: Any) -> None:
    settings.CAMPAIGNS = {**getattr(settings, "CAMPAIGNS", {}), "GUESSES_AN_HOUR": 3}
    make_offer(prefix="WELCOME")
    for _ in range(3):
        guesses.count("WELCOME-AAAA", NOW)
        guesses.count("AAAA", NOW)
    assert troubles() == []
    guesses.count("WELCOME-AAAA", NOW)
    [(what, count)] = troubles()
    assert what.startswith("4 wrong codes under the prefix WELCOME were tried in the hour from 03/02/2026")
    assert count == 4
    guesses.count("AAAA", NOW)
    assert troubles()[0][0].startswith("4 wrong codes without a prefix of yours were tried")
    assert [len(troubles(NOW + timedelta(minutes=minutes))) for minutes in (119, 120)] == [2, 0]


def test_the_trouble_leads_to_the_counts_by_hour(admin_client: Client, settings: Any) -> None:
    settings.CAMPAIGNS = {**getattr(settings, "CAMPAIGNS", {}), "GUESSES_AN_HOUR": 1}
    for _ in range(2):
        guesses.count("AAAA", NOW)
    [trouble] = registry.troubles["campaigns.guesses"](NOW)
    page = admin_client.get(trouble.url)
    assert page.status_code == 200
    assert "none of yours" in page.content.decode()
    assert "twelve letters" in str(trouble.cure)


def test_old_counts_are_forgotten_after_ninety_days() -> None:
    guesses.count("AAAA", NOW)
    tick = registry.ticks["campaigns.guesses"]
    assert tick.run(NOW + timedelta(days=90)) == 0
    assert tick.run(NOW + timedelta(days=90, microseconds=1)) == 1
    assert counted() == {}
