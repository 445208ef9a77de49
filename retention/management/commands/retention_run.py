from __future__ import annotations

import logging
import signal
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from retention.services import ticks

log = logging.getLogger(__name__)

PAUSE = 2.0


class Command(BaseCommand):
    help = "Do what is due, for a shop without Celery: once (from cron, each minute) or in a loop."

    def add_arguments(self, parser: CommandParser) -> None:
        how = parser.add_mutually_exclusive_group(required=True)
        how.add_argument("--once", action="store_true", help="do what is due now, and end")
        how.add_argument("--loop", action="store_true", help="do what is due every two seconds, until stopped")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            self.stdout.write(f"{ticks.run_due(at=timezone.now())} items done.")
            return
        self.going = True
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.stop)
        self.stdout.write("Running. Ctrl-C or SIGTERM ends it after the work in hand.")
        while self.going:
            try:
                close_old_connections()
                ticks.run_due(at=timezone.now())
            except DatabaseError:
                log.exception("the database does not answer; it is asked again")
                connection.close()
            time.sleep(PAUSE)

    def stop(self, *signals: Any) -> None:
        """End after the work in hand."""
        self.going = False
