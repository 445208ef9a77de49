from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from retention import registry
from retention.shop import get_shop


class Command(BaseCommand):
    help = "Take our offers and coupons out of the shop, so that nothing of it breaks when the apps are removed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="do it without asking")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["yes"] and input("Take our offers and coupons out of the shop? [y/N] ").strip().lower() != "y":
            self.stdout.write("Nothing was done.")
            return
        lines = [*get_shop().uninstall().lines, *(line for take_out in registry.uninstalls for line in take_out())]
        for line in lines or ["There was nothing of ours in the shop."]:
            self.stdout.write(line)
        self.stdout.write(
            "Now remove the apps and the middleware from the settings. Our tables stay until you drop them: "
            "`manage.py migrate retention_loyalty zero`, then retention_campaigns, the adapter's and retention."
        )
