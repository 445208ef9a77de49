"""A gift shop's order log, replayed: orders, refunds, points and tiers as the reference answers say."""

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import F, Q, Sum

from loyalty.models import Account, Membership, OrderAward, Programme, Tier, TierTable
from loyalty.models.programme import RefundPolicy
from loyalty.services import programmes, tiers, verifying
from retention.models import Customer, Order, Refund
from retention.services import facts, orders
from retention.shop import OrderData, RefundData

pytestmark = [pytest.mark.data, pytest.mark.django_db]

BATCH = 500
START = datetime(2010, 1, 1, tzinfo=UTC)
INSTANTS = ["2011-01-01 00:00:00", "2011-02-01 00:00:00", "2011-03-01 00:00:00"]
POLICIES = {"R1": RefundPolicy.RECOMPUTE, "R2": RefundPolicy.AMOUNT, "R3": RefundPolicy.PROPORTIONAL}


@dataclass
class Log:
    """The log, played up to a time: what the shop would say of its orders then."""

    events: Iterator[dict[str, str]]
    users: dict[str, int]
    waiting: dict[str, str] | None = None
    known: dict[str, OrderData] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    def play(self, *, until: datetime) -> None:
        """Read on until then, and let our apps see the shop."""
        while (event := self.waiting or next(self.events, None)) is not None:
            at = datetime.fromisoformat(event["ts"]).replace(tzinfo=UTC)
            self.waiting = event if at >= until else None
            if self.waiting:
                break
            self.take(event, at)
        references = sorted(self.changed, key=lambda reference: self.known[reference].placed_at)
        for start in range(0, len(references), BATCH):
            orders.project([self.known[reference] for reference in references[start : start + BATCH]], at=until)
        self.changed.clear()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # within one transaction nobody else does it
        while facts.number():
            facts.dispatch(at=until)

    def take(self, event: dict[str, str], at: datetime) -> None:
        reference, amount = event["order_id"], Decimal(event["amount"])
        if not reference:
            return  # a refund that names no order: no order knows of it
        if event["type"] == "order":
            self.known[reference] = OrderData(
                reference=reference,
                number=reference,
                status="",
                placed_at=at,
                paid_at=at,
                currency="GBP",
                items=amount,
                total=amount,
                user_id=self.users.get(event["customer_id"]),
                email=f"{event['customer_id'] or reference}@example.com",
            )
        else:
            order = self.known[reference]
            refund = RefundData(reference=event["event_id"], amount=amount, at=at)
            self.known[reference] = replace(order, refunds=(*order.refunds, refund))
        self.changed.add(reference)


@pytest.fixture
def answers(shop_data: Path) -> Any:
    return json.loads((shop_data / "online_retail_until_2011-03-01.json").read_text())


@pytest.fixture
def log(shop_data: Path) -> Iterator[Log]:
    with gzip.open(shop_data / "events_until_2011-03-01.csv.gz", "rt") as lines:
        numbers = sorted({event["customer_id"] for event in csv.DictReader(lines)} - {""})
    users = get_user_model().objects.bulk_create(
        get_user_model()(username=number, email=f"{number}@example.com") for number in numbers
    )
    with gzip.open(shop_data / "events_until_2011-03-01.csv.gz", "rt") as lines:
        yield Log(csv.DictReader(lines), {user.username: user.pk for user in users})


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def programme(policy: str) -> None:
    running = Programme.objects.create(
        name="Points", active=True, pending_days=0, refund_policy=policy, award_history=True
    )
    programmes.set_rate(running, currency="GBP", points=Decimal(1), at=START)


def test_orders_and_refunds_are_those_of_the_log(log: Log, answers: Any) -> None:
    log.play(until=moment(INSTANTS[-1]))
    wanted = answers["events"]
    members = Order.objects.filter(customer__kind=Customer.Kind.MEMBER)
    refunds = Refund.objects.filter(order__in=members)
    got = {
        "orders": Order.objects.count(),
        "orders_registered": members.count(),
        "orders_guest": Order.objects.exclude(customer__kind=Customer.Kind.MEMBER).count(),
        "customers_with_order": members.values("customer").distinct().count(),
        "gross_registered": f"{members.aggregate(n=Sum('total_minor'))['n'] / 100:.2f}",
        "refund_events_matched": refunds.count(),
        "refund_matched": f"{refunds.aggregate(n=Sum('amount_minor'))['n'] / 100:.2f}",
        "orders_fully_refunded": members.filter(refunded_minor=F("total_minor"), total_minor__gt=0).count(),
        "orders_partly_refunded": members.filter(Q(refunded_minor__gt=0), refunded_minor__lt=F("total_minor")).count(),
    }
    assert got == {key: wanted[key] for key in got}


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_points_at_each_month_are_those_of_the_policy(name: str, log: Log, answers: Any) -> None:
    programme(POLICIES[name])
    wanted = answers["points"]
    for instant in INSTANTS:
        log.play(until=moment(instant))
        standing = Account.objects.aggregate(n=Sum("balance"))["n"]
        assert standing == wanted["outstanding_at_instant"][instant][name], instant
    awards = OrderAward.objects.aggregate(earned=Sum("earned"), stands=Sum("balance"))
    assert awards["earned"] == wanted["earned_total"]
    assert awards["earned"] - awards["stands"] == wanted["clawed_back"][name]
    if name == "R1":
        best = Account.objects.order_by("-balance")[:10].select_related("customer__user")
        assert {one.customer.user.username: one.balance for one in best} == wanted["top10_R1"]
    assert list(verifying.differences()) == []


@pytest.mark.parametrize(
    ("name", "days", "thresholds"), [("T365", 365, (500, 2000, 5000)), ("T90", 90, (250, 1000, 2500))]
)
def test_tiers_at_each_month_are_those_of_the_window(
    name: str, days: int, thresholds: tuple[int, ...], log: Log, answers: Any
) -> None:
    table = TierTable.objects.create(name=name, active=True, currency="GBP", window_days=days)
    rungs = zip(("Bronze", "Silver", "Gold", "Platinum"), (0, *thresholds), strict=True)
    for rank, (tier, pounds) in enumerate(rungs, start=1):
        Tier.objects.create(table=table, rank=rank, name=tier, threshold_minor=pounds * 100)
    for wanted in answers["tiers"][name]:
        at = moment(wanted["as_of"])
        log.play(until=at)
        tiers.recompute(at=at)
        got = Counter(Membership.objects.filter(tier__isnull=False).values_list("tier__name", flat=True))
        assert got == {tier.name: wanted[tier.name] for tier in table.tiers.all()}, wanted["as_of"]
