from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from retention import consent_file, consent_words
from retention.csv_rows import NotReadable
from retention.models import Job
from retention.services import consent_imports

NOTES = 20


class Command(BaseCommand):
    help = (
        "Take in what people had said to another mail service: consents, unsubscribes, bounces, complaints and "
        "suppressions, from a CSV file with the columns address, kind, purpose, at, source, text and basis."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--look", action="store_true", help="only say what it would change")
        how.add_argument("--yes", action="store_true", help="do it without asking")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        now = timezone.now()
        try:
            reading = consent_file.read(path.read_bytes(), at=now)
        except OSError as error:
            raise CommandError(f"{path} cannot be opened: {error.strerror}.") from error
        except NotReadable as error:
            raise CommandError(str(error)) from error
        found = consent_imports.look(reading, at=now)
        for words in consent_words.found(found):
            self.stdout.write(words)
        for note in reading.notes[:NOTES]:
            self.stdout.write(f"Line {note.line}: {note.words}.")
        if options["look"]:
            return
        if not reading.said:
            raise CommandError("The file has no line that could be taken in.")
        if not options["yes"] and not self.agreed():
            self.stdout.write("Nothing was done.")
            return
        job = consent_imports.start(consent_imports.keep(reading, found, by="command", at=now), at=now)
        assert job is not None
        self.take_in(job)

    def agreed(self) -> bool:
        """Ask whoever sits before it."""
        return input("Take it in? [y/N] ").strip().lower() == "y"

    def take_in(self, job: Job) -> None:
        """Go on to the end; a worker that runs beside it helps. Stopped, it goes on by itself with the next tick."""
        while job.state == Job.State.RUNNING:
            if not consent_imports.carry_on(at=timezone.now(), most=5000):
                time.sleep(1)  # a worker has it in hand
            job.refresh_from_db()
            self.stdout.write(f"{job.done} of {job.total} lines")
            self.stdout.flush()
        if job.state == Job.State.FAILED:
            raise CommandError(f"It stopped: {job.log.strip().splitlines()[-1]} Mend it and say “Go on” in admin.")
        self.stdout.write(f"Done: {job.done} line{'' if job.done == 1 else 's'}.")
