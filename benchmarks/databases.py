"""Databases for benchmarks: one is migrated, the others are copies of it."""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

import psycopg

MIGRATED = "migrated"


def named(url: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def migrate(url: str) -> None:
    """Make the database that the others are copies of."""
    with psycopg.connect(named(url, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {MIGRATED}")
        # what is measured later does wait for the disk
        connection.execute(f"ALTER DATABASE {MIGRATED} SET synchronous_commit = off")
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity=0"],
        env={**os.environ, "DATABASE_URL": named(url, MIGRATED)},
        check=True,
    )


def copy(url: str, name: str, *, of: str = MIGRATED) -> str:
    """Make a database that is a copy of another. Returns its URL."""
    with psycopg.connect(named(url, "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {of}")
    return named(url, name)
