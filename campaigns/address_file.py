"""What staff upload to fill a list: addresses or our customer numbers, a line each.

Plain ``csv`` and not django-import-export: that asks the database once a line, and keeps the file with its addresses
on the server between preview and confirmation.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from retention import counts, csv_rows
from retention.csv_rows import NotReadable
from retention.hashing import normal

MOST_LINES = 200_000
NUMBERS = ("customer",)
ADDRESSES = ("email", "e-mail", "address", "e-mail address", "email address", "mail")


@dataclass(frozen=True, kw_only=True)
class Note:
    """What is wrong with one line. It does not repeat the line: that would be an address on a page."""

    line: int
    words: str


@dataclass(kw_only=True)
class Reading:
    numbers: bool
    """Whether they are customers' numbers, not addresses."""
    wanted: dict[str, int] = field(default_factory=dict)
    """Address or number → the line that names it first."""
    lines: int = 0
    twice: int = 0
    notes: list[Note] = field(default_factory=list)


def read(content: bytes) -> Reading:
    """Read a file. Raises NotReadable."""
    rows = csv_rows.read(content)
    first = next(rows, None)
    if first is None:
        raise NotReadable(_("The file is empty."))
    column, numbers, is_header = _column(first[1])
    reading = Reading(numbers=numbers)
    if not is_header:
        _take(reading, *first, column)
    for line, cells in rows:
        if reading.lines >= MOST_LINES:
            raise NotReadable(
                _("The file has more than %(most)s lines: split it, and upload one part after the other.")
                % {"most": counts.show(MOST_LINES)}
            )
        _take(reading, line, cells, column)
    return reading


def _column(first: list[str]) -> tuple[int, bool, bool]:
    """Return which column counts, whether it holds numbers, and whether the first line is a header."""
    names = [cell.lower() for cell in first]
    for wanted, numbers in ((NUMBERS, True), (ADDRESSES, False)):
        for index, name in enumerate(names):
            if name in wanted:
                return index, numbers, True
    with_address = [index for index, cell in enumerate(first) if "@" in cell]
    if with_address or len(first) == 1:
        return (with_address or [0])[0], False, False
    raise NotReadable(
        _("Which column? In the first line, call the one with addresses “email” or the one with numbers “customer”.")
    )


def _take(reading: Reading, line: int, cells: list[str], column: int) -> None:
    cell = cells[column] if column < len(cells) else ""
    if not cell:
        return
    reading.lines += 1
    value = _number(cell) if reading.numbers else _address(cell)
    if not value:
        words = _("this is no customer’s number") if reading.numbers else _("this is no e-mail address")
        reading.notes.append(Note(line=line, words=words))
    elif value in reading.wanted:
        reading.twice += 1
    else:
        reading.wanted[value] = line


def _number(cell: str) -> str:
    return str(int(cell)) if cell.isdecimal() and len(cell) <= 18 else ""


def _address(cell: str) -> str:
    local, _at, domain = cell.partition("@")
    plain = bool(local and domain) and "@" not in domain and len(cell) <= 254 and not any(map(str.isspace, cell))
    return normal(cell) if plain else ""
