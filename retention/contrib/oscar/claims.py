"""Attaching a guest's order to an account, and its address to the account's address book."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from oscar.core.loading import get_model

from retention.contrib.oscar import host


def claim(reference: str, *, user: Any) -> bool:
    """Attach the order if nobody has it and it was placed with the user's own address. Returns whether it was.

    The UPDATE decides: of two claims at once one wins, and no order of another address is ever taken.
    """
    Order = host.order()
    with transaction.atomic():
        won = Order._default_manager.filter(
            pk__in=host.keys(Order, [reference]), user=None, guest_email__iexact=user.email
        ).update(user=user)
        if not won:
            return False
        order = Order._default_manager.select_related("shipping_address", "billing_address").get(pk=reference)
        host.voucher_application()._default_manager.filter(order=order, user=None).update(user=user)
        if order.shipping_address:
            _keep(order.shipping_address, user, counter="num_orders_as_shipping_address")
        if order.billing_address:
            _keep(order.billing_address, user, counter="num_orders_as_billing_address")
    return True


def _keep(address: Any, user: Any, *, counter: str) -> None:
    """Put an address into the address book, or count it once more when it is there."""
    UserAddress = get_model("address", "UserAddress")
    book = UserAddress._default_manager.filter(user=user)
    copy = UserAddress(user=user)
    address.populate_alternative_model(copy)
    setattr(copy, counter, 1)
    if not book.exists():
        copy.is_default_for_shipping = copy.is_default_for_billing = True
    try:
        with transaction.atomic():
            copy.save()
    except IntegrityError:
        # unique by user and hash: it is there, however it got there
        book.filter(hash=copy.hash).update(**{counter: F(counter) + 1})
