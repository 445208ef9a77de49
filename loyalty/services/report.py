"""How points and tiers stood at an instant: what happened before it, and nothing of what came after.

Points are sums of the ledger, whose entries have the time of what moved them; tiers are computed anew from orders and
refunds. Balances are what can be spent. Instants are UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import BigIntegerField, Exists, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Greatest

from loyalty.models import Entry, Lot, OrderAward, Programme, Tier, TierTable
from loyalty.models.programme import Expires, RefundPolicy
from loyalty.services import tier_times
from loyalty.services.tier_rules import Rules
from retention.models import Customer, Order, Refund

Kind = Entry.Kind
OF_ORDERS = (Kind.AWARD, Kind.CLAWBACK, Kind.MOVE, Kind.OPEN)
BEST = 10


class SeveralTerms(Exception):
    """Orders were awarded under other terms than the programme's: their sum is no policy's. Take the log into a fresh
    database for each policy that you compare."""


@dataclass(frozen=True, kw_only=True)
class PointsAt:
    """Points at one instant."""

    at: datetime
    balances: Mapping[int, int]
    """Customer → what they can spend."""
    earned: int
    """By orders placed before, whatever became of them; without what limits stopped."""
    clawed_back: int
    """Of these, what refunds and cancellations took."""
    redeemed: int
    redemptions: int
    expired: int

    @property
    def outstanding(self) -> int:
        return sum(self.balances.values())

    @property
    def holders(self) -> int:
        return sum(points > 0 for points in self.balances.values())


@dataclass(frozen=True, kw_only=True)
class TiersAt:
    """Tiers at one instant."""

    at: datetime
    counts: Mapping[str, int]
    """Tier → how many stand in it."""
    members: int
    """Customers with an order before, guests aside."""
    upgraded: int | None
    """Since the instant before; None for the first."""
    downgraded: int | None


def instants(until: datetime) -> list[datetime]:
    """Return the starts of months from the first order to ``until``, and ``until``."""
    first = Order.objects.filter(placed_at__lt=until).aggregate(first=Min("placed_at"))["first"]
    found = []
    if first is not None:
        year, month = first.astimezone(UTC).year, first.astimezone(UTC).month
        while (start := datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)) < until:
            found.append(start)
            year, month = start.year, start.month
    return [*found, until]


# Points


def check_terms(programme: Programme) -> None:
    """Raise SeveralTerms unless all orders were awarded under the terms that the programme has now."""
    alike = Q(
        refund_policy=programme.refund_policy, expires=programme.expires, expires_after=programme.expires_after,
        rate__programme=programme,
    )  # fmt: skip
    if OrderAward.objects.filter(rate__isnull=False).exclude(alike).exists():
        raise SeveralTerms


def name(programme: Programme) -> str:
    """Return what a policy is called where policies are compared: R1 to R5, else its settings."""
    days = programme.expires == Expires.DAYS and programme.expires_after
    anew = programme.refund_policy == RefundPolicy.RECOMPUTE
    if programme.history_spends == 500 and days == 180:
        return "R4"
    if programme.history_spends is None and programme.expires == Expires.NEVER:
        plain = {RefundPolicy.RECOMPUTE: "R1", RefundPolicy.AMOUNT: "R2", RefundPolicy.PROPORTIONAL: "R3"}
        return plain[RefundPolicy(programme.refund_policy)]
    if programme.history_spends is None and anew and days == 180:
        return "R5"
    end = f" {programme.expires} {programme.expires_after}" if programme.expires != Expires.NEVER else ""
    spends = f" spends {programme.history_spends}" if programme.history_spends else ""
    return f"{programme.refund_policy}{end}{spends}"


def points(at: datetime, *, ends: bool) -> PointsAt:
    """Return how points stood. ``ends``: whether what has ended and was not written down yet has ended."""
    before = Q(at__lt=at) | Q(at=at, kind=Kind.EXPIRY)  # ended is what ends at this very instant
    rows = Entry.objects.filter(before).order_by()
    spendable = rows.of_balance().values_list("account__customer").annotate(n=Sum("points"))
    balances = dict(spendable)
    ended = -(rows.filter(kind=Kind.EXPIRY).aggregate(n=Sum("points"))["n"] or 0)
    if ends:
        late = Lot.objects.filter(left__gt=0, expires_at__lte=at).order_by().values_list("account__customer")
        for customer, left in late.annotate(n=Sum("left")):
            balances[customer] = balances.get(customer, 0) - left
            ended += left
    placed = Order.objects.filter(placed_at__lt=at).values("reference")
    mine = Entry.objects.filter(order=OuterRef("order"), account=OuterRef("account"))
    # what was ordered by who had left the programme was never there, so that no refund took it
    held = OrderAward.objects.filter(~Q(at_most=0) | Q(Exists(mine)), account__isnull=False, order__in=placed)
    earned = (held.aggregate(n=Sum("earned"))["n"] or 0) - _stopped(held)
    standing = rows.filter(kind__in=OF_ORDERS).aggregate(n=Sum("points"))["n"] or 0
    spent = rows.filter(kind=Kind.SPEND)
    return PointsAt(
        at=at,
        balances=balances,
        earned=earned,
        clawed_back=earned - standing,
        redeemed=-(rows.filter(kind__in=(Kind.SPEND, Kind.RETURN)).aggregate(n=Sum("points"))["n"] or 0),
        redemptions=spent.count() - rows.filter(kind=Kind.RETURN).count(),
        expired=ended,
    )


def _stopped(held: QuerySet[OrderAward]) -> int:
    """Return how many points of orders limits stopped: they were never there, so that no refund took them.

    A refund takes from what was stopped first, and the row says then how many are left of it; its entry says how many
    there were.
    """
    stopped = Cast(KeyTextTransform("stopped", "breakdown"), BigIntegerField())
    noted = Entry.objects.filter(kind=Kind.CAPPED, order=OuterRef("order"), account=OuterRef("account"))
    most = noted.exclude(order="").annotate(n=stopped).order_by("-n").values("n")[:1]
    limited = held.exclude(capped="").annotate(most=Greatest("stopped", Coalesce(Subquery(most), 0)))
    return limited.aggregate(n=Sum("most"))["n"] or 0


def numbers(customers: Mapping[int, int]) -> dict[str, int]:
    """Return the best customers by the merchant's own number, ours with a # where there is none."""
    best = sorted(customers, key=lambda customer: (-customers[customer], customer))[:BEST]
    known = dict(Customer.objects.filter(pk__in=best).values_list("pk", "number"))
    return {known[customer] or f"#{customer}": customers[customer] for customer in best}


