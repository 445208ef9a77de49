"""A coupon reserved before payment, with 1,000 and 200,000 codes out; a placement with one, with us and without."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from statistics import median

from django.db import connection
from django.test.utils import CaptureQueriesContext, setup_test_environment
from django.utils import timezone

from benchmarks import rounds, table
from benchmarks.placement.queries import without_us
from campaigns import queries
from campaigns.models import Coupon, Offer, Redemption
from campaigns.services import coupons, offers, redemptions
from campaigns.services.coupons import Wish
from campaigns.services.redemptions import Hold
from campaigns.terms import Terms
from retention.hashing import customer_key
from retention.services import customers
from tests.faults.buyers import Buyers
from tests.oscar.world import OscarWorld

FEW, MANY = 1_000, 200_000
TIMES = 60
"""Coupons used a round."""
GROWTH = 1.5
"""The slowest that many codes may be beside few."""
OURS, BARE = "ours: look, take, note", "one conditional UPDATE"
PLACED, ALONE = "with us", "Oscar alone"
COPY = """
INSERT INTO retention_campaigns_coupon (code, key, offer_id, version_id, currency, state, void_reason, source, "order",
    max_uses, per_customer, used, issued_at, expires_at)
SELECT upper(substr(md5('bench' || n), 1, 12)) || n, 'bench:many:' || n, offer_id, version_id, currency, state,
    void_reason, source, "order", max_uses, per_customer, 0, issued_at, expires_at
FROM generate_series(1, %s) n, (SELECT * FROM retention_campaigns_coupon WHERE code = %s) one
"""


def main() -> list[str]:
    """Print times and ratios. Returns what is wrong."""
    setup_test_environment()
    at = timezone.now()
    terms = Terms(kind="percentage", percent=Decimal(10), valid_days=30, per_customer=None)
    offer = offers.create(slug="bench", name="Bench", terms=terms, at=at)
    placed = _placements(offer)
    few = _reservations(offer, FEW)
    many = _reservations(offer, MANY)
    table.show(
        "Reserving a coupon, ms: the median of all (a second)",
        ["", f"{FEW:,} codes", f"{MANY:,} codes"],
        [[name, *(_cell(found, name) for found in (few, many))] for name in (OURS, BARE)],
    )
    table.show(
        "Placing an order with a coupon, ms: the median of all",
        ["", "ms"],
        [[name, f"{1000 * median(one[name] for one in placed):,.1f}"] for name in (PLACED, ALONE)],
    )
    growth = median(many_one[OURS] / few_one[OURS] for many_one, few_one in zip(many, few, strict=True))
    added = 1000 * median(one[PLACED] - one[ALONE] for one in placed)
    print(
        f"\nMany codes to few, the median of the rounds' own ratios: {growth:.2f}. Ours / UPDATE, with many:", end=" "
    )
    print(f"{rounds.ratio(many, OURS, BARE):.1f}. Added to a placement: {added:.1f} ms.")
    print(f"Flat from {FEW:,} to {MANY:,} codes: {'held' if growth <= GROWTH else 'NOT held, at this load'}.")
    wrong = []
    twice = Redemption.objects.filter(state="reserved").values("coupon").distinct().count()
    if twice != Redemption.objects.filter(state="reserved").count():
        wrong.append("a coupon was used twice")
    plan = _plan()
    if "Index" not in plan:
        wrong.append(f"a code is looked up without an index: {plan}")
    return wrong


def _reservations(offer: Offer, count: int) -> list[dict[str, float]]:
    """Use coupons while so many are out."""
    _fill(offer, count)
    codes = list(
        Coupon.objects.filter(used=0).order_by("code").values_list("code", flat=True)[: 2 * TIMES * rounds.ROUNDS]
    )
    at = timezone.now()
    found = []
    for _ in range(rounds.ROUNDS):
        times: dict[str, list[float]] = {OURS: [], BARE: []}
        for n in range(TIMES):
            for name, use in ((OURS, _ours), (BARE, _bare)):
                code = codes.pop()
                started = time.perf_counter()
                use(code, n, at)
                times[name].append(time.perf_counter() - started)
        found.append({name: median(all_of) for name, all_of in times.items()})
    return found


def _ours(code: str, n: int, at: object) -> None:
    [coupon] = queries.by_code([code], cart=f"cart-{code}")
    hold = Hold(coupon=coupon, customer_key=customer_key(f"p{n}@example.com"), currency="EUR")
    redemptions.reserve([hold], cart=f"cart-{code}", at=at)  # type: ignore[arg-type]


def _bare(code: str, n: int, at: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE retention_campaigns_coupon SET used = used + 1 WHERE code = %s AND used < max_uses", [code]
        )


def _fill(offer: Offer, count: int) -> None:
    """Let so many codes be out, all alike."""
    Redemption.objects.all().delete()
    Coupon.objects.all().delete()
    at = timezone.now()
    person = customers.for_guest("ada@example.com", at=at)
    one = coupons.issue(Wish(key=f"bench:{count}", customer=person.pk), offer=offer, source="bench", at=at)
    assert one is not None
    with connection.cursor() as cursor:
        cursor.execute(COPY, [count, one.code])
        cursor.execute("ANALYZE retention_campaigns_coupon")


def _placements(offer: Offer) -> list[dict[str, float]]:
    """Place orders with a coupon through Oscar's real checkout, with us and without us, in turn."""
    buyers = Buyers(OscarWorld())
    at = timezone.now()
    person = customers.for_guest("ada@example.com", at=at)
    number = 0

    def buy() -> float:
        nonlocal number
        number += 1
        coupon = coupons.issue(Wish(key=f"order:{number}", customer=person.pk), offer=offer, source="bench", at=at)
        assert coupon is not None
        buyer = buyers.one()
        buyers.world.ask(buyer, buyers.world.shop.apply_coupon, coupon.code)
        started = time.perf_counter()
        assert buyers.buy(buyer)
        return time.perf_counter() - started

    def alone() -> float:
        with without_us():
            return buy()

    ways: dict[str, Callable[[], float]] = {PLACED: buy, ALONE: alone}
    for work in ways.values():
        work()  # what is cached once a process is no part of it
    return [{name: median(work() for _ in range(6)) for name, work in ways.items()} for _ in range(rounds.ROUNDS)]


def _cell(found: list[dict[str, float]], name: str) -> str:
    seconds = median(one[name] for one in found)
    return f"{1000 * seconds:.2f} ({1 / seconds:,.0f})"


def _plan() -> str:
    with CaptureQueriesContext(connection), connection.cursor() as cursor:
        cursor.execute("EXPLAIN SELECT * FROM retention_campaigns_coupon WHERE code = 'NONE'")
        return " ".join(row[0] for row in cursor.fetchall())
