from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from retention.services import doctor


class Command(BaseCommand):
    help = "Look at what system checks cannot see: broker, beat, links, mails in every language."

    def handle(self, *args: Any, **options: Any) -> None:
        findings = doctor.examine(at=timezone.now())
        for finding in findings:
            style = self.style.SUCCESS if finding.well else self.style.ERROR
            self.stdout.write(style(f"{'well' if finding.well else 'ILL '}  {finding.what}"))
            if not finding.well:
                self.stdout.write(f"      {finding.cure}")
        ill = sum(not finding.well for finding in findings)
        if ill:
            raise CommandError(f"{ill} of {len(findings)} things need a hand.")
