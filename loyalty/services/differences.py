"""Bringing one order's entries to what the order is worth: the difference, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loyalty.facts import PointsAwarded, PointsOpened, PointsTakenBack
from loyalty.models import Entry, OrderAward
from loyalty.models.award import Capped
from loyalty.models.programme import Expires
from loyalty.services import breakdown, debts, earning, ends, goods
from loyalty.services.caps import Stopped
from loyalty.services.earning import State, Terms
from loyalty.services.goods import Sale
from loyalty.services.points import Book, Bucket, Kind, Posting
from retention.facts import FactData
from retention.models import Order


class Difference:
    """What is written of one order in one batch, until its award stands at the target."""

    def __init__(
        self,
        award: OrderAward,
        order: Order | None,
        *,
        refunds: tuple[int, ...],
        named: tuple[Mapping[str, int], ...] = (),
        sale: Sale | None = None,
        expired: Mapping[int, int],
        book: Book,
        at: datetime,
    ) -> None:
        self.award, self.order, self.refunds, self.book, self.at = award, order, refunds, book, at
        self.named, self.sale = named, sale
        self.expired = expired
        """Customer → points of the order that ended unused on their account."""
        self.happened: list[FactData] = []

    def target(self) -> int:
        """Return what the order is worth now."""
        award, order = self.award, self.order
        if order is None:
            return award.pending + award.balance - award.forgiven
        wanted = max(0, self.worth() - award.stopped)
        return wanted if award.at_most is None else min(wanted, award.at_most)

    def worth(self) -> int:
        """Return what the order is worth now, before any limit."""
        state, terms = self.state(), terms_of(self.award)
        return earning.left(state, terms) if state and terms else 0

    def bound(self) -> int:
        """Return how many of these points limits hold for."""
        state, terms = self.state(), terms_of(self.award)
        if not self.award.capped or state is None or terms is None:
            return 0
        worth = earning.left(state, terms)
        most = worth if self.award.at_most is None else min(worth, self.award.at_most)
        if self.award.capped == Capped.ALL:
            return most
        return min(most, max(0, worth - earning.left(earning.plain(state), terms)))

    def state(self) -> State | None:
        """Return what of the order decides its points; None for one that the projection does not have."""
        if self.order is None or self.sale is None:
            return None
        return state_of(self.award, self.order, self.sale, refunds=self.refunds, named=self.named)

    def stop(self, customer: int, stopped: Stopped) -> None:
        """Leave an entry of no points that says which limit stopped some."""
        award = self.award
        self.book.write(
            Posting(
                key=f"order:{award.order}:{award.postings}:{Kind.CAPPED}:{customer}",
                customer=customer,
                points=0,
                kind=Kind.CAPPED,
                order=award.order,
                breakdown=stopped.told(),
                renews_until=self._renews(),  # they have bought, whatever they got for it
                at=self.at,
            )
        )

    def approach(self, customer: int, target: int, *, kind: Entry.Kind) -> None:
        """Post the difference between what stands on a customer's account and the target."""
        award = self.award
        missing = target - (award.pending + award.balance - award.forgiven)
        if missing > 0:
            kept = min(award.forgiven, missing)  # was to go back and is still there
            award.forgiven -= kept
            self._write(customer, missing - kept, Bucket.BALANCE if award.opened_at else Bucket.PENDING, kind)
        elif missing < 0:
            back = kind if kind == Kind.MOVE else Kind.CLAWBACK
            of_pending = min(award.pending, -missing)
            self._write(customer, -of_pending, Bucket.PENDING, back)
            rest = -missing - of_pending
            # what has ended unused is gone already, and is not taken twice
            of_balance = min(self._takeable(customer, rest), self._enjoyed(customer, target))
            award.forgiven += rest - of_balance
            self._write(customer, -of_balance, Bucket.BALANCE, back)

    def open(self, customer: int) -> None:
        """Move what is pending to the balance once the window has closed."""
        points = self.award.pending
        if self.award.opened_at and points:
            self._write(customer, -points, Bucket.PENDING, Kind.OPEN)
            self._write(customer, points, Bucket.BALANCE, Kind.OPEN)

    def _takeable(self, customer: int, points: int) -> int:
        """Return how many of these opened points the debt policy lets go back."""
        return debts.takeable(self.award.debt_policy, points, there=self.book.account(customer).balance)

    def _enjoyed(self, customer: int, target: int) -> int:
        """Return how many points of the order, spent or still there, the customer has had beyond the target."""
        return max(0, self.award.balance - self.expired.get(customer, 0) - target)

    def _write(self, customer: int, points: int, bucket: Entry.Bucket, kind: Entry.Kind) -> None:
        if not points:
            return
        award = self.award
        if bucket == Bucket.PENDING:
            award.pending += points
        else:
            award.balance += points
        self.book.write(
            Posting(
                # the number of the posting makes the key: two that settle one order at once cannot both write it
                key=f"order:{award.order}:{award.postings}:{kind}:{bucket}:{customer}",
                customer=customer,
                points=points,
                kind=kind,
                bucket=bucket,
                order=award.order,
                basis_minor=award.basis_minor,
                currency=award.currency,
                rate=award.rate_points,
                breakdown=self._breakdown(),
                opens_at=award.opens_at if bucket == Bucket.PENDING else None,
                expires_at=award.expires_at if bucket == Bucket.BALANCE else None,
                renews_until=self._renews() if points > 0 else None,
                at=self.at,
            )
        )
        self._tell(customer, points, bucket, kind)

    def _renews(self) -> datetime | None:
        """Return until when all points of the customer live now that they have bought; None where that is no matter."""
        award = self.award
        if award.expires != Expires.INACTIVE:
            return None
        return award.expires_at or ends.of(award.expires, award.expires_after, opened=self.at)

    def _breakdown(self) -> dict[str, Any]:
        return {
            "earned": self.award.earned,
            "refund_policy": self.award.refund_policy,
            "refunded_minor": sum(self.refunds),
            "cause": _cause(self.order, self.refunds),
            **self._rules(),
        }

    def _rules(self) -> dict[str, Any]:
        """Return what each rule added, where any did."""
        award, terms = self.award, terms_of(self.award)
        if not award.breakdown or terms is None or self.sale is None:
            return {}
        added = breakdown.by_rule(
            award.breakdown, self.sale.goods, terms, kind=award.basis_kind, basis_minor=award.basis_minor
        )
        return {"rules": added} if added else {}

    def _tell(self, customer: int, points: int, bucket: Entry.Bucket, kind: Entry.Kind) -> None:
        history = bool(self.order and self.order.history)
        if kind == Kind.OPEN:
            if points > 0:
                opened = PointsOpened(
                    customer=customer, at=self.at, points=points, order=self.award.order, history=history
                )
                self.happened.append(opened)
            return
        if points > 0:
            self.happened.append(
                PointsAwarded(
                    customer=customer,
                    at=self.at,
                    points=points,
                    order=self.award.order,
                    pending=bucket == Bucket.PENDING and self.award.opened_at is None,
                    history=history,
                )
            )
        else:
            self.happened.append(
                PointsTakenBack(customer=customer, at=self.at, points=-points, order=self.award.order, history=history)
            )


