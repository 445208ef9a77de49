from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from retention.models import Customer
from retention.services import persons


class Command(BaseCommand):
    help = "Write out all that is kept about a person, or forget them, by their address or our number."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["export", "erase"])
        parser.add_argument("who", help="an e-mail address, or the number of a customer")
        parser.add_argument("--yes", action="store_true", help="forget without asking")

    def handle(self, *args: Any, **options: Any) -> None:
        people = _find(options["who"])
        if options["what"] == "export":
            told = {"people": [persons.export_person(customer) for customer in people]}
            self.stdout.write(json.dumps(told, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False))
            return
        living = [customer for customer in people if customer.erased_at is None]
        if not living:
            self.stdout.write("They are forgotten already.")
            return
        self.stdout.write(f"Customers {', '.join(str(customer.pk) for customer in living)} would be forgotten.")
        if not options["yes"] and input("This cannot be undone. Go on? [y/N] ").strip().lower() != "y":
            self.stdout.write("Nothing was done.")
            return
        now = timezone.now()
        kept = {place: None for customer in living for place in persons.forget(customer, at=now)}
        self.stdout.write("Forgotten. Orders, points and figures stay.")
        for place in kept:
            self.stdout.write(f"The shop itself still keeps: {place}.")


def _find(who: str) -> list[Customer]:
    """Return the rows of an address, or the row of a number with all others of its address. Raises CommandError."""
    if "@" in who:
        people = list(Customer.objects.at_address(who).order_by("pk"))
    else:
        found = Customer.objects.filter(pk=int(who)).first() if who.isdecimal() and len(who) < 19 else None
        people = persons.rows_of(found) if found else []
    if not people:
        raise CommandError("Nobody has this address or number.")
    return people
