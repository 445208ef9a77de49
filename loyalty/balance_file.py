"""What people had in an earlier programme, in CSV: who, how many points, and until when they are good."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from campaigns.validity import begin_of
from retention import counts, csv_rows
from retention.csv_rows import NotReadable
from retention.hashing import normal, person_hash

MOST_LINES = 250_000
"""So many are looked at within the time that a web server gives a page."""
MOST_POINTS = 10**9
"""Of one person: more is a slip, or an amount in cents."""

HEADS: Mapping[str, tuple[str, ...]] = {
    "address": ("email", "address", "e-mail", "mail", "e-mail address", "email address"),
    "number": ("customer_id", "customer", "number", "customer number"),
    "points": ("points", "balance"),
    "ends": ("expires", "expires_at", "expiry", "end", "ends", "until"),
}
"""Column → what its head may say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """What one person had."""

    line: int
    address: str
    """In lower case; empty where the file gives a number alone."""
    number: str
    points: int
    expires_at: datetime | None
    """None: as points end that are given today."""

    @property
    def person(self) -> str:
        """Hash of the number, or of the address where there is none."""
        return person_hash(f"number:{self.number}" if self.number else f"address:{self.address}")


@dataclass(kw_only=True)
class Reading:
    """What a file says."""

    good: dict[str, Line] = field(default_factory=dict)
    """By person."""
    lines: int = 0
    twice: int = 0
    notes: list[tuple[int, str]] = field(default_factory=list)
    """Line and why it is left out; it does not repeat the line, that would be an address on a page."""


class _Wrong(Exception):
    """What is wrong with a line, in words."""


def read(content: bytes, *, at: datetime) -> Reading:
    """Read a file at the given time, at which no points have ended. Raises NotReadable."""
    rows = csv_rows.read(content, strict=True)
    first = next(rows, None)
    if first is None:
        raise NotReadable(_("The file is empty."))
    columns, reading = _columns(first[1]), Reading()
    doubtful: dict[str, int] = {}
    for number, cells in rows:
        reading.lines += 1
        if reading.lines > MOST_LINES:
            raise NotReadable(
                _("The file has more than %(most)s lines: split it, and upload one part after the other.")
                % {"most": counts.show(MOST_LINES)}
            )
        try:
            line = _line(number, {name: cells[i] for name, i in columns.items() if i < len(cells)}, at=at)
        except _Wrong as wrong:
            reading.notes.append((number, str(wrong)))
            continue
        _put(reading, line, doubtful)
    return reading


def _put(reading: Reading, line: Line, doubtful: dict[str, int]) -> None:
    """Add a line. Of two that say different things of one person nobody knows which is right: neither counts."""
    before = reading.good.get(line.person)
    words = _("line %(first)s says something else of the same person; neither of them is taken")
    if line.person in doubtful:
        reading.notes.append((line.line, words % {"first": doubtful[line.person]}))
    elif before is None:
        reading.good[line.person] = line
    elif (before.points, before.expires_at) == (line.points, line.expires_at):
        reading.twice += 1
    else:
        del reading.good[line.person]
        doubtful[line.person] = before.line
        reading.notes.append((before.line, words % {"first": line.line}))
        reading.notes.append((line.line, words % {"first": before.line}))


def _columns(head: Iterable[str]) -> dict[str, int]:
    names = [cell.lower() for cell in head]
    found = {}
    for column, words in HEADS.items():
        if index := [i for i, name in enumerate(names) if name in words]:
            found[column] = index[0]
    if "points" not in found or not {"address", "number"} & found.keys():
        raise NotReadable(
            _(
                "The first line has to name the columns, with commas, semicolons or tabs between them: “points”, "
                "“email” or “customer_id” or both, and as far as you know it “expires”."
            )
        )
    return found


def _line(number: int, cells: Mapping[str, str], *, at: datetime) -> Line:
    address, whose = normal(cells.get("address", "")), cells.get("number", "")
    if not address and not whose:
        raise _Wrong(_("it says of nobody whose points they are"))
    if address:
        try:
            validate_email(address)
        except ValidationError:
            raise _Wrong(_("this is no e-mail address")) from None
    if len(address) > 254 or len(whose) > 100:
        raise _Wrong(_("the address or number is too long"))
    return Line(
        line=number,
        address=address,
        number=whose,
        points=_points(cells.get("points", "")),
        expires_at=_end(cells.get("ends", ""), at=at),
    )


def _points(cell: str) -> int:
    digits = cell.removeprefix("-").removeprefix("+")
    if not digits.isascii() or not digits.isdecimal():
        raise _Wrong(_("the points are no whole number: write 1250"))
    if cell.startswith("-"):
        raise _Wrong(_("the points are below zero: take them by a correction, with a reason"))
    if len(digits) > 18 or int(digits) > MOST_POINTS:
        raise _Wrong(
            _("more than %(most)s points are a slip, or an amount in cents") % {"most": counts.show(MOST_POINTS)}
        )
    if not int(digits):
        raise _Wrong(_("it has no points"))
    return int(digits)


def _end(cell: str, *, at: datetime) -> datetime | None:
    """Return the instant at which points are no more: a day is good to its end, in the shop's zone."""
    if not cell:
        return None
    try:
        if len(cell) == 10:
            end = begin_of(date.fromisoformat(cell) + timedelta(days=1))
        else:
            end = datetime.fromisoformat(cell)
            end = end if end.tzinfo else end.replace(tzinfo=UTC)
        end = end.astimezone(UTC)
        ended = end <= at
    except (ValueError, OverflowError):
        raise _Wrong(_("the end is not written as 2026-03-10")) from None
    if ended:
        raise _Wrong(_("its points have ended already"))
    return end