def terms_of(award: OrderAward) -> Terms | None:
    """Return the terms that an award was made under, None where its currency had no rate."""
    if award.rate_points is None:
        return None
    return Terms(currency=award.currency, points=award.rate_points, refund_policy=award.refund_policy)


def state_of(
    award: OrderAward,
    order: Order,
    sale: Sale,
    *,
    refunds: tuple[int, ...] = (),
    named: tuple[Mapping[str, int], ...] = (),
) -> State:
    """Return what of an order decides its points, by the rules that its award has recorded; amounts in minor units."""
    basis = goods.basis(sale, kind=award.basis_kind, spent_counts=award.spent_counts)
    return State(
        basis_minor=basis,
        total_minor=order.total_minor,
        goods_minor=order.items_minor,
        refunds_minor=refunds,
        refunds_named=named,
        earns=order.paid_at is not None and order.cancelled_at is None,
        parts=breakdown.parts(award.breakdown, sale.goods, kind=award.basis_kind, basis_minor=basis),
        extras=breakdown.extras(award.breakdown, sale.goods, basis_minor=basis),
    )


def _cause(order: Order | None, refunds: tuple[int, ...]) -> str:
    if order is None:
        return "window closed"
    if order.cancelled_at:
        return "cancelled"
    if order.paid_at is None:
        return "not paid"
    return "refunded" if refunds else "paid"
