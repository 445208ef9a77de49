"""Rebuild every balance from the ledger and say where one differs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from loyalty.models import Account
from loyalty.services import verifying


class Command(BaseCommand):
    help = "Rebuild every balance from the ledger; exits with 1 when one differs."

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        for difference in verifying.differences():
            count += 1
            self.stdout.write(str(difference))
        if count:
            raise CommandError(f"{count} differences between balances and ledger.")
        self.stdout.write(f"{Account.objects.count()} accounts agree with the ledger.")
