"""How points and tiers stood at an instant."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from loyalty import report_words
from loyalty.services import report, report_json


class Command(BaseCommand):
    help = (
        "Say how points and tiers stood at an instant, and at each start of a month before it (UTC): only what "
        "happened before counts. docs/how-to/import-a-log.md says how policies are compared."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--until", metavar="T", help="e.g. 2026-03-01 or 2026-03-01T12:00, UTC; else now")
        parser.add_argument("--json", action="store_true", help="as data")

    def handle(self, *args: Any, **options: Any) -> None:
        until = self.moment(options["until"]) if options["until"] else timezone.now()
        try:
            if options["json"]:
                self.stdout.write(json.dumps(report_json.build(until=until), indent=1, sort_keys=True))
                return
            for words in report_words.of(until=until):
                self.stdout.write(words)
        except report.SeveralTerms as error:
            raise CommandError(" ".join((type(error).__doc__ or "").split())) from error

    def moment(self, text: str) -> datetime:
        """Read an instant; one without a zone is UTC."""
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise CommandError(f"{text!r} is no time: write 2026-03-01 or 2026-03-01T12:00.") from None
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
