"""Codes in bulk: each exactly once, whatever is killed, edited or pressed twice meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from campaigns import batch_troubles
from campaigns.models import Coupon, CouponBatch, Offer
from campaigns.reasons import Reason
from campaigns.services import batches, coupons, engine, offers
from campaigns.terms import Terms
from retention import registry
from retention.models import Fact, Job
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import NOW, amount, make_offer, percentage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop) -> FakeShop:
    return fake_shop


def start(offer: Offer | None = None, count: int = 250, **given: Any) -> CouponBatch:
    return batches.start(offer or make_offer(), name="leaflet", count=count, by="staff", at=NOW, **given)


def finish(batch: CouponBatch) -> int:
    """Tick until nothing happens any more. Returns how many ticks did something."""
    ticks = 0
    while batches.carry_on(at=NOW + timedelta(seconds=2 * ticks)):
        ticks += 1
    return ticks


def job(batch: CouponBatch) -> tuple[str, int, Any]:
    row = Job.objects.get(pk=batch.job_id)
    return row.state, row.done, row.cursor


def keys(batch: CouponBatch) -> set[int]:
    """Return the numbers of the codes that are there."""
    return {int(key.rpartition(":")[2]) for key in Coupon.objects.filter(batch=batch).values_list("key", flat=True)}


def test_so_many_codes_are_made_as_were_asked_for_here_and_in_the_shop(shop: FakeShop) -> None:
    batch = start(make_offer(prefix="LEAF"), count=250)
    assert job(batch) == ("running", 0, {"made": 0})
    assert Coupon.objects.count() == 0
    finish(batch)
    assert job(batch) == ("done", 250, {"made": 250})
    assert keys(batch) == set(range(1, 251))
    assert set(Coupon.objects.values_list("code", flat=True)) == set(shop.coupons)
    assert {code.partition("-")[0] for code in shop.coupons} == {"LEAF"}
    assert list(Coupon.objects.values_list("customer", "source", "max_uses").distinct()) == [(None, "batch", 1)]


def test_a_batchs_own_prefix_and_currency_stand_before_the_offers() -> None:
    batch = start(
        make_offer(amount(("EUR", 500, None), ("GBP", 400, None)), prefix="LEAF"), 3, prefix="BOX", currency="GBP"
    )
    finish(batch)
    assert {code[:4] for code in Coupon.objects.values_list("code", flat=True)} == {"BOX-"}
    assert set(Coupon.objects.values_list("currency", flat=True)) == {"GBP"}


def test_nobody_was_given_a_code_of_a_batch_so_no_fact_says_so() -> None:
    finish(start(count=3))
    assert Fact.objects.filter(kind="campaigns.CouponIssued").count() == 0


def test_a_tick_does_so_much_and_no_more() -> None:
    batch = start(count=250)
    assert batches.carry_on(at=NOW, most=120) == 120
    assert job(batch) == ("running", 120, {"made": 120})
    assert keys(batch) == set(range(1, 121))
    assert batches.carry_on(at=NOW, most=120) == 120
    assert batches.carry_on(at=NOW, most=120) == 10
    assert batches.carry_on(at=NOW, most=120) == 0


def test_batches_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "STEP", 10)
    large, small = start(make_offer(slug="large"), 1000), start(make_offer(slug="small"), 20)
    batches.carry_on(at=NOW, most=60)
    assert [job(large)[1], job(small)[1]] == [40, 20]
    assert job(small)[0] == "done"


class Killed(BaseException):
    """The process is gone: nobody writes anything any more."""


def test_killed_anywhere_it_goes_on_without_a_double_or_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Die before, in and after each of the steps that make codes."""
    monkeypatch.setattr(batches, "STEP", 10)
    batch = start(count=40)
    issue = coupons.issue_many
    deaths = iter(["before", "after", "", "before", "", "after", "after", ""])

    def dying(*args: Any, **given: Any) -> Any:
        death = next(deaths, "")
        if death == "before":
            raise Killed
        found = issue(*args, **given)
        if death == "after":
            raise Killed
        return found

    monkeypatch.setattr(coupons, "issue_many", dying)
    died = 0
    while job(batch)[0] == "running":
        try:
            batches.carry_on(at=NOW)
        except Killed:
            died += 1
            assert len(keys(batch)) == job(batch)[1]
    assert died == 5
    assert (job(batch)[:2], keys(batch)) == (("done", 40), set(range(1, 41)))
    assert Coupon.objects.count() == 40


