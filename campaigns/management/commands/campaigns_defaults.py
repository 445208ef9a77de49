from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from campaigns.services import defaults


class Command(BaseCommand):
    help = "Make the usual journeys (welcome, next order, satisfaction) in a dry run; what is there stays as it is."

    def handle(self, *args: Any, **options: Any) -> None:
        made = defaults.install(at=timezone.now())
        if made:
            self.stdout.write(f"Made, in a dry run: {', '.join(made)}. Look at them in admin and switch them on.")
        else:
            self.stdout.write("The usual journeys are there already; nothing was changed.")
