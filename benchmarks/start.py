"""Set Django up on a database of its own, then run one benchmark: `python -m benchmarks.start placement`."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import django

from benchmarks import databases


def main(name: str) -> int:
    """Return 1 where something that can be counted is not as it should be, else 0."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "example.settings"
    os.environ["DATABASE_URL"] = databases.copy(os.environ["DATABASE_URL"], name)
    django.setup()
    wrong: list[str] = import_module(f"benchmarks.{name}.bench").main()
    for reason in wrong:
        print(f"FAILED: {reason}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
