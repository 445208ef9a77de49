from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from retention.models import Job
from retention.services import imports


class Command(BaseCommand):
    help = "Take in the shop's customers and orders of before. No mail goes out because of it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from-shop", action="store_true", required=True, help="read them from the shop itself")
        parser.add_argument("--batch", type=int, default=imports.BATCH, help="orders read at once")

    def handle(self, *args: Any, **options: Any) -> None:
        self.done, self.since = 0, time.monotonic()
        job = imports.take_in_shop(at=timezone.now(), batch=options["batch"], progress=self.show)
        self.stdout.write(f"Done: {job.done} orders.")

    def show(self, job: Job) -> None:
        """Print how far it has come, and how fast the last batch was."""
        now = time.monotonic()
        if imports.ORDERS_FROM in job.cursor:
            rate = (job.done - self.done) / max(now - self.since, 0.001)
            self.stdout.write(f"{job.done} orders, {rate:.0f} a second")
        else:
            self.stdout.write(f"{job.cursor[imports.PEOPLE]} customers")
        self.stdout.flush()
        self.done, self.since = job.done, now
