import os
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from example.demo.seed.history.cast import PEOPLE
from example.demo.supervisor.refusal import Refusal
from example.demo.supervisor.stage import Stage

ROOT = Path(__file__).resolve().parents[4]
A_DAY_IN_TEN_SECONDS = 8640


class Command(BaseCommand):
    """Runs the example shop: web, worker, beat and broker, until Ctrl-C."""

    help = __doc__
    # The children look at the database; this process never does.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="of the web server, on 127.0.0.1 (8000)")
        parser.add_argument("--data", type=Path, default=ROOT / ".demo", help="folder for all files (.demo)")
        parser.add_argument(
            "--speed",
            type=float,
            default=A_DAY_IN_TEN_SECONDS,
            help="how many times faster than life waits pass (8640: a day in ten seconds)",
        )

        parser.add_argument(
            "--people", type=int, default=PEOPLE, help=f"customers in a new shop's year, at most 600 ({PEOPLE})"
        )

    def handle(self, *args: Any, port: int, data: Path, speed: float, people: int, **options: Any) -> None:
        """Run it; ends with exit code 1, or 2 on a platform that cannot."""
        try:
            if os.name != "posix":
                raise Refusal("The demo runs on Linux and macOS; on Windows, run it in WSL.", code=2)
            if speed <= 0:
                raise Refusal("The speed must be above 0; 1 is as slow as life.")
            home = data.resolve()
            os.chdir(ROOT)
            Stage(port=port, home=home, speed=speed, people=people, say=self._say).run()
        except Refusal as refusal:
            self.stderr.write(str(refusal))
            sys.exit(refusal.code)

    def _say(self, words: str) -> None:
        self.stdout.write(words)
        self.stdout.flush()
