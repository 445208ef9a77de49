"""What an offer may give away in all: counted in tallies, one a limit and period, by conditional UPDATEs.

Who takes of several tallies takes them in the order of limit and period, after locking the coupons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import Aggregate, Count, DateField, Expression, F, Sum, Value
from django.db.models.functions import Greatest, Least, Trunc

from campaigns import validity
from campaigns.models import Offer, OfferLimit, OfferTally, Redemption
from campaigns.models.redemption import LIVE
from campaigns.reasons import Reason
from campaigns.terms import FOREVER, Period

Measure = OfferLimit.Measure
Need = tuple[int, date]
"""Id of a limit, first day of a period."""
TALLY = ("limit", "window", "taken", "most")


@dataclass(frozen=True, kw_only=True, order=True)
class Cap:
    """A limit as somebody wants it: uses, or a discount in minor units of a currency."""

    measure: str = Measure.USES
    period: str = Period.EVER
    currency: str = ""
    most: int


class Exceeded(Exception):
    """A limit has too little left."""

    def __init__(self, limit: OfferLimit) -> None:
        self.limit, self.reason = limit, _reason(limit)
        super().__init__(self.reason)


def of(offers: Collection[int]) -> dict[int, list[OfferLimit]]:
    """Return offer id → its limits. One query."""
    found: dict[int, list[OfferLimit]] = {pk: [] for pk in offers}
    for limit in OfferLimit.objects.filter(offer__in=offers).order_by("pk"):
        found[limit.offer_id].append(limit)
    return found


def needs(limits: Iterable[OfferLimit], *, currency: str, discount: int, at: datetime) -> Counter[Need]:
    """Return what one use with this discount (minor units) takes of each limit."""
    wanted: Counter[Need] = Counter()
    for limit in limits:
        if limit.measure == Measure.USES:
            wanted[limit.pk, validity.window(at, limit.period)] += 1
        elif limit.currency == currency:
            wanted[limit.pk, validity.window(at, limit.period)] += discount
    return wanted


def covers(limits: Iterable[OfferLimit], currency: str) -> bool:
    """Whether an offer with a budget has one in this currency: money that nobody set aside is not spent."""
    budgets = {limit.currency for limit in limits if limit.measure == Measure.DISCOUNT}
    return not budgets or currency in budgets


def lacking(
    limits: Sequence[OfferLimit], tallies: Mapping[Need, tuple[int, int]], wanted: Mapping[Need, int]
) -> Reason | None:
    """Return which limit has too little left; ``tallies`` are pairs of what is taken and the most."""
    by_pk = {limit.pk: limit for limit in limits}
    for need, amount in sorted(wanted.items()):
        limit = by_pk[need[0]]
        taken, most = tallies.get(need, (0, limit.most))
        if amount and taken + amount > most:
            return _reason(limit)
    return None


def _reason(limit: OfferLimit) -> Reason:
    return Reason.OFFER_LIMIT if limit.measure == Measure.USES else Reason.BUDGET


def peek(limits: Sequence[OfferLimit], wanted: Mapping[Need, int]) -> Reason | None:
    """Return which limit has too little left as things are now, without taking anything. One query."""
    rows = OfferTally.objects.filter(limit__in={pk for pk, _ in wanted})
    tallies = {(pk, window): (taken, most) for pk, window, taken, most in rows.values_list(*TALLY)}
    return lacking(limits, tallies, wanted)


def take(wanted: Mapping[Need, int], limits: Mapping[int, OfferLimit]) -> None:
    """Take so much of each, in the caller's transaction. Raises Exceeded for the first that has too little left."""
    for (pk, window), amount in sorted(wanted.items()):
        limit = limits[pk]
        rows = OfferTally.objects.filter(limit=pk, window=window)
        enough = rows.filter(taken__lte=F("most") - amount)
        if not amount or enough.update(taken=F("taken") + amount):
            continue
        if not rows.exists():
            # the first of its period makes the row; whoever made it meanwhile is as good
            OfferTally.objects.bulk_create(
                [OfferTally(limit_id=pk, window=window, most=limit.most)], ignore_conflicts=True
            )
        if not enough.update(taken=F("taken") + amount):
            raise Exceeded(limit)


