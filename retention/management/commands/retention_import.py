from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any

from babel.numbers import is_currency
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from retention import log_words
from retention.csv_rows import NotReadable
from retention.models import Job
from retention.services import imports, logs

NOTES = 20


class Command(BaseCommand):
    help = (
        "Take in the customers and orders of before, from the shop itself or from a log of orders and refunds in CSV "
        "(docs/how-to/import-a-log.md). No mail goes out because of it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="a log in CSV, packed by gzip or not")
        parser.add_argument("--from-shop", action="store_true", help="read them from the shop itself")
        parser.add_argument(
            "--preview", action="store_true", help="only say what the log holds and what is wrong in it"
        )
        parser.add_argument("--name", default="log", help="of the log: two shops' customer numbers are two names")
        parser.add_argument("--currency", default="GBP", help="of lines that name none")
        parser.add_argument("--orders-only", action="store_true", help="as if the log had no refunds")
        parser.add_argument("--batch", type=int, default=imports.BATCH, help="orders taken in at once")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["from_shop"] == bool(options["file"]):
            raise CommandError("Name a log, or give --from-shop.")
        if options["batch"] < 1:
            raise CommandError("--batch is at least 1.")
        self.done, self.since = 0, time.monotonic()
        now = timezone.now()
        if options["file"]:
            self.take_in_log(options, at=now)
        else:
            job = imports.take_in_shop(at=now, batch=options["batch"], progress=self.show)
            self.stdout.write(f"Done: {job.done} orders.")

    def take_in_log(self, options: dict[str, Any], *, at: datetime) -> None:
        """Look at a log, say what it holds, and take it in unless only a look was asked for."""
        path, name, currency = options["file"], options["name"], options["currency"].upper()
        if not is_currency(currency):
            raise CommandError(f"{currency} is no currency. Give its ISO code, e.g. EUR.")
        if not 0 < len(name) <= 40:
            raise CommandError("--name has 1 to 40 letters.")
        how = {"name": name, "orders_only": options["orders_only"], "at": at}
        try:
            with logs.looked_at(path, currency=currency, **how) as (stand, found):
                for words in log_words.of(found, most=NOTES):
                    self.stdout.write(words)
                if options["preview"]:
                    return
                if not stand.total():
                    raise CommandError("The log has no line that could be taken in.")
                job = logs.take_in(stand, path, batch=options["batch"], progress=self.show_lines, **how)
        except OSError as error:
            raise CommandError(f"{path} cannot be opened: {error.strerror or error}.") from error
        except NotReadable as error:
            raise CommandError(str(error)) from error
        left = f" {found.wrong} were left out: mend them and take the log in again." if found.wrong else ""
        self.stdout.write(f"Done: {job.done} lines.{left}")

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

    def show_lines(self, job: Job) -> None:
        """Print how many lines of a log are in; at most once a second."""
        now = time.monotonic()
        if now - self.since > 1 or job.done == job.total:
            self.stdout.write(f"{job.done} of {job.total} lines")
            self.stdout.flush()
            self.since = now
