from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone
from oscar.core.loading import get_model

from example.demo.seed import catalogue, people
from example.demo.seed.history import year

Product = get_model("catalogue", "Product")


class Command(BaseCommand):
    """Fills an empty example shop; does nothing to one that has products."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Plant all of it or nothing."""
        if Product.objects.exists():
            self.stdout.write("The shop has products already; nothing was changed.")
            return
        with transaction.atomic():
            people.plant()
            catalogue.plant()
            year.play(end=timezone.now())
