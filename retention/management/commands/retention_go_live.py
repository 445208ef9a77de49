from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from retention.services import installation


class Command(BaseCommand):
    help = "Stamp, once, since when orders are news: journeys start and points are given for orders placed from now on."

    def handle(self, *args: Any, **options: Any) -> None:
        since = installation.go_live(at=timezone.now())
        self.stdout.write(f"Live since {since:%Y-%m-%d %H:%M:%S %Z}.")