def buyers(at: datetime) -> set[int]:
    """Return who had an order, guests aside."""
    rows = Order.objects.filter(placed_at__lt=at).exclude(customer__kind=Customer.Kind.GUEST).order_by()
    return set(rows.values_list("customer", flat=True).distinct())


# Tiers

SPEND = """
SELECT o.customer_id, SUM(
    CASE WHEN o.currency = %(currency)s AND o.paid_at < %(at)s AND (o.cancelled_at IS NULL OR o.cancelled_at >= %(at)s)
              AND o.placed_at >= %(since)s AND o.total_minor > COALESCE(r.back, 0)
         THEN o.total_minor - COALESCE(r.back, 0) ELSE 0 END
)
FROM {order} o JOIN {customer} c ON c.id = o.customer_id
LEFT JOIN (SELECT order_id, SUM(amount_minor) AS back FROM {refund} WHERE at < %(at)s GROUP BY order_id) r
    ON r.order_id = o.id
WHERE o.placed_at < %(at)s AND c.kind <> 'guest'
GROUP BY o.customer_id
"""


def tiers(table: TierTable, until: datetime) -> Iterator[TiersAt]:
    """Yield how many would stand in each tier at each instant, by what makes a tier begin.

    For a table that goes by spend.
    """
    ladder = list(table.tiers.order_by("-threshold_minor"))
    before: dict[int, int | None] | None = None
    for at in instants(until):
        ranks = {customer: _rank(minor, ladder) for customer, minor in _spend(table, at=at)}
        counts = Counter(ranks.values())
        moves = [(ranks[customer] or 0) - (rank or 0) for customer, rank in (before or {}).items() if customer in ranks]
        yield TiersAt(
            at=at,
            counts={tier.name: counts[tier.rank] for tier in reversed(ladder)},
            members=len(ranks),
            upgraded=None if before is None else sum(move > 0 for move in moves),
            downgraded=None if before is None else sum(move < 0 for move in moves),
        )
        before = ranks


def _rank(minor: int, ladder: list[Tier]) -> int | None:
    return next((tier.rank for tier in ladder if tier.threshold_minor <= minor), None)


def _spend(table: TierTable, *, at: datetime) -> list[tuple[int, int]]:
    quote, adapt = connection.ops.quote_name, connection.ops.adapt_datetimefield_value
    models: dict[str, Any] = {"order": Order, "customer": Customer, "refund": Refund}
    sql = SPEND.format(**{label: quote(model._meta.db_table) for label, model in models.items()})
    since = tier_times.since(Rules.of(table), at=at)
    with connection.cursor() as cursor:
        cursor.execute(sql, {"currency": table.currency, "at": adapt(at), "since": adapt(since)})
        return [(customer, int(minor)) for customer, minor in cursor.fetchall()]
