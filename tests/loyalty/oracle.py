"""An order's points computed another way, from where the order ended; and a world in which orders get there."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from math import floor
from random import Random

from loyalty import subscribers
from loyalty.models import Programme
from loyalty.services import awards
from retention.facts import KINDS
from retention.models import Fact
from retention.registry import Recorded
from retention.services import orders
from retention.shop import OrderData
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import START, join, rating, start

RATES = {"EUR": "1.5", "JPY": "0.01"}
DIGITS = {"EUR": 2, "JPY": 0}
WINDOW = timedelta(days=14)


def points(order: OrderData, policy: str) -> int:
    """Return what an order is worth by the definition of its refund policy."""
    if order.paid_at is None or order.cancelled_at is not None:
        return 0
    rate, refunds = Decimal(RATES[order.currency]), [refund.amount for refund in order.refunds]
    earned, refunded = floor(order.items * rate), sum(refunds, start=Decimal(0))
    if policy == "recompute":
        return max(0, floor((order.items - refunded) * rate))
    if policy == "amount":
        return max(0, earned - sum(floor(refund * rate) for refund in refunds))
    if not order.total:
        return earned
    return max(0, earned - floor(earned * refunded / order.total))


class World:
    """Three orders of two members. What the shop says becomes facts; these arrive late, doubled and shuffled."""

    def __init__(self, shop: FakeShop, policy: str, currencies: list[str], random: Random) -> None:
        self.clock, self.random, self.shop = Clock(), random, shop
        shop.reset(self.clock)
        programme: Programme = start(rate=RATES["EUR"], pending_days=WINDOW.days, refund_policy=policy)
        rating(programme, RATES["JPY"], currency="JPY", at=START)
        self.users = [join(f"{name}@example.com") for name in ("ada", "bob")]
        self.orders = [
            shop.place(user=self.users[0], currency=currency, paid_at=None, total=Decimal(total))
            for currency, total in zip(currencies, (40, 4500, 99), strict=True)
        ]
        self.seen = 0
        self.undelivered: list[Recorded] = []
        self.read()  # an order first seen days later would be history

    def happen(self, which: int, what: str, number: int) -> None:
        """Let one thing happen, to one order or to all of them."""
        order = self.orders[which]
        data = self.shop.orders[order]
        money = Decimal(number).scaleb(-DIGITS[data.currency])
        match what:
            case "pay":
                self.shop.mark(order, "paid")
            case "cancel":
                self.shop.mark(order, "cancelled")
            case "reinstate":
                self.shop._change(order, cancelled_at=None)
            case "refund":
                self.shop.refund(order, money)
            case "change":
                self.shop._change(order, items=money, total=money)
            case "hand over":
                self.shop._change(order, user_id=next(user.pk for user in self.users if user.pk != data.user_id))
            case "wait":
                self.clock.forward(hours=number % 200)
            case "read":
                self.read()
            case "deliver":
                self.deliver(number % (len(self.undelivered) + 1))
            case "open":
                awards.open_due(at=self.clock.now, limit=100)

    def read(self) -> None:
        """Read the shop; what changed becomes facts that nobody has had."""
        orders.project([self.shop.orders[order] for order in self.orders], at=self.clock.now)
        for row in Fact.objects.filter(pk__gt=self.seen, kind__startswith="retention.Order").order_by("pk"):
            self.seen = row.pk
            data = KINDS[row.kind].restore(payload=row.payload, customer=row.customer, at=row.happened_at)
            if isinstance(data, subscribers.ORDERS):
                self.undelivered.append(Recorded(id=row.pk, position=row.pk, data=data))

    def deliver(self, many: int) -> None:
        """Give the subscriber some facts, shuffled and some of them twice."""
        self.random.shuffle(self.undelivered)
        batch, self.undelivered = self.undelivered[:many], self.undelivered[many:]
        batch += self.random.choices(batch, k=len(batch) // 2) if batch else []
        if batch:
            subscribers.settle_points(batch)

    def come_to_rest(self) -> None:
        """Read everything, deliver everything, and let every window close."""
        self.read()
        self.deliver(len(self.undelivered))
        awards.open_due(at=self.clock.forward(days=WINDOW.days), limit=100)
