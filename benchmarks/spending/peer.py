"""django-hordak as a points ledger: an account a member, and a guard that it never goes below zero."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.core.management import call_command
from django.db import transaction
from django.db.utils import ProgrammingError
from hordak.models import Account
from moneyed import Money

MANY = 1000


def start(*, first: bool) -> Callable[[int], bool]:
    """Return what spends one point of a member; the first process makes the tables and the accounts."""
    if first:
        call_command("migrate", verbosity=0)
        shop = Account.objects.create(name="shop", type="AS", currencies=["EUR"])
        for number in range(MANY):
            account = Account.objects.create(name=f"member {number}", type="AS", currencies=["EUR"])
            shop.transfer_to(account, Money(10**6, "EUR"))
    while True:
        try:
            found = list(Account.objects.exclude(name="shop").order_by("pk"))
            if len(found) == MANY:
                break
        except ProgrammingError:
            pass
        time.sleep(0.2)
    shop = Account.objects.get(name="shop")

    def spend(customer: int) -> bool:
        account: Any = found[customer % MANY]
        with transaction.atomic():
            locked = Account.objects.select_for_update().get(pk=account.pk)
            if locked.get_simple_balance()["EUR"].amount < 1:
                return False
            locked.transfer_to(shop, Money(1, "EUR"))
        return True

    return spend
