"""What SQLite knows of our tables: enough to see whether two databases were made alike."""

import re
from collections.abc import Callable, Iterable
from typing import Any

Ask = Callable[[str], Iterable[Any]]
OURS = "retention%"


def described(ask: Ask) -> dict[str, dict[str, set[Any]]]:
    """Return columns, indexes and named constraints of each table of ours; ``ask`` runs a query."""
    tables = ask(f"SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name LIKE '{OURS}'")
    return {
        name: {
            "columns": {tuple(row)[1:] for row in ask(f'PRAGMA table_xinfo("{name}")')},
            "indexes": {_index(ask, *tuple(row)[1:]) for row in ask(f'PRAGMA index_list("{name}")')},
            "constraints": set(re.findall(r'CONSTRAINT "(\w+)"', sql)),
            "references": {tuple(row)[2:] for row in ask(f'PRAGMA foreign_key_list("{name}")')},
        }
        for name, sql in list(tables)
    }


def _index(ask: Ask, name: str, unique: int, origin: str, partial: int) -> tuple[Any, ...]:
    """An index with its columns; SQLite numbers those that belong to a UNIQUE, so their names say nothing."""
    columns = tuple(row[2] for row in ask(f'PRAGMA index_info("{name}")'))
    return (name if origin == "c" else origin, unique, partial, columns)
