"""Questions about customers that count all rows of an address: a member's, a guest's, an absorbed one's.

Each is a ``Q`` or an expression over ``Customer`` as the outer query. Somebody without an address is nobody else.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from retention.models import Customer, Spend


def rows() -> QuerySet[Customer]:
    """Return the rows with the outer customer's address."""
    return Customer.objects.filter(address=OuterRef("address")).exclude(address="").order_by()


def any_row(one: Q) -> Q:
    """Match who has a row like this; ``one`` is about columns of ``Customer``."""
    return one | Q(Exists(rows().filter(one)))


def any_of(things: QuerySet[Any], owner: str = "customer") -> Q:
    """Match whose these are: rows of another table whose ``owner`` is a customer."""
    here = {f"{owner}__address": OuterRef("address")}
    shared = things.order_by().filter(**here).exclude(**{f"{owner}__address": ""})
    return Q(Exists(things.order_by().filter(**{owner: OuterRef("pk")}))) | Q(Exists(shared))


def orders() -> Coalesce:
    """Return how many orders that count somebody has placed."""
    together = rows().values("address").annotate(n=Sum("orders_count")).values("n")
    return Coalesce(Subquery(together), F("orders_count"))


def spent(currency: str) -> Coalesce:
    """Return what somebody has spent in a currency, minor units."""
    spends = Spend.objects.filter(currency=currency).order_by()
    together = spends.filter(customer__address=OuterRef("address")).exclude(customer__address="")
    alone = spends.filter(customer=OuterRef("pk"))
    return Coalesce(
        Subquery(together.values("customer__address").annotate(n=Sum("net_minor")).values("n")),
        Subquery(alone.values("net_minor")),
        0,
    )
