"""CSV that a spreadsheet opens as text and never as a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Any

STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def guard(cell: Any) -> Any:
    """Return what to write into a cell: a text that a spreadsheet would compute gets an apostrophe before it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(STARTS_A_FORMULA) else cell


class _Line:
    """A file that hands back what is written into it."""

    def write(self, line: str) -> str:
        return line


def lines(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Yield a CSV file line by line, every cell guarded; a mark at its start tells spreadsheets that it is UTF-8."""
    writer = csv.writer(_Line())
    yield "\ufeff"
    yield writer.writerow([guard(str(column)) for column in columns])
    for row in rows:
        yield writer.writerow([guard(cell) for cell in row])
