"""Old orders, played in the order in which things happened to them, so that the ledger is right as of any instant.

An order of today is settled once for all that is known of it: what stands is what counts, and when we heard of it is
when it counts. Of an old one the ledger is asked how it stood at a month's end, what had ended by then and what could
be spent: each thing that happened to it is an entry with its own time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush

from django.db.models import Max

from loyalty.models import Account, Entry, OrderAward, Programme
from loyalty.models.programme import Expires
from loyalty.services.points import Book, Posting
from loyalty.services.programmes import Running
from retention.models import Customer, Job, Order, Refund

LOG = "retention.log"
"""Kind of the job that takes a log in."""
STILL = timedelta(minutes=10)
"""A log that has not moved for so long is not being taken in any more."""


@dataclass(order=True)
class Turn:
    """One time at which an order is settled."""

    at: datetime
    rank: int
    """Of one instant the order that came first has the first turn."""
    award: OrderAward = field(compare=False)
    past: bool = field(default=False, compare=False)
    """Something of then, and not all that is known now."""
    first: bool = field(default=False, compare=False)
    times: tuple[datetime, ...] = field(default=(), compare=False)
    """When each refund of the order was; one that is dated before it was paid counts from then on."""

    @property
    def refunds(self) -> list[int]:
        """Which of the order's refunds count: their places in its list."""
        return [place for place, when in enumerate(self.times) if not self.past or when <= self.at]


def under_way(*, at: datetime) -> bool:
    """Whether a log is being taken in: what it will say is older than what the clock says."""
    return Job.objects.filter(kind=LOG, state=Job.State.RUNNING, moved_at__gt=at - STILL).exists()


def begin(running: Running | None, *, at: datetime) -> None:
    """Let points end from the first order on, where old ones earn and nobody holds a point yet.

    One whole period first is for what stands when expiry is switched on.
    """
    if running is None or not running.programme.award_history:
        return
    programme = running.programme
    if programme.expires == Expires.NEVER or programme.expiry_since is not None:
        return
    if not Account.objects.filter(balance__gt=0).exists():
        Programme.objects.filter(pk=programme.pk, expiry_since=None).update(expiry_since=at)
        programme.expiry_since = at


def widen(orders: Mapping[str, datetime], running: Running | None) -> dict[str, datetime]:
    """Add to these orders what else there is to play of the old ones' customers. Four queries at most, none without a
    programme.

    Facts of one customer come in batches; what was earlier has its turn first all the same. Plain look-ups by key: of a
    log that is being taken in a database knows no sizes yet, and one clever statement can take a minute.
    """
    if running is None or not running.programme.award_history:
        return dict(orders)
    named = Order.objects.filter(reference__in=list(orders), history=True).exclude(customer__kind=Customer.Kind.GUEST)
    customers = set(named.values_list("customer", flat=True))
    if not customers:
        return dict(orders)
    paid = Order.objects.filter(customer__in=customers, history=True, paid_at__isnull=False)
    rows = {pk: (reference, paid_at) for pk, reference, paid_at in paid.values_list("pk", "reference", "paid_at")}
    awards = OrderAward.objects.filter(order__in=[reference for reference, _ in rows.values()])
    settled = {order: (at, rate) for order, at, rate in awards.values_list("order", "settled_at", "rate")}
    refunds = Refund.objects.filter(order__in=list(rows)).order_by().values("order").annotate(last=Max("at"))
    refunded = dict(refunds.values_list("order", "last"))
    latest = max(orders.values())
    wanted = {}
    for pk, (reference, paid_at) in rows.items():
        at, rate = settled.get(reference, (None, None))
        last = max(filter(None, (paid_at, refunded.get(pk))))
        if at is None or rate is None or at < last:
            wanted[reference] = latest
    return wanted | dict(orders)


def plan(
    held: Sequence[OrderAward],
    orders: Mapping[str, Order],
    *,
    refunded: Mapping[str, Sequence[datetime]],
    clock: Mapping[str, datetime],
) -> Iterator[Turn]:
    """Yield when each of these awards is settled. ``refunded``: order → when each of its refunds was."""
    for award in held:
        order = orders.get(award.order)
        times = tuple(refunded.get(award.order, ()))
        if order is None or not order.history or order.paid_at is None:
            rank = order.pk if order else 0
            yield Turn(at=clock[award.order], rank=rank, award=award, times=times)
            continue
        paid = order.paid_at
        times = tuple(max(paid, at) for at in times)
        fresh, moments = award.rate_id is None, {paid, *times}
        if order.cancelled_at:
            moments.add(max(paid, order.cancelled_at))
        if not fresh and award.opened_at is None and award.opens_at and award.opens_at <= clock[award.order]:
            moments.add(award.opens_at)
        left = sorted(at for at in moments if fresh or at > award.settled_at)
        for number, at in enumerate(left):
            yield Turn(
                at=at,
                rank=order.pk,
                award=award,
                past=True,
                first=fresh and number == 0,
                times=times,
            )
        if not left:
            # what a log says late is dated by the last word before it; what the shop says late, by when it said so
            at = max(clock[award.order], award.settled_at) if order.log else clock[award.order]
            yield Turn(at=at, rank=order.pk, award=award, times=times)


def in_time(turns: Iterator[Turn], *, clock: Mapping[str, datetime]) -> Iterator[Turn]:
    """Yield turns as they come; an old order whose pending points open before something else happens has one for that.

    Settle each before the next is asked for.
    """
    queue = list(turns)
    heapify(queue)
    while queue:
        turn = heappop(queue)
        award = turn.award
        yield turn
        waits = turn.past and award.opened_at is None and award.pending
        if waits and award.opens_at and turn.at < award.opens_at <= clock[award.order]:
            heappush(queue, Turn(award.opens_at, turn.rank, award, past=True, times=turn.times))


class Past:
    """What else happened to the accounts of old orders before a turn: points ended, and were spent."""

    def __init__(self, book: Book, running: Running | None, expired: Mapping[str, dict[int, int]]) -> None:
        self.book = book
        self.expired = expired
        programme = running.programme if running else None
        self.ends = programme is not None and programme.expires != Expires.NEVER and programme.expiry_since is not None
        self.spends = programme.history_spends if programme else None

    def come(self, turn: Turn, customer: int, order: Order) -> None:
        """Let everything happen that was before this turn."""
        if turn.first and self.spends:
            self.end(customer, at=order.placed_at)
            self._spend(customer, order, points=self.spends)
        self.end(customer, at=turn.at)

    def end(self, customer: int, *, at: datetime) -> None:
        """Write down what has ended by then, each at the time when it ended."""
        account = self.book.account(customer)
        if not self.ends or account.held:  # what is set aside ends last; the tick sees to it
            return
        for lot in self.book.due(customer, at=at):
            points = lot.left
            came = f"{lot.pk}" if lot.pk or lot.entry is None else lot.entry.key
            self.book.write(
                Posting(
                    key=f"expire:{came}:{lot.expired}",
                    customer=customer,
                    points=-points,
                    kind=Entry.Kind.EXPIRY,
                    at=lot.expires_at,
                )
            )
            if lot.order:
                of = self.expired[lot.order]
                of[customer] = of.get(customer, 0) + points

    def _spend(self, customer: int, order: Order, *, points: int) -> None:
        account = self.book.account(customer)
        if account.balance - account.held < points:
            return
        self.book.write(
            Posting(
                key=f"spend:log:{order.reference}",
                customer=customer,
                points=-points,
                kind=Entry.Kind.SPEND,
                breakdown={"about": order.reference},
                source="log",
                at=order.placed_at,
            )
        )
