"""Two at once on the same codes: two workers on a batch, two members of staff on a coupon, staff and a basket.

The negative control takes the guard off and must make doubles; otherwise these tests prove nothing.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from datetime import date
from typing import Any

import pytest

from campaigns.models import Coupon, CouponBatch, Redemption
from campaigns.services import batches, coupons, extending, redemptions, replacing, sharing
from retention.models import Job
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import NOW, give, guest, make_offer, percentage, reserve
from tests.races.together import all_well, together

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS = 6


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop) -> FakeShop:
    return fake_shop


def start(count: int) -> CouponBatch:
    return batches.start(make_offer(), name="leaflet", count=count, at=NOW)


def work() -> int:
    """Carry the batch on, as a worker does, until there is nothing to do or somebody else is at it."""
    done = 0
    for _ in range(200):
        done += batches.carry_on(at=NOW, most=30)
        if not Job.objects.filter(state="running").exists():
            break
    return done


def test_many_workers_on_one_batch_make_each_code_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "STEP", 10)
    monkeypatch.setattr(batches, "PAUSE", 0)
    batch = start(300)
    made = all_well(together(*[work] * WORKERS))
    assert sum(made) == 300
    job = Job.objects.get(pk=batch.job_id)
    assert (job.state, job.done, job.cursor) == ("done", 300, {"made": 300})
    numbers = sorted(int(key.rpartition(":")[2]) for key in Coupon.objects.values_list("key", flat=True))
    assert numbers == list(range(1, 301))


@pytest.mark.postgres
def test_without_the_lock_two_workers_do_the_same_work_and_it_is_still_counted_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control: the lock saves work, the condition of the UPDATE and the unique keys keep the count."""

    @contextmanager
    def no_lock(name: str) -> Any:
        yield True

    meet = threading.Barrier(2)
    issue = coupons.issue_many

    def both_at_once(*args: Any, **given: Any) -> Any:
        with suppress(threading.BrokenBarrierError):
            meet.wait(5)
        return issue(*args, **given)

    monkeypatch.setattr(batches, "one_at_a_time", no_lock)
    monkeypatch.setattr(coupons, "issue_many", both_at_once)
    start(10)
    made = all_well(together(*[lambda: batches.carry_on(at=NOW, most=10)] * 2))
    # the conditional UPDATE lets one of the two count; the other finds that it was overtaken
    assert sorted(made) == [0, 10]
    assert Job.objects.get().done == 10
    assert Coupon.objects.count() == 10


def test_somebody_who_stops_a_batch_while_it_is_made_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "STEP", 10)
    batch = start(3000)
    stopped = threading.Event()

    def worker() -> int:
        done = 0
        while not stopped.is_set():
            done += batches.carry_on(at=NOW, most=20)
        return done

    def staff() -> bool:
        try:
            while not Coupon.objects.exists():
                pass
            return batches.stop(batch, by="ada", at=NOW)
        finally:
            stopped.set()

    made, was_stopped = all_well(together(worker, staff))
    assert was_stopped is True
    job = Job.objects.get()
    assert (job.state, job.done) == ("failed", made)
    assert Coupon.objects.count() == made < 3000


def test_two_members_of_staff_give_one_new_code() -> None:
    old = give(make_offer())
    new = all_well(together(*[lambda: replacing.reissue(old, source="staff:1", at=NOW)] * WORKERS))
    assert len({coupon.pk for coupon in new}) == 1
    assert Coupon.objects.count() == 2
    assert list(Coupon.objects.redeemable(at=NOW)) == [new[0]]


def test_a_use_goes_over_to_the_new_code_or_is_the_baskets_and_never_both() -> None:
    offer = make_offer()
    old = [give(offer, guest(f"{n}@example.com")) for n in range(20)]

    def shopper() -> None:
        for n, coupon in enumerate(old):
            with suppress(redemptions.Refused):
                reserve(coupon, f"cart-{n}", email=f"{n}@example.com")

    def staff() -> None:
        for coupon in reversed(old):
            with suppress(replacing.NothingLeft):
                replacing.reissue(coupon, source="staff:1", at=NOW)

    all_well(together(shopper, staff))
    for coupon in old:
        held = Redemption.objects.filter(coupon=coupon, state="reserved").count()
        new = Coupon.objects.filter(replaces=coupon).count()
        assert held + new == 1, coupon


def test_a_last_day_that_is_moved_while_baskets_reserve_loses_no_use() -> None:
    offer = make_offer(percentage(uses=5))
    out = [give(offer, guest(f"{n}@example.com")) for n in range(10)]

    def shopper(cart: str) -> int:
        done = 0
        for n, coupon in enumerate(out):
            with suppress(redemptions.Refused):
                reserve(coupon, cart, email=f"{n}@example.com")
                done += 1
        return done

    def staff() -> int:
        return sum(extending.extend(out, until=date(2026, 6, day), at=NOW) for day in range(1, 11))

    results = all_well(together(lambda: shopper("a"), lambda: shopper("b"), lambda: shopper("c"), staff))
    assert results == [10, 10, 10, 100]
    assert set(Coupon.objects.values_list("used", flat=True)) == {3}
    [last] = set(Coupon.objects.values_list("expires_at", flat=True))
    assert last.astimezone(NOW.tzinfo) == NOW.replace(month=6, day=10, hour=22, minute=0)


def test_calling_off_and_extending_at_once_leaves_it_called_off(shop: FakeShop) -> None:
    offer = make_offer()
    out = [give(offer, guest(f"{n}@example.com")) for n in range(10)]
    all_well(
        together(
            lambda: [coupons.void([one], reason="leaked", at=NOW) for one in out],
            lambda: [extending.extend([one], until=date(2026, 6, 30), at=NOW) for one in reversed(out)],
        )
    )
    assert set(Coupon.objects.values_list("state", flat=True)) == {"void"}
    assert {coupon.disabled for coupon in shop.coupons.values()} == {True}


def test_two_who_want_the_same_word_at_once_get_it_once() -> None:
    offer = make_offer()
    shared = sharing.look(offer, code="SPRING24", cap=5, at=NOW)

    def share(n: int) -> Any:
        return lambda: sharing.share(offer, shared, key=str(n), source=f"staff:{n}", at=NOW)

    results = together(*map(share, range(WORKERS)))
    made = [one for one in results if isinstance(one, Coupon)]
    assert len(made) == 1
    assert [type(one) for one in results if not isinstance(one, Coupon)] == [sharing.CodeTaken] * (WORKERS - 1)
    assert Coupon.objects.get().source == made[0].source


@pytest.mark.sqlite
def test_a_shopper_does_not_wait_long_for_a_batch_on_sqlite() -> None:
    """A use is reserved within a second while codes are made."""
    coupon = give(make_offer(percentage(uses=50), slug="other"))
    start(1000)
    waits: list[float] = []

    def shopper() -> None:
        for n in range(20):
            began = time.monotonic()
            reserve(coupon, f"c{n}", email="ada@example.com")
            waits.append(time.monotonic() - began)

    all_well(together(lambda: batches.carry_on(at=NOW, most=1000), shopper))
    assert len(waits) == 20
    assert max(waits) < 5, sorted(waits)[-3:]
    assert Job.objects.get().done == 1000