def test_codes_that_were_made_before_the_progress_was_lost_are_not_made_again() -> None:
    batch = start(count=30)
    batches.carry_on(at=NOW, most=20)
    before = set(Coupon.objects.values_list("code", flat=True))
    Job.objects.filter(pk=batch.job_id).update(done=0, cursor={"made": 0})
    finish(batch)
    assert keys(batch) == set(range(1, 31))
    assert before < set(Coupon.objects.values_list("code", flat=True))


def test_an_offer_edited_meanwhile_leaves_all_codes_of_a_batch_alike() -> None:
    offer = make_offer(percentage("10"))
    start(offer, 30)
    batches.carry_on(at=NOW, most=10)
    Offer.objects.filter(pk=offer.pk).update(percent=50, valid_days=1)
    offers.publish(offer, at=NOW)
    tomorrow = NOW + timedelta(days=1)
    batches.carry_on(at=tomorrow)
    assert set(Coupon.objects.values_list("version__number", flat=True)) == {1}
    assert Coupon.objects.values("expires_at").distinct().count() == 1


def test_an_offer_that_is_off_or_over_is_refused_at_once() -> None:
    off = make_offer(slug="off")
    Offer.objects.filter(pk=off.pk).update(active=False)
    off.refresh_from_db()
    over = make_offer(percentage(valid_days=None, ends_on=(NOW - timedelta(days=1)).date()), slug="over")
    for offer, reason in ((off, Reason.OFFER_OFF), (over, Reason.OFFER_ENDED)):
        with pytest.raises(batches.Closed) as refused:
            start(offer)
        assert refused.value.reason == reason
        assert str(refused.value) == reason.label
    assert Job.objects.count() == CouponBatch.objects.count() == 0


@pytest.mark.parametrize("count", [0, -1, 1_000_001])
def test_none_and_more_than_a_million_are_no_batch(count: int) -> None:
    with pytest.raises(ValueError, match=str(count)):
        start(count=count)
    assert Job.objects.count() == 0


def test_the_button_pressed_twice_makes_one_batch() -> None:
    offer = make_offer()
    first, again = start(offer, key="abc"), start(offer, key="abc")
    assert first == again
    assert CouponBatch.objects.count() == Job.objects.count() == 1
    assert start(offer, key="other") != first


