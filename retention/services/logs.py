"""Taking in a log of orders and refunds: looked at whole, then played in the order in which things happened."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from django.db.models import F
from django.utils.translation import gettext as _

from retention import log_file
from retention.hashing import normal
from retention.locks import one_at_a_time
from retention.log_file import ORDER, Line
from retention.log_shelf import START, Found, Place, Shelf, microseconds, shelf
from retention.models import Job, Order, Refund
from retention.money import to_decimal
from retention.rows import batch_size
from retention.services import facts, log_people, orders, suppression
from retention.shop import OrderData, RefundData
from retention.watch import Watch

KIND = "retention.log"
BATCH = 500
AFTER = "after"
"""Key of the cursor: the turn of the last line that was played."""

Progress = Callable[[Job], None]


@contextmanager
def looked_at(
    path: Path, *, name: str, currency: str, orders_only: bool, at: datetime
) -> Iterator[tuple[Shelf, Found]]:
    """Read a log and find what of it can be taken in. Writes nothing. Raises NotReadable, OSError.

    ``name``: of the log, by which the numbers of its customers are told from another's. ``currency``: of lines that
    name none. ``orders_only``: as if it had no refunds.
    """
    with shelf() as stand:
        with log_file.opened(path) as file:
            found = stand.fill(log_file.lines(file, currency=currency, now=at), orders_only=orders_only)
        stand.compare(found)
        _compare_with_ours(stand, found, name=name)
        stand.count(found)
        yield stand, found


def take_in(
    stand: Shelf, path: Path, *, name: str, orders_only: bool, at: datetime, batch: int = BATCH,
    progress: Progress = lambda job: None,
) -> Job:  # fmt: skip
    """Play the lines of a log that was looked at, each once. Stopped and started again it goes on where it was.

    Its orders are history: no mail goes out because of them. After each batch everybody who listens is told, so what
    follows from an order follows in time, too. ``progress`` is called then. Twice at once is once.
    """
    watch = Watch(at)
    key = f"log:{name}:{digest(path)}{':orders' if orders_only else ''}"
    job, made = Job.objects.get_or_create(key=key, defaults={"kind": KIND, "started_at": at, "moved_at": at})
    if not made and job.state == Job.State.DONE:  # a new round, which changes nothing that did not change
        Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, cursor={}, done=0, started_at=at)
    Job.objects.filter(pk=job.pk).update(total=stand.total(), moved_at=at)
    untold = 0
    while step := _step(job, stand, name=name, batch=batch_size(batch), watch=watch):
        untold += step
        if untold >= batch:  # on SQLite a batch is several transactions
            tell(at=watch.now())
            untold = 0
        progress(job)
    tell(at=watch.now())
    Job.objects.filter(pk=job.pk).update(state=Job.State.DONE, moved_at=watch.now())
    job.refresh_from_db()
    return job


def tell(*, at: datetime) -> None:
    """Give the facts that wait to whoever listens, until none is left."""
    while facts.number() + facts.dispatch(at=at):
        pass


def digest(path: Path) -> str:
    """Return a hash of a file, by which a log that was stopped is known again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:40]


def _step(job: Job, stand: Shelf, *, name: str, batch: int, watch: Watch) -> int:
    """Play the next lines in one transaction with the cursor. Returns how many."""
    with one_at_a_time("retention.drain", wait=True):
        job.refresh_from_db()
        after: Place = tuple(job.cursor[AFTER]) if AFTER in job.cursor else START
        turns = stand.after(after, batch)
        if turns:
            _play([line for _turn, line in turns], name=name, at=watch.now())
            cursor = {AFTER: list(turns[-1][0])}
            Job.objects.filter(pk=job.pk).update(cursor=cursor, done=F("done") + len(turns), moved_at=watch.now())
            job.refresh_from_db()
    return len(turns)


def _play(lines: Sequence[Line], *, name: str, at: datetime) -> None:
    """Bring the projection to where it stands after these lines."""
    known = _known({line.order for line in lines})
    owners = {reference: customer for reference, (_data, customer) in known.items()}
    data = {reference: order for reference, (order, _customer) in known.items()}
    changed: dict[str, None] = {}
    fresh = [line for line in lines if line.kind == ORDER and line.order not in known]
    numbers = log_people.by_number(fresh, source=name, at=at)
    # the number alone says whose it is; the address of who was forgotten does not come back beside it
    gone = suppression.erased({normal(line.email) for line in fresh if line.number and line.email})
    for line in lines:
        order = data.get(line.order)
        if line.kind == ORDER:
            if order is not None:
                continue
            data[line.order] = _order(replace(line, email="") if line.number and normal(line.email) in gone else line)
            if line.number:
                owners[line.order] = numbers[line.number]
        else:
            if order is None or any(refund.reference == line.event for refund in order.refunds):
                continue
            refund = RefundData(reference=line.event, amount=to_decimal(line.amount, line.currency), at=line.at)
            data[line.order] = replace(order, refunds=(*order.refunds, refund))
        changed[line.order] = None
    orders.project([data[reference] for reference in changed], at=at, log=name, owners=owners)


