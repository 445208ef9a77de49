"""Reading coupons: for the checkout, the wallet, mails and staff."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, Count, IntegerField, Model, OuterRef, QuerySet, Subquery, Sum
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from campaigns.models import Coupon, MarginGuard, Offer, OfferLimit, Redemption
from retention.locks import on_the_way

SPENT = (Redemption.State.COMMITTED, Redemption.State.EXCESS)
"""States in which an order had the discount."""


def by_code(codes: Iterable[str], *, cart: str = "", turn: bool = False) -> QuerySet[Coupon]:
    """Return our coupons among these codes, oldest first, with all that checking one asks of each in one query.

    ``held`` says whether the cart has reserved it, ``limited`` whether its offer has limits, ``guarded`` whether there
    is a margin guard. ``turn``: it is the cart's turn from here to the end of the transaction, and ``crowded`` says
    whether the cart had reserved anything before it waited for that.
    """
    more = {"crowded": reserved_by(cart), "turn": on_the_way(turn_of(cart))} if turn else {}
    return (
        Coupon.objects.filter(code__in=list(codes))
        .select_related("version", "customer")
        .annotate(  # type: ignore[no-redef]  # the class says what they are without the query
            held=reserved_by(cart, f"coupon_id = {COUPON}.id"),
            limited=_exists(OfferLimit, f"offer_id = {COUPON}.offer_id"),
            guarded=_exists(MarginGuard, "1 = 1"),
            **more,
        )
        .order_by("pk")
    )


def reserved_by(cart: str, also: str = "1 = 1") -> RawSQL:
    """Return whether the cart has reserved something; ``also``: a condition of SQL on that."""
    return _exists(Redemption, f"cart = %s AND state = '{Redemption.State.RESERVED.value}' AND {also}", cart)


COUPON = f'"{Coupon._meta.db_table}"'


def _exists(model: type[Model], where: str, *values: str) -> RawSQL:
    """Return whether there is such a row. It is SQL, since every checkout asks: ``Exists`` takes longer to be put into
    words, five times in one query, than the database takes to answer."""
    sql = f'EXISTS (SELECT 1 FROM "{model._meta.db_table}" WHERE {where})'
    return RawSQL(sql, values, output_field=BooleanField())


def turn_of(cart: str) -> str:
    """Return the name of the lock under which one request at a time changes what a cart holds."""
    return f"campaigns.cart:{cart}"


def wallet(customer: int, *, at: datetime) -> QuerySet[Coupon]:
    """Return the coupons that a customer can use now, the soonest to expire first."""
    return (
        Coupon.objects.redeemable(at=at)
        .filter(customer=customer)
        .select_related("offer", "version")
        .order_by("expires_at", "pk")
    )


def of_customer(customer: int) -> QuerySet[Coupon]:
    """Return every coupon of a customer with its uses, the latest first."""
    return (
        Coupon.objects.filter(customer=customer)
        .select_related("offer", "version")
        .prefetch_related("redemptions")
        .order_by("-issued_at", "-pk")
    )


def with_figures(offers: QuerySet[Offer], *, at: datetime) -> QuerySet[Offer]:
    """Add to each offer how many coupons were ``issued``, and how many are ``out`` and still good."""
    coupons = Coupon.objects.filter(offer=OuterRef("pk"))
    return offers.annotate(
        issued=_count(coupons),
        out=_count(coupons.outstanding(at=at)),
    )


def _count(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.order_by().values("offer").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of coupons."""

    orders: int = 0
    cost: Mapping[str, int] = field(default_factory=dict)
    """Currency → what they took off orders, minor units."""


def outcomes(of: str, ids: Collection[int]) -> dict[int, Outcome]:
    """Return what came of each of these. ``of`` says what they are: ``offer``, ``coupon`` or ``coupon__batch``."""
    spent = Redemption.objects.filter(state__in=SPENT, **{f"{of}__in": ids})
    rows = spent.order_by("currency").values_list(of, "currency")
    found: dict[int, Outcome] = dict.fromkeys(ids, Outcome())
    for pk, currency, orders, cost in rows.annotate(n=Count("order", distinct=True), cost=Sum("discount_minor")):
        before = found[pk]
        found[pk] = Outcome(
            orders=before.orders + orders, cost={**before.cost, **({currency: cost} if currency else {})}
        )
    return found


def holders(offer: Offer, *, at: datetime) -> int:
    """Return how many coupons of an offer are out and can still be used, now or from a later day on."""
    return Coupon.objects.outstanding(at=at).filter(offer=offer).count()
