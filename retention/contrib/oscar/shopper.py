"""Who is shopping, as far as this session has said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from retention.hashing import customer_key


@dataclass(frozen=True, kw_only=True, slots=True)
class Shopper:
    user_id: int | None = None
    email: str = ""
    """Empty for a guest who has not come to the checkout yet."""

    @property
    def is_known(self) -> bool:
        return self.user_id is not None or bool(self.email)

    def owns(self, *, user_id: int | None, owner_key: str) -> bool:
        """Whether something bound to this account or to this folded address is theirs."""
        if user_id is not None and user_id == self.user_id:
            return True
        return bool(self.email and owner_key) and customer_key(self.email) == owner_key


def of_request(request: Any) -> Shopper:
    """Return the signed-in customer, else the guest by the address typed into Oscar's checkout."""
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return Shopper(user_id=user.pk, email=user.email or "")
    session = getattr(request, "session", None)
    if session is None:
        return Shopper()
    # read as Oscar's CheckoutSessionData writes it; making one would write to every visitor's session
    checkout = session.get("checkout_data", {})
    return Shopper(email=checkout.get("guest", {}).get("email") or "")


def of_basket(basket: Any) -> Shopper:
    """Return whose basket this is; the guest's address comes by way of the request that its prices were made for."""
    if basket.owner_id is not None:
        return Shopper(user_id=basket.owner_id, email=basket.owner.email or "")
    return of_request(getattr(getattr(basket, "_strategy", None), "request", None))