def _order(line: Line) -> OrderData:
    return OrderData(
        reference=line.order,
        number=line.order,
        status="",
        placed_at=line.at,
        paid_at=line.at,
        currency=line.currency,
        total=to_decimal(line.amount, line.currency),
        items=to_decimal(line.items, line.currency),
        shipping=to_decimal(line.shipping, line.currency),
        tax=None if line.tax is None else to_decimal(line.tax, line.currency),
        email=line.email,
        country=line.country,
        final=True,
    )


def _known(references: Iterable[str]) -> dict[str, tuple[OrderData, int]]:
    """Return orders that earlier lines have made, as the log said them, and whose they are."""
    rows = Order.objects.filter(reference__in=list(references)).exclude(log="").prefetch_related("refunds")
    return {
        row.reference: (
            OrderData(
                reference=row.reference,
                number=row.number,
                status=row.host_status,
                placed_at=row.placed_at,
                paid_at=row.paid_at,
                currency=row.currency,
                total=to_decimal(row.total_minor, row.currency),
                items=to_decimal(row.items_minor, row.currency),
                shipping=to_decimal(row.shipping_minor, row.currency),
                tax=None if row.tax_minor is None else to_decimal(row.tax_minor, row.currency),
                email=row.email,
                country=row.country,
                final=row.final,
                refunds=tuple(
                    RefundData(
                        reference=refund.reference, amount=to_decimal(refund.amount_minor, row.currency), at=refund.at
                    )
                    for refund in sorted(row.refunds.all(), key=lambda refund: refund.pk)
                ),
            ),
            row.customer_id,
        )
        for row in rows
    }


def _compare_with_ours(stand: Shelf, found: Found, *, name: str) -> None:
    """Find what the log says against what we have."""
    for mine in stand.orders():
        rows = Order.objects.filter(reference__in=mine)
        for order, amount, currency, placed, log in rows.values_list(
            "reference", "total_minor", "currency", "placed_at", "log"
        ):
            line, said, code, at = mine[order]
            if log != name:
                words = (
                    _("this order is known from the log “%(log)s”, which came first") % {"log": log}
                    if log
                    else _("the shop itself has this order, and has the last word on it")
                )
                stand.leave_out(found, [(line, words), *((row[0], words) for row in stand.refunds_of(order))])
            elif (said, code, at) != (amount, currency, microseconds(placed)):
                words = _("this order was taken in before with other content, which stays")
                stand.leave_out(found, [(line, words)])
    for strangers in stand.strangers():
        ours = {row.reference: row for row in Order.objects.filter(reference__in=strangers)}
        for order in strangers:
            stand.leave_out(found, _unknown(stand, order, ours.get(order), name=name))
    _compare_refunds(stand, found, name=name)


def _unknown(stand: Shelf, order: str, ours: Order | None, *, name: str) -> Iterator[tuple[int, str]]:
    """Yield what is wrong with refunds of an order that the log does not have."""
    for line, _event, _amount, currency in stand.refunds_of(order):
        if ours is None:
            yield line, _("it names an order that neither the log nor we have: take in the log of before first")
        elif ours.log != name:
            yield line, _("the order that it names is not from this log")
        elif ours.currency != currency:
            yield (
                line,
                _("its order is in %(currency)s: a refund is in the currency of its order")
                % {"currency": ours.currency},
            )


def _compare_refunds(stand: Shelf, found: Found, *, name: str) -> None:
    """Find refunds that were taken in before and were other ones."""
    for events in stand.refund_events():
        rows = Refund.objects.filter(order__log=name, reference__in=[event for event, _order in events])
        for order, event, amount in rows.values_list("order__reference", "reference", "amount_minor"):
            line, said = events.get((event, order), (0, amount))
            if said != amount:
                words = _("this refund was taken in before with another amount, which stays")
                stand.leave_out(found, [(line, words)])
