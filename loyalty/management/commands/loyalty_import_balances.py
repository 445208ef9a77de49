"""Points of an earlier programme from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from loyalty import balance_file, balance_words
from loyalty.models import BalanceLine
from loyalty.services import balances
from retention.csv_rows import NotReadable
from retention.models import Job

NOTES = 20


class Command(BaseCommand):
    help = (
        "Give people the points that they had in an earlier programme, from a CSV file with the columns points, email "
        "or customer_id, and expires. Each person once, however often the file is given."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--preview", action="store_true", help="only say what it would do")
        parser.add_argument("--source", default="earlier programme", help="name of the programme the points come from")
        parser.add_argument(
            "--trust-accounts", action="store_true", help="give to accounts whose mailbox is not proven, too"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path, source, now = options["file"], options["source"].strip(), timezone.now()
        if not 0 < len(source) <= 40:
            raise CommandError("--source has 1 to 40 letters.")
        how = {"source": source, "trusts_accounts": options["trust_accounts"]}
        try:
            reading = balance_file.read(path.read_bytes(), at=now)
        except OSError as error:
            raise CommandError(f"{path} cannot be opened: {error.strerror}.") from error
        except NotReadable as error:
            raise CommandError(str(error)) from error
        found = balances.look(reading, **how)
        for words in balance_words.of(found, trusts_accounts=options["trust_accounts"]):
            self.stdout.write(words)
        for line, words in reading.notes[:NOTES]:
            self.stdout.write(f"Line {line}: {words}.")
        if options["preview"]:
            return
        if not reading.good:
            raise CommandError("The file has no line that could be taken in.")
        job = balances.start(balances.keep(reading, found, by="command", at=now, **how), at=now)
        assert job is not None
        while job.state == Job.State.RUNNING:
            balances.carry_on(at=timezone.now())
            job.refresh_from_db()
        lines = BalanceLine.objects.filter(whole=job.balance_import)
        given = lines.filter(state=BalanceLine.State.CREDITED).count()
        waiting = lines.filter(state=BalanceLine.State.WAITING).count()
        self.stdout.write(f"Done: {given} given, {waiting} waiting, {job.done - given - waiting} left out.")
