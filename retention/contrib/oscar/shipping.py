"""What a coupon for free shipping saves, as far as the session says where the parcel goes, and how."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

from django.db import transaction
from oscar.core.loading import get_class

log = logging.getLogger(__name__)


def saved(request: Any) -> Decimal | None:
    """Return what the basket's discount takes off the shipping, tax included where it is known.

    None where address or method have not been chosen yet. Asks the shop's own repository of shipping methods, once for
    each time that the basket is reckoned.
    """
    reckoned = request.basket.offer_applications
    if not hasattr(reckoned, "_retention_saved"):
        reckoned._retention_saved = _find(request)
    found: Decimal | None = reckoned._retention_saved
    return found


def _find(request: Any) -> Decimal | None:
    session = getattr(request, "session", None)
    # read as Oscar's CheckoutSessionData writes it; making one would write to every visitor's session
    chosen = session.get("checkout_data", {}).get("shipping", {}) if session is not None else {}
    if not chosen.get("method_code"):
        return None
    try:
        # the savepoint is for a transaction of the shop's, which a failure of ours must not end
        with nullcontext() if transaction.get_autocommit() else transaction.atomic():
            return _ask(request)
    except Exception:
        log.exception("what free shipping saves could not be found out")
        return None


def _ask(request: Any) -> Decimal | None:
    checkout = get_class("checkout.session", "CheckoutSessionMixin")()
    checkout.request = request
    checkout.checkout_session = get_class("checkout.utils", "CheckoutSessionData")(request)
    basket = request.basket
    address = checkout.get_shipping_address(basket)
    if address is None and basket.is_shipping_required():
        return None
    method = checkout.get_shipping_method(basket, address)
    return None if method is None else Decimal(method.discount(basket))
