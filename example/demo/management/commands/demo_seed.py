from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils import timezone
from oscar.core.loading import get_model

from example.demo.seed import catalogue, people
from example.demo.seed.history import cast, year

Product = get_model("catalogue", "Product")


class Command(BaseCommand):
    """Fills an empty example shop; one that has products only learns where it is now."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--people", type=int, default=cast.PEOPLE, help=f"how many customers the year has ({cast.PEOPLE})"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Plant all of it or nothing."""
        people.name_site()
        if Product.objects.exists():
            self.stdout.write("The shop has products already; nothing was planted.")
            return
        with transaction.atomic():
            people.plant()
            catalogue.plant()
            year.play(end=timezone.now(), people=options["people"])
