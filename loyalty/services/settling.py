"""One batch of orders whose points are being brought to what they are worth."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Sum

from loyalty.models import Account, Entry, Lot, OrderAward
from loyalty.models.programme import Basis, PendingFrom
from loyalty.services import breakdown, earning, ends, fitting, matching, replay, sales
from loyalty.services.differences import Difference, state_of, terms_of
from loyalty.services.fitting import Fitting
from loyalty.services.goods import Sale
from loyalty.services.matching import Asked, Held
from loyalty.services.points import Book, Bucket, Kind
from loyalty.services.programmes import Running
from loyalty.services.replay import Past, Turn
from retention.conf import conf as ground
from retention.facts import FactData
from retention.models import Customer, Order, Refund
from retention.services import facts

log = logging.getLogger(__name__)

WRITTEN = [
    "account", "rate", "currency", "rate_points", "refund_policy", "debt_policy", "pending_days", "pending_from",
    "basis_kind", "spent_counts", "basis_minor", "breakdown", "capped", "counted", "stopped", "earned", "pending",
    "balance", "forgiven", "at_most", "opens_at", "opened_at", "expires", "expires_after", "expires_at", "postings",
    "settled_at",
]  # fmt: skip


class Settling:
    """Awards that are locked, what decides them, and the book that their differences go into."""

    def __init__(self, held: list[OrderAward], clock: Mapping[str, datetime], running: Running | None) -> None:
        self.held = held
        self.clock = clock
        self.running = running
        references = [award.order for award in held]
        rows = Order.objects.filter(reference__in=references).select_related("customer")
        self.orders = {order.reference: order for order in rows}
        self.refunds: dict[str, list[int]] = defaultdict(list)
        self.named: dict[str, list[Mapping[str, int]]] = defaultdict(list)
        refunds = Refund.objects.filter(order__reference__in=references).order_by("pk")
        self.refunded: dict[str, list[datetime]] = defaultdict(list)
        for reference, amount, lines, when in refunds.values_list("order__reference", "amount_minor", "lines", "at"):
            self.refunds[reference].append(amount)
            self.refunded[reference].append(when)
            self.named[reference].append(_by_line(lines))
        self.sales = self._sales()
        self.rules_held = self._rules_held()
        accounts = Account.objects.filter(pk__in={award.account_id for award in held if award.account_id})
        self.owners: dict[int | None, int] = dict(accounts.values_list("pk", "customer"))
        self.stood = self._stood()
        self.unrated: set[str] = set()
        self.happened: list[FactData] = []

    def run(self) -> int:
        """Post every difference. Returns how many awards changed."""
        holders = {holder for award in self.held if (holder := self._holder(award)) is not None}
        self.book = Book(holders | set(self.owners.values()), at=max(self.clock.values()))
        self.absences = self.book.spans()
        self.expired = self._expired()
        self.fitting = self._fitting()
        changed = list({turn.award.pk: turn.award for turn in self._turns() if self._settle(turn)}.values())
        self.book.close()
        self.fitting.close()
        OrderAward.objects.bulk_create(changed, update_conflicts=True, unique_fields=["order"], update_fields=WRITTEN)
        facts.publish(self.happened)
        for currency in sorted(self.unrated):
            log.warning("the programme has no rate for %s: orders in it earn nothing", currency)
        return len(changed)

    def _expired(self) -> dict[str, dict[int, int]]:
        """Return order → customer → points that ended unused. Asked once the accounts are locked: what ends meanwhile
        would be taken once more."""
        expired: dict[str, dict[int, int]] = defaultdict(dict)
        opened = [award.order for award in self.held if award.balance]
        ended = Lot.objects.filter(order__in=opened, expired__gt=0).order_by() if opened else Lot.objects.none()
        for reference, customer, points in ended.values_list("order", "account__customer").annotate(n=Sum("expired")):
            expired[reference][customer] = points
        return expired

    # What was ordered, and what holds for it

    def _sales(self) -> dict[str, Sale]:
        """Return order → its money and its goods. Lines are only read where something depends on them."""
        running = self.running
        by_line = bool(running and (running.rules or running.multiplies or running.programme.basis == Basis.NET))
        by_line |= any(award.breakdown or award.basis_kind == Basis.NET for award in self.held)
        by_line |= any(line for lines in self.named.values() for line in lines)
        return sales.of(self.orders, by_line=by_line)

    def _rules_held(self) -> Mapping[str, Held]:
        """Return order → what holds for it, for orders whose terms are not recorded yet."""
        running = self.running
        if running is None or not (running.rules or running.multiplies):
            return {}
        fresh = [self.orders[award.order] for award in self.held if self._is_fresh(award)]
        return matching.ask([_asked(order) for order in fresh], running, at=max(self.clock.values()))

    def _is_fresh(self, award: OrderAward) -> bool:
        """Whether an order's terms are to be recorded now."""
        order = self.orders.get(award.order)
        return order is not None and (award.rate_id is None or award.currency != order.currency)

    def _fitting(self) -> Fitting:
        """Return the limits of those whose orders they hold for, or will once their terms are recorded."""
        newly = self.running is not None and self.running.capped
        bound = []
        for award in self.held:
            order = self.orders.get(award.order)
            if order is not None and (award.capped or (newly and self._is_fresh(award))):
                bound.append((award, order, {self._owner(award), self._holder(award)}))
        return Fitting(bound, self.book, self.running)

    # Whose points

    def _owner(self, award: OrderAward) -> int | None:
        """Return the customer on whose account the points stand."""
        return self.owners.get(award.account_id)

    def _holder(self, award: OrderAward) -> int | None:
        """Return the customer on whose account they should stand, None for a guest's order."""
        order = self.orders.get(award.order)
        if order is None:  # the projection does not have it: nothing is known to have changed
            return self._owner(award)
        return None if order.customer.kind == Customer.Kind.GUEST else order.customer_id

    def _stood(self) -> dict[tuple[str, int, str], int]:
        """Return, for orders that change hands, what stands of them anywhere: (order, customer, bucket) → points.

        An account that held an order before may have kept a part of it, by the debt policy.
        """
        moving = [award.order for award in self.held if self._holder(award) != self._owner(award)]
        if not moving:
            return {}
        sums = Entry.objects.filter(order__in=moving).order_by().values("order", "account__customer", "bucket")
        return {
            (row["order"], row["account__customer"], row["bucket"]): row["total"]
            for row in sums.annotate(total=Sum("points"))
        }

    # One order

    def _turns(self) -> Iterator[Turn]:
        """Yield what is settled when: an order of today once, an old one as often as something happened to it."""
        past = Past(self.book, self.running, self.expired)
        turns = replay.plan(self.held, self.orders, refunded=self.refunded, clock=self.clock)
        for turn in replay.in_time(turns, clock=self.clock):
            holder = self._holder(turn.award)
            if turn.past and holder is not None:
                past.come(turn, holder, self.orders[turn.award.order])
            yield turn

    def _settle(self, turn: Turn) -> bool:
        award, at = turn.award, turn.at
        before = _columns(award)
        order = self.orders.get(award.order)
        owner, holder = self._owner(award), self._holder(award)
        if order is not None:
            self._record_terms(award, order)
            _record_window(award, order)
        if award.opened_at is None and award.opens_at and award.opens_at <= at:
            award.opened_at = at
        difference = Difference(
            award, order, refunds=tuple(self.refunds[award.order][place] for place in turn.refunds),
            named=tuple(self.named[award.order][place] for place in turn.refunds),
            sale=self.sales.get(award.order), expired=self.expired[award.order], book=self.book, at=at,
        )  # fmt: skip
        if owner is not None and owner != holder:
            difference.approach(owner, 0, kind=Kind.MOVE)
            self.fitting.leave(award, owner, order)
            award.account, award.pending, award.balance, award.forgiven, award.at_most = None, 0, 0, 0, None
        if holder is not None:
            if order is not None:
                self._bound(award, holder, order)
            if owner != holder:
                award.account = self.book.account(holder)
                self.owners[award.account_id] = holder  # for the next turn
                award.pending = self.stood.get((award.order, holder, Bucket.PENDING), 0)
                award.balance = self.stood.get((award.order, holder, Bucket.BALANCE), 0)
            if order is not None and award.capped:
                self.fitting.fit(award, difference, holder, order)
            difference.approach(
                holder, difference.target(), kind=Kind.MOVE if owner not in (None, holder) else Kind.AWARD
            )
            difference.open(holder)
        if _columns(award) == before:
            return False
        award.postings += 1
        award.settled_at = at
        self.happened += difference.happened
        return True

    def _bound(self, award: OrderAward, holder: int, order: Order) -> None:
        """Let an order stand at nothing whose owner had left, or had given up what came before; none other is bound."""
        if self.absences.counts(holder, order.placed_at):
            award.at_most = None  # it may have been settled before its owner was seen to be back
        elif award.at_most is None:
            award.at_most = 0

    def _record_terms(self, award: OrderAward, order: Order) -> None:
        """Record what was promised, once; and what the order's items earn under it."""
        if award.rate_id is None or award.currency != order.currency:
            award.currency = order.currency
            rate = self.running.rate(order.currency, placed_at=order.placed_at) if self.running else None
            award.rate, award.rate_points = rate, rate.points if rate else None
            if rate is None:
                self.unrated.add(order.currency)
            if self.running:
                programme = self.running.programme
                award.refund_policy, award.debt_policy = programme.refund_policy, programme.debt_policy
                award.pending_days, award.pending_from = programme.pending_days, programme.pending_from
                award.expires, award.expires_after = programme.expires, programme.expires_after
                award.basis_kind, award.spent_counts = programme.basis, programme.spent_counts
                award.capped = fitting.capped(self.running)
                held = self.rules_held.get(award.order, Held())
                award.breakdown = breakdown.record(held, self.sales[award.order].goods)
        sale = self.sales[award.order]
        if self.running and award.breakdown:
            award.breakdown = breakdown.complete(award.breakdown, sale.goods, self.running.rules)
        terms = terms_of(award)
        state = state_of(award, order, sale)
        award.basis_minor = state.basis_minor
        award.earned = earning.earned(state, terms) if terms else 0


def _record_window(award: OrderAward, order: Order) -> None:
    """Note when pending points open, and when they end; what has opened stays open."""
    if award.opened_at is not None:
        return
    begins = order.fulfilled_at if award.pending_from == PendingFrom.FULFILLED else order.paid_at
    window = timedelta(days=award.pending_days) / ground.SPEED
    award.opens_at = begins + window if begins else None
    award.expires_at = ends.of(award.expires, award.expires_after, opened=award.opens_at) if award.opens_at else None


def _by_line(lines: list[list[Any]]) -> dict[str, int]:
    """Return what a refund gives back of which line, minor units."""
    named: dict[str, int] = defaultdict(int)
    for line, minor in lines:
        named[str(line)] += int(minor)
    return dict(named)


def _asked(order: Order) -> Asked:
    return Asked(
        reference=order.reference,
        customer=order.customer_id,
        address=order.customer.address,
        placed_at=order.placed_at,
        shipping_minor=order.shipping_minor,
    )


def _columns(award: OrderAward) -> tuple[Any, ...]:
    """Return what is written of an award, to see whether it changed."""
    ids = {"account": "account_id", "rate": "rate_id"}
    return tuple(getattr(award, ids.get(name, name)) for name in WRITTEN if name != "settled_at")
