"""The tier table from the command line."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from loyalty.models.currency import known
from loyalty.services import arranging
from retention.money import show, to_minor


class Command(BaseCommand):
    help = (
        "Put a tier table by spend in force, e.g. loyalty_tiers --currency GBP --window-days 365 Bronze=0 Silver=500 "
        "Gold=2000. The same again changes nothing; another table takes the place of the one before."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tiers", nargs="+", metavar="NAME=SPEND", help="in units of the currency, the lowest first")
        parser.add_argument("--currency", required=True)
        parser.add_argument("--window-days", type=int, default=365, help="orders placed within so many days count")
        parser.add_argument("--name", default="Tiers", help="of the table")

    def handle(self, *args: Any, **options: Any) -> None:
        currency = options["currency"].upper()
        if not 1 <= options["window_days"] <= 32767:
            raise CommandError("The window has at least one day.")
        try:
            known(currency)
            table = arranging.table(
                name=options["name"],
                currency=currency,
                window_days=options["window_days"],
                rungs=[self.rung(text, currency) for text in options["tiers"]],
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        for tier in table.tiers.order_by("rank"):
            self.stdout.write(
                f"{show(tier.threshold_minor, currency)} within {table.window_days} days makes {tier.name}."
            )

    def rung(self, text: str, currency: str) -> tuple[str, int]:
        """Read one tier: its name and its spend, minor units."""
        name, _equals, spend = text.rpartition("=")
        try:
            amount = Decimal(spend)
        except InvalidOperation:
            amount = Decimal(-1)
        if not name.strip() or not amount.is_finite() or not 0 <= amount < 10**12:
            raise CommandError(f"{text!r} is no tier: write NAME=SPEND, e.g. Silver=500.")
        return name.strip(), to_minor(amount, currency)
