"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psycopg

PACKAGES = ("django", "django-oscar", "celery", "kombu", "redis", "psycopg")


def describe(database: str) -> str:
    """Return the processor's model and the versions; ``database`` is a PostgreSQL URL."""
    with psycopg.connect(database) as connection:
        server = connection.info.server_version
        [fsync] = connection.execute("SHOW fsync").fetchone() or ("?",)
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{_processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {platform.system()}\n"
        f"Python {platform.python_version()}, {packages}\n"
        f"PostgreSQL {server // 10000}.{server % 10000}, fsync {fsync}"
    )


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    names = [line for line in known.read_text().splitlines() if line.startswith("model name")] if known.exists() else []
    return names[0].partition(":")[2].strip() if names else platform.processor() or platform.machine()
