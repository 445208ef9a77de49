"""10,000 personal coupons: ours, Oscar's form, `bulk_create` of Oscar's rows alone, and one SQL statement."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from statistics import median

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benchmarks import rounds, table
from benchmarks.issuing import peers
from campaigns.models import Coupon
from campaigns.services import coupons, offers
from campaigns.services.coupons import Wish
from campaigns.terms import Terms
from retention.models import Customer

MANY, FEW = 10_000, 2_500
BY_FORM = 500
"""Oscar's form saves them one by one."""
TIMES_FORM, SHARE_OF_BULK = 5, 0.4
OURS, FORM, BULK, SQL = (
    "ours, our rows and Oscar's",
    "Oscar's VoucherSetForm",
    "bulk_create, Oscar's rows",
    "one SQL each",
)
SMALL = f"ours, {FEW:,} of them"


def main() -> list[str]:
    """Print rates and ratios. Returns what is wrong."""
    at = timezone.now()
    offer = offers.create(
        slug="bench", name="Bench", terms=Terms(kind="percentage", percent=Decimal(10), valid_days=30), at=at
    )
    people = _people(MANY)
    number = 0

    def ours(count: int) -> Callable[[], None]:
        def issue() -> None:
            nonlocal number
            number += 1
            wishes = (Wish(key=f"bench:{number}:{pk}", customer=pk) for pk in people[:count])
            issued = coupons.issue_many(wishes, offer=offer, source="bench", at=at)
            assert len(issued.coupons) == count

        return issue

    host = peers.Host(starts=at, ends=at + timedelta(days=30))
    ways: Mapping[str, tuple[int, Callable[[], None]]] = {
        OURS: (MANY, ours(MANY)),
        SMALL: (FEW, ours(FEW)),
        FORM: (BY_FORM, lambda: host.by_form(BY_FORM)),
        BULK: (MANY, lambda: host.in_bulk(MANY)),
        SQL: (MANY, lambda: host.by_sql(MANY)),
    }
    ours(1)()  # the shared rows in Oscar are made once
    queries = {name: _count(work) for name, (_, work) in ways.items()}
    measured: list[dict[str, float]] = []
    for turn in range(rounds.ROUNDS):
        names = list(ways)
        names = names[turn % len(names) :] + names[: turn % len(names)]
        measured.append({name: _rate(*ways[name]) for name in names})
    table.show(
        "Issuing personal coupons",
        ["", "a second", "queries per 1,000"],
        [
            [name, f"{median(one[name] for one in measured):,.0f}", f"{queries[name] / ways[name][0] * 1000:,.1f}"]
            for name in ways
        ],
    )
    form, bulk = rounds.ratio(measured, OURS, FORM), rounds.ratio(measured, OURS, BULK)
    growth = rounds.ratio(measured, OURS, SMALL)
    verdict = "held" if form >= TIMES_FORM and bulk >= SHARE_OF_BULK else "NOT held, on this machine and at this load"
    print(f"\nOurs / the form {form:.1f}, ours / bulk_create {bulk:.2f}, {MANY:,} / {FEW:,} of ours {growth:.2f}.")
    print(f"At least {TIMES_FORM} times the form and {SHARE_OF_BULK} of bulk_create of Oscar's rows alone: {verdict}.")
    wrong = []
    if queries[OURS] * FEW > queries[SMALL] * MANY:
        wrong.append(f"{MANY:,} coupons cost more queries each than {FEW:,}: {queries[OURS]} and {queries[SMALL]}")
    if Coupon.objects.count() != Coupon.objects.values("code").distinct().count():
        wrong.append("two coupons have one code")
    return wrong


def _people(count: int) -> list[int]:
    at = timezone.now()
    rows = [
        Customer(kind="guest", email=f"p{n}@example.com", address=f"p{n}@example.com", created_at=at)
        for n in range(count)
    ]
    Customer.objects.bulk_create(rows, batch_size=2_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return list(Customer.objects.order_by("pk").values_list("pk", flat=True)[:count])


def _count(work: Callable[[], None]) -> int:
    with CaptureQueriesContext(connection) as asked:
        work()
    return len(asked)


def _rate(count: int, work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)
