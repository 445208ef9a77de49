from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from retention.services import flow


class Command(BaseCommand):
    help = "Print fact → subscriber → what it does, and the ticks, as Markdown."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(flow.describe(), ending="")