def fail(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let the shop refuse new vouchers."""

    def create(*_: Any) -> None:
        raise error

    monkeypatch.setattr(engine.Host, "create", create)


def test_an_error_stops_a_batch_with_a_line_in_its_log_and_it_goes_on_when_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch = start(count=30)
    batches.carry_on(at=NOW, most=10)
    with monkeypatch.context() as broken:
        fail(broken, RuntimeError("no room for ada@example.com"))
        assert batches.carry_on(at=NOW) == 0
    assert job(batch) == ("failed", 10, {"made": 10})
    assert keys(batch) == set(range(1, 11))
    log = Job.objects.get(pk=batch.job_id).log
    assert log.endswith(": RuntimeError: no room for …\n")
    assert "ada" not in log
    assert batches.carry_on(at=NOW) == 0, "nobody said that it should go on"
    assert batches.retry(batch, at=NOW) is True
    assert batches.retry(batch, at=NOW) is False
    finish(batch)
    assert (job(batch)[:2], keys(batch)) == (("done", 30), set(range(1, 31)))


def test_one_batch_that_fails_does_not_hold_up_another(monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = start(make_offer(slug="bad"), 5), start(make_offer(slug="good"), 5)
    Offer.objects.filter(slug="bad").update(active=False)
    assert batches.carry_on(at=NOW) == 5
    assert [job(bad)[:2], job(good)[:2]] == [("failed", 0), ("done", 5)]
    assert "The offer is switched off." in Job.objects.get(pk=bad.job_id).log


def test_what_passes_by_itself_is_tried_again_without_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = start(count=5)
    locked = OperationalError("database is locked")
    locked.__cause__ = type("Busy", (Exception,), {"sqlite_errorname": "SQLITE_BUSY", "sqlstate": "40P01"})()
    with monkeypatch.context() as broken:
        fail(broken, locked)
        with pytest.raises(OperationalError):
            batches.carry_on(at=NOW)
    assert job(batch) == ("running", 0, {"made": 0})
    finish(batch)
    assert job(batch)[:2] == ("done", 5)


def test_a_batch_is_stopped_and_goes_on() -> None:
    batch = start(count=30)
    batches.carry_on(at=NOW, most=10)
    assert batches.stop(batch, by="ada", at=NOW) is True
    assert batches.stop(batch, by="ada", at=NOW) is False
    assert batches.carry_on(at=NOW) == 0
    assert job(batch)[:2] == ("failed", 10)
    assert "Stopped by ada." in Job.objects.get(pk=batch.job_id).log
    assert list(batch_troubles.find(NOW)) == [], "somebody wanted it"
    batches.retry(batch, at=NOW)
    finish(batch)
    assert job(batch)[:2] == ("done", 30)


def test_one_that_stopped_by_itself_is_among_what_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = start(count=30)
    fail(monkeypatch, RuntimeError("no room"))
    batches.carry_on(at=NOW)
    [trouble] = batch_troubles.find(NOW)
    assert "“leaflet” stopped at 0 of 30." in str(trouble.what)
    assert "RuntimeError: no room" in str(trouble.what)
    assert [action.permission for action in trouble.actions] == ["retention_campaigns.issue_coupon"]
    batches.retry(batch, at=NOW)
    assert list(batch_troubles.find(NOW)) == []


def test_the_tick_is_registered_and_costs_one_query_when_there_is_nothing_to_do() -> None:
    tick = registry.ticks["campaigns.batches"]
    assert tick.every <= 5
    with CaptureQueriesContext(connection) as asked:
        assert tick.run(NOW) == 0
    assert len(asked) == 1


@pytest.fixture
def transactions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many codes each transaction of a batch has made."""
    made: list[int] = []
    step = batches._step

    def counted(*args: Any, **given: Any) -> int:
        assert connection.in_atomic_block
        done = step(*args, **given)
        made.extend([done] if done else [])
        return done

    monkeypatch.setattr(batches, "_step", counted)
    return made


@pytest.mark.sqlite
def test_on_sqlite_a_transaction_makes_at_most_a_hundred_codes(transactions: list[int]) -> None:
    batch = start(count=1050)
    finish(batch)
    assert transactions == [100] * 10 + [50]


@pytest.mark.postgres
def test_on_postgresql_a_transaction_makes_a_thousand_codes(transactions: list[int]) -> None:
    batch = start(count=2500)
    assert finish(batch) == 1
    assert transactions == [1000, 1000, 500]


@pytest.mark.parametrize("terms", [percentage(), amount(("EUR", 500, None)), Terms(kind="free_shipping", valid_days=7)])
def test_queries_do_not_grow_with_the_number_of_codes(terms: Terms) -> None:
    def cost(slug: str, count: int) -> int:
        batch = start(make_offer(terms, slug=slug), count)
        with CaptureQueriesContext(connection) as asked, transaction.atomic():
            assert batches.carry_on(at=NOW) == count
        assert job(batch)[0] == "done"
        return len([query for query in asked if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))])

    assert cost("many", 90) <= cost("few", 2) + (8 if connection.vendor == "sqlite" else 0)
