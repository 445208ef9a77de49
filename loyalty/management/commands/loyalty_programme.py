"""The points programme from the command line."""

from __future__ import annotations

from argparse import BooleanOptionalAction
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from loyalty import terms
from loyalty.models import Rate
from loyalty.models.currency import known
from loyalty.models.programme import DebtPolicy, Expires, PendingFrom, RefundPolicy
from loyalty.services import arranging, awards


class Command(BaseCommand):
    help = (
        "Set the active points programme up, or change it, and say what it does. What is not named stays as it is; "
        "orders that have been awarded keep the terms they were awarded under."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default="Points", help="of a programme that is made new")
        parser.add_argument("--currency", help="ISO code of the rate, e.g. EUR")
        parser.add_argument("--points", help="points for one unit of the currency, e.g. 1 or 0.5")
        parser.add_argument("--worth", help="of a point, in units of the currency, e.g. 0.01")
        parser.add_argument("--refunds", choices=RefundPolicy.values, help="how a refund takes points back")
        parser.add_argument("--debt", choices=DebtPolicy.values, help="where the points were spent already")
        parser.add_argument("--pending-days", type=int, help="return window; 0: points open at once")
        parser.add_argument("--pending-from", choices=PendingFrom.values, help="when the return window begins")
        parser.add_argument("--history", action=BooleanOptionalAction, help="old orders earn, too")
        parser.add_argument("--history-spends", type=int, help="points that each old order spends; 0: none")
        ends = parser.add_mutually_exclusive_group()
        ends.add_argument("--expires-days", type=int, help="points end so many days after they opened")
        ends.add_argument("--never-expires", action="store_true", help="points never end")

    def handle(self, *args: Any, **options: Any) -> None:
        names = {
            "refunds": "refund_policy", "debt": "debt_policy", "pending_days": "pending_days",
            "pending_from": "pending_from", "history": "award_history",
        }  # fmt: skip
        settings = {field: options[name] for name, field in names.items() if options[name] is not None}
        if options["history_spends"] is not None:
            settings["history_spends"] = options["history_spends"] or None
        if options["expires_days"] is not None:
            settings |= {"expires": Expires.DAYS, "expires_after": options["expires_days"]}
        elif options["never_expires"]:
            settings |= {"expires": Expires.NEVER, "expires_after": None}
        try:
            found = arranging.programme(
                name=options["name"], settings=settings, rates=self.rates(options), at=timezone.now()
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        for sentence in terms.for_staff(found, list(Rate.objects.current().filter(programme=found).order_by("pk"))):
            self.stdout.write(str(sentence))
        if found.award_history:
            while awards.settle_history(at=timezone.now()):
                pass
        if others := arranging.awarded_otherwise(found):
            self.stdout.write(
                f"{others} orders were awarded under other terms and keep them. To compare programmes take the log "
                "into a fresh database for each."
            )

    def rates(self, options: dict[str, Any]) -> list[tuple[str, Decimal, Decimal | None]]:
        """Return the rate that was asked for, if one was."""
        if not options["currency"] and not options["points"] and not options["worth"]:
            return []
        if not options["currency"] or not options["points"]:
            raise CommandError("A rate is --currency and --points together.")
        currency = options["currency"].upper()
        known(currency)
        return [(currency, self.number(options["points"]), self.number(options["worth"]) if options["worth"] else None)]

    def number(self, text: str) -> Decimal:
        """Read a number above zero."""
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise CommandError(f"{text!r} is no number: write 1 or 0.5.") from None
        if not number.is_finite() or number <= 0 or number >= 10**8:
            raise CommandError(f"{text} is no rate. A rate of zero earns nothing: give none for the currency instead.")
        return number
