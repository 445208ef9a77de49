from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.utils import timezone

from retention.finding import Finding
from retention.services import doctor, probe


class Command(BaseCommand):
    help = (
        "Look at what system checks cannot see: broker, beat, the sender's domain as receivers see it, links, mails in "
        "every language; and at a mail that was sent."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--probe", metavar="ADDRESS", help="send one test mail there, and look at it where it can be read back"
        )
        parser.add_argument("--read", type=Path, metavar="FILE", help="look at a mail of yours that was saved as .eml")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["read"]:
            self.read(options["read"])
        elif options["probe"]:
            self.probe(options["probe"])
        else:
            self.tell(doctor.examine(at=timezone.now()))

    def read(self, path: Path) -> None:
        """Look at a saved mail."""
        try:
            self.tell(list(probe.read(probe.load(path))))
        except probe.NotRead as error:
            raise CommandError(f"{error}.") from error

    def probe(self, address: str) -> None:
        """Send a test mail, and look at it where the mail backend keeps it."""
        try:
            validate_email(address)
            sent = probe.send(to=address, at=timezone.now())
        except ValidationError as error:
            raise CommandError(f"{address!r} is no e-mail address.") from error
        except probe.NotSent as error:
            raise CommandError(f"The mail server did not take it: {error}") from error
        self.stdout.write("The test mail was sent.")
        if sent is None:
            self.stdout.write(
                "When it has arrived, save it with its headers (“Show original”, “Download”) and look at it: "
                "`manage.py retention_doctor --read mail.eml`."
            )
            return
        self.tell(list(probe.read(sent)))

    def tell(self, findings: Sequence[Finding]) -> None:
        """Write the findings down. Raises CommandError where something is ill."""
        for finding in findings:
            style = self.style.SUCCESS if finding.well else self.style.ERROR
            self.stdout.write(style(f"{'well' if finding.well else 'ILL '}  {finding.what}"))
            for more in (finding.hint, "" if finding.well else finding.cure):
                if more:
                    self.stdout.write(f"      {more}")
        ill = sum(not finding.well for finding in findings)
        if ill:
            raise CommandError(f"{ill} of {len(findings)} things need a hand.")
