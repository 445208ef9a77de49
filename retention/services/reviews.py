"""Reviews that customers wrote in the shop: noted, never read."""

from __future__ import annotations

from datetime import datetime

from retention.facts import ReviewWritten
from retention.models import Customer
from retention.services import facts


def note(customer: Customer, *, product: str, review: str, at: datetime) -> None:
    """Note that a review of a product is published. ``review``: the shop's own id of it.

    The same review may be noted again: whoever does something about it does it once. What it says is not our business,
    so that nothing can depend on it.
    """
    facts.publish([ReviewWritten(customer=customer.pk, at=at, product=product, review=review)])
