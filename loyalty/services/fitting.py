"""Fitting what orders earn into the limits of those who get it: of what an order grows by, never of what it has had."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from loyalty.models import OrderAward, Programme, Rate
from loyalty.models.award import Capped
from loyalty.services.caps import Caps, Need
from loyalty.services.differences import Difference
from loyalty.services.points import Book
from loyalty.services.programmes import Running
from retention.models import Order


def capped(running: Running) -> str:
    """Return what of an order the programme's limits hold for, to be recorded with its award."""
    if not running.capped:
        return ""
    return Capped.ALL if running.programme.cap_orders else Capped.EXTRA


class Fitting:
    """The limits that hold for the orders of one batch, while the accounts are locked. Up to four queries."""

    def __init__(
        self, bound: Sequence[tuple[OrderAward, Order, Collection[int | None]]], book: Book, running: Running | None
    ) -> None:
        """``bound``: awards that limits hold for, with their orders and whose points they are or will be."""
        self._book, self._running = book, running
        self._programmes = self._programmes_of([award for award, _, _ in bound], running)
        needs = []
        for award, order, customers in bound:
            programme = self._programme(award)
            if programme is not None:
                needs += [self._need(programme, customer, order) for customer in customers if customer is not None]
        self._caps = Caps(needs, also_off=True)

    @staticmethod
    def _programmes_of(awards: Sequence[OrderAward], running: Running | None) -> dict[int | None, Programme]:
        """Return rate → its programme: an award's limits are those of the programme that it was made under."""
        rates = {award.rate_id for award in awards if award.rate_id}
        found: dict[int | None, Programme] = {}
        if rates:
            found = {rate.pk: rate.programme for rate in Rate.objects.filter(pk__in=rates).select_related("programme")}
        if running is not None:
            found |= {rate.pk: running.programme for rate in running.rates}
        return found

    def _programme(self, award: OrderAward) -> Programme | None:
        """Return whose limits hold; the running one's where an award has no rate yet, or none any more."""
        return self._programmes.get(award.rate_id) or (self._running.programme if self._running else None)

    def _need(self, programme: Programme, customer: int, order: Order) -> Need:
        return Need(account=self._book.account(customer).pk, programme=programme, at=order.placed_at)

    def fit(self, award: OrderAward, difference: Difference, customer: int, order: Order) -> None:
        """Count what an order earns its customer, and stop what is above a limit, with an entry that says which."""
        programme = self._programme(award)
        if programme is None:
            return
        more = difference.bound() - award.counted - award.stopped
        if more > 0:
            given, stopped = self._caps.take(self._need(programme, customer, order), more)
            award.counted += given
            if stopped is not None:
                award.stopped += stopped.points
                difference.stop(customer, stopped)
        elif more < 0:
            of_stopped = min(award.stopped, -more)
            award.stopped -= of_stopped
            self._uncount(award, customer, order, -more - of_stopped)

    def leave(self, award: OrderAward, customer: int, order: Order | None) -> None:
        """Count an order no more for somebody whose it is not any longer."""
        self._uncount(award, customer, order, award.counted)
        award.stopped = 0

    def _uncount(self, award: OrderAward, customer: int, order: Order | None, points: int) -> None:
        programme = self._programme(award)
        award.counted -= points
        if programme is not None and order is not None:
            self._caps.give_back(self._need(programme, customer, order), points)

    def close(self) -> None:
        """Write what is used of the limits."""
        self._caps.close()
