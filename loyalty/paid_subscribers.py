"""What paid membership does with the facts of orders."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from loyalty.services import paid_terms
from loyalty.subscribers import ORDERS
from retention.registry import Recorded, subscribe


def settle(batch: Sequence[Recorded]) -> None:
    """Bring the terms of the orders named in the batch to what stands of them."""
    orders = {str(getattr(recorded.data, "order", "")) for recorded in batch}
    paid_terms.settle(orders, at=max(recorded.data.at for recorded in batch))


def load() -> None:
    """Subscribe before points do: what a member orders in the same round earns what the membership gives."""
    subscribe(
        "loyalty.paid_terms",
        *ORDERS,
        does=_("brings paid memberships to what their orders say"),
        handle=settle,
    )
