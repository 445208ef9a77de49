"""Run the benchmarks that are named, or all, each in a process of its own on servers of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from benchmarks import databases, machine
from tests.servers import Servers

ALL = ("placement", "history", "issuing", "redeeming", "spending", "mail", "tiers", "expiring", "wallet")


def main(names: list[str]) -> int:
    """Return how many of them failed."""
    if unknown := set(names) - set(ALL):
        print(f"There is no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(ALL)}.", file=sys.stderr)
        return 1
    servers = Servers("durable-postgres", "valkey")
    failed = 0
    try:
        # the shop's settings are the example's, whatever the shell says
        for name in ("EMAIL_URL", "DEBUG", "SECRET_KEY", "BASE_URL", "DEMO_SPEED", "CELERY_BROKER_URL"):
            os.environ.pop(name, None)
        os.environ["DEMO_DATA"] = servers.folder
        os.environ["DATABASE_URL"] = url = servers.urls["durable-postgres"]
        os.environ["REDIS_URL"] = servers.urls["valkey"]
        databases.migrate(url)
        print(machine.describe(databases.named(url, databases.MIGRATED)))
        for name in names or ALL:
            started = time.monotonic()
            code = subprocess.run([sys.executable, "-m", "benchmarks.start", name], check=False).returncode
            print(f"\n{name}: {'done' if code == 0 else 'FAILED'} in {time.monotonic() - started:.0f} s")
            failed += code != 0
    finally:
        servers.stop()
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
