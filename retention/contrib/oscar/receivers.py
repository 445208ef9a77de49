"""Oscar's signals. Each costs one INSERT in its savepoint, opens no socket and never raises."""

from __future__ import annotations

import logging
from typing import Any

from django.db.models.signals import post_save
from django.utils import timezone
from oscar.apps.basket.signals import basket_addition, voucher_addition
from oscar.apps.customer.signals import user_registered
from oscar.apps.order.signals import order_placed, order_status_changed
from oscar.core.loading import get_model

from retention.contrib.oscar import choices, parcels, redeeming, registering, resuming, vouchers
from retention.services import inbox

log = logging.getLogger(__name__)


def connect() -> None:
    """Connect every receiver, once. Oscar's senders are instances, so none is named."""
    # the canonical event: with django-oscar-api it is the only one that an order sends
    order_placed.connect(on_placed, dispatch_uid="retention_oscar.placed")
    order_status_changed.connect(on_status, dispatch_uid="retention_oscar.status")
    user_registered.connect(on_registered, dispatch_uid="retention_oscar.registered")
    basket_addition.connect(on_basket, dispatch_uid="retention_oscar.basket")
    voucher_addition.connect(on_voucher, dispatch_uid="retention_oscar.voucher")
    # Oscar sends nothing for payments and refunds
    post_save.connect(
        on_payment_event, sender=get_model("order", "PaymentEvent"), dispatch_uid="retention_oscar.payment_event"
    )
    post_save.connect(
        on_transaction, sender=get_model("payment", "Transaction"), dispatch_uid="retention_oscar.transaction"
    )


def on_placed(*, order: Any, **_signal: Any) -> None:
    choices.keep_for(order.pk, at=timezone.now())
    parcels.keep(order.pk, at=timezone.now())
    inbox.record(kind="order_placed", reference=str(order.pk))


def on_status(*, order: Any, **_signal: Any) -> None:
    inbox.record(kind="status_changed", reference=str(order.pk))


def on_payment_event(*, instance: Any, raw: bool = False, **_signal: Any) -> None:
    if not raw:
        inbox.record(kind="payment_event", reference=str(instance.order_id))


def on_transaction(*, instance: Any, raw: bool = False, **_signal: Any) -> None:
    if not raw:
        inbox.record(kind="transaction", reference=str(instance.source.order_id))


def on_registered(*, user: Any, request: Any = None, **_signal: Any) -> None:
    registering.keep(request, user, at=timezone.now())
    inbox.record(kind=inbox.CUSTOMER, reference=str(user.pk))


def on_basket(*, request: Any, **_signal: Any) -> None:
    """Apply a coupon that waited for the basket to have something in it, and what is the shopper's own."""
    resuming.resume(request, at=timezone.now())
    resuming.put_standing(request, at=timezone.now())


def on_voucher(*, sender: Any, basket: Any, voucher: Any, **_signal: Any) -> None:
    """Let Oscar's voucher form reckon the basket anew: it would take a second coupon from what the first has left."""
    try:
        if sender is not redeeming.apply and vouchers.terms_of(voucher) is not None:
            basket.reset_offer_applications()
    except Exception:
        log.exception("a basket could not be reckoned anew")
