"""Take in the shop's past once, as the command does, and print what it took as JSON."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from io import StringIO
from typing import Any

import django
from django.core.management import call_command
from django.db import connection


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example.settings")
    django.setup()
    queries = 0

    def counting(execute: Callable[..., Any], *query: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*query)

    connection.ensure_connection()
    started = time.perf_counter()
    with connection.execute_wrapper(counting):
        call_command("retention_import", "--from-shop", stdout=StringIO())
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    json.dump({"seconds": seconds, "queries": queries, "megabytes": peak}, sys.stdout)


if __name__ == "__main__":
    main()
