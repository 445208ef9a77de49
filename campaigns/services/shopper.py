"""Who a basket is of, as limits count people: every door asks here, so that one person has one name."""

from __future__ import annotations

from campaigns.baskets import Basket
from retention.hashing import customer_key
from retention.models import Customer


class Unknown(Exception):
    """Nobody said who shops. Of nobody in particular there is no "once per person": ask for an address first."""


def key_of(basket: Basket) -> str:
    """Return by which name limits count who shops: the mailbox, the account where that has none. Raises Unknown.

    A query only where nothing but the account is known: it may have been counted by its mailbox before.
    """
    if not basket.is_known:
        raise Unknown
    email = basket.email or _email(basket.user_id)
    return customer_key(email) if email else f"user:{basket.user_id}"


def _email(user_id: int | None) -> str:
    return Customer.objects.living().filter(user=user_id).values_list("email", flat=True).first() or ""