def lock(needed: Iterable[tuple[OfferLimit, date]], offers: Collection[int]) -> dict[Need, OfferTally]:
    """Make the tallies that are needed and lock every tally of these offers, always in the same order.

    The coupons are locked before.
    """
    tallies = OfferTally.objects.filter(limit__offer__in=offers)
    wanted = {(limit.pk, window): limit.most for limit, window in needed}
    rows = tallies.values_list("limit", "window", "most") if wanted else ()
    known = {(pk, window): most for pk, window, most in rows}
    if wanted.keys() - known.keys():
        # in one statement and one order with those that are there already, since a row that is made is locked, too
        OfferTally.objects.bulk_create(
            [
                OfferTally(limit_id=pk, window=window, most=most)
                for (pk, window), most in sorted({**wanted, **known}.items())
            ],
            update_conflicts=True,
            unique_fields=["limit", "window"],
            update_fields=["window"],
        )
    locked = tallies.select_for_update(of=("self",)).order_by("limit", "window")
    return {(tally.limit_id, tally.window): tally for tally in locked}


def move(changed: Mapping[Need, int]) -> None:
    """Add so much, or take so much back, in locked tallies: never below zero, never above the most."""
    for (pk, window), amount in sorted(changed.items()):
        if amount:
            OfferTally.objects.filter(limit=pk, window=window).update(
                taken=Least(Greatest(F("taken") + amount, 0), F("most"))
            )


def set_to(offer: Offer, caps: Collection[Cap], *, at: datetime) -> None:
    """Let the offer have just these limits, counting what live uses have taken already.

    Less than is taken already means: no more. A use that a basket reserves in the same moment may be missed by a
    new limit until the next ``recount``.
    """
    wanted = {(cap.measure, cap.period, cap.currency): cap.most for cap in caps}
    with transaction.atomic():
        # the offer's row stands for its limits: two savings at once come one after the other. Only its key is what a
        # use refers to, so no basket waits for this, and this for no basket but by way of a tally
        Offer.objects.select_for_update(no_key=True).get(pk=offer.pk)
        for limit in OfferLimit.objects.filter(offer=offer):
            if (limit.measure, limit.period, limit.currency) not in wanted:
                limit.delete()
        OfferLimit.objects.bulk_create(
            [OfferLimit(offer=offer, measure=m, period=p, currency=c, most=most) for (m, p, c), most in wanted.items()],
            update_conflicts=True,
            unique_fields=["offer", "measure", "period", "currency"],
            update_fields=["most"],
        )
        for limit in OfferLimit.objects.filter(offer=offer).order_by("pk"):
            _count(limit, at=at)


def recount(*, at: datetime) -> int:
    """Count anew what is taken of every limit. Returns how many limits there are."""
    limits = list(OfferLimit.objects.order_by("pk"))
    for limit in limits:
        with transaction.atomic():
            _count(limit, at=at)
    return len(limits)


def _count(limit: OfferLimit, *, at: datetime) -> None:
    """Count what live uses take of a limit, in the present period and in every one that had uses."""
    # who takes of a tally holds its row until the use is written
    tallies = set(limit.tallies.select_for_update().order_by("window").values_list("window", flat=True))
    uses = Redemption.objects.filter(offer=limit.offer_id, state__in=LIVE, taken_at__isnull=False)
    amount: Aggregate = Count("pk")
    if limit.measure == Measure.DISCOUNT:
        uses, amount = uses.filter(currency=limit.currency), Sum("discount_minor", default=0)
    counted = uses.annotate(since=_since(limit.period)).order_by().values_list("since").annotate(n=amount)
    found = {**dict.fromkeys({*tallies, validity.window(at, limit.period)}, 0), **dict(counted)}
    OfferTally.objects.bulk_create(
        [
            OfferTally(limit=limit, window=window, taken=taken, most=max(limit.most, taken))
            for window, taken in sorted(found.items())
        ],
        update_conflicts=True,
        unique_fields=["limit", "window"],
        update_fields=["taken", "most"],
    )


def _since(period: str) -> Expression:
    """Return ``validity.window`` of a redemption as SQL."""
    if period == Period.EVER:
        return Value(FOREVER, output_field=DateField())
    return Trunc("taken_at", period, tzinfo=validity.zone(), output_field=DateField())


def taken(limits: Sequence[OfferLimit], *, at: datetime) -> dict[int, int]:
    """Return limit id → what is taken of it in the present period. One query."""
    windows = {limit.pk: validity.window(at, limit.period) for limit in limits}
    rows = OfferTally.objects.filter(limit__in=windows).values_list("limit", "window", "taken")
    found = {(pk, window): amount for pk, window, amount in rows}
    return {pk: found.get((pk, window), 0) for pk, window in windows.items()}
