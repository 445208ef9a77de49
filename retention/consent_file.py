"""What staff upload when they leave another mail service: who had said yes, who no, what bounced, who complained.

Plain ``csv`` and not django-import-export: that asks the database once a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from retention import counts, csv_cells, csv_rows
from retention.conf import conf
from retention.csv_rows import NotReadable
from retention.hashing import normal
from retention.models.consent import Basis, Purpose

MOST_LINES = 250_000
"""So many are looked at within the time that a web server gives a page."""
CONSENT, UNSUBSCRIBE, BOUNCE, COMPLAINT, SUPPRESSION = "consent", "unsubscribe", "bounce", "complaint", "suppression"

HEADS: Mapping[str, tuple[str, ...]] = {
    "address": ("address", "email", "e-mail", "e-mail address", "email address", "mail"),
    "kind": ("kind", "type", "status"),
    "purpose": ("purpose",),
    "at": ("at", "date", "time", "timestamp"),
    "source": ("source",),
    "text": ("text",),
    "basis": ("basis",),
}
"""Column → what its head may say."""

KINDS: Mapping[str, str] = {
    "consent": CONSENT, "subscribed": CONSENT, "opt-in": CONSENT,
    "unsubscribe": UNSUBSCRIBE, "unsubscribed": UNSUBSCRIBE, "opt-out": UNSUBSCRIBE,
    "bounce": BOUNCE, "bounced": BOUNCE, "hard bounce": BOUNCE, "cleaned": BOUNCE,
    "complaint": COMPLAINT, "complained": COMPLAINT, "spam": COMPLAINT,
    "suppression": SUPPRESSION, "suppressed": SUPPRESSION,
}  # fmt: skip

PLAIN = re.compile(r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,20}")
"""Most addresses; others are asked of Django, which takes ten times as long."""


@dataclass(frozen=True, kw_only=True)
class Note:
    """What is wrong with one line. It does not repeat the line: that would be an address on a page."""

    line: int
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One thing that somebody had said, or that became of a mail to them."""

    address: str
    """Lower case."""
    kind: str
    purpose: str
    """Empty: of everything, which only a bounce, a complaint and a suppression can be."""
    at: datetime | None
    """None: nobody knows when; a yes always has it."""
    source: str
    text: str
    basis: str

    def pack(self) -> list[str]:
        """Return it as a list of texts."""
        at = self.at.isoformat() if self.at else ""
        return [self.address, self.kind, self.purpose, at, self.source, self.text, self.basis]

    @classmethod
    def unpack(cls, packed: list[str]) -> Line:
        """Return it from what ``pack`` gave."""
        address, kind, purpose, at, source, text, basis = packed
        when = datetime.fromisoformat(at) if at else None
        return cls(address=address, kind=kind, purpose=purpose, at=when, source=source, text=text, basis=basis)


@dataclass(kw_only=True)
class Reading:
    said: dict[str, list[Line]] = field(default_factory=dict)
    """By address, so that what outweighs what is seen at once."""
    lines: int = 0
    twice: int = 0
    notes: list[Note] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)

    @property
    def good(self) -> int:
        return sum(map(len, self.said.values()))


class _Wrong(Exception):
    """What is wrong with a line, in words."""


def read(content: bytes, *, at: datetime) -> Reading:
    """Read a file at the given time, which no line may lie behind. Raises NotReadable."""
    rows = csv_rows.read(content, strict=True)
    first = next(rows, None)
    if first is None:
        raise NotReadable(_("The file is empty."))
    columns = _columns(first[1])
    reading, seen = Reading(), set()
    for number, cells in rows:
        reading.lines += 1
        if reading.lines > MOST_LINES:
            raise NotReadable(
                _("The file has more than %(most)s lines: split it, and upload one part after the other.")
                % {"most": counts.show(MOST_LINES)}
            )
        try:
            line = _line({name: cells[i] if i < len(cells) else "" for name, i in columns.items()}, at=at)
        except _Wrong as wrong:
            reading.notes.append(Note(line=number, words=str(wrong)))
            continue
        if line in seen:
            reading.twice += 1
            continue
        seen.add(line)
        reading.said.setdefault(line.address, []).append(line)
        reading.kinds[line.kind] = reading.kinds.get(line.kind, 0) + 1
    return reading


def _columns(head: Iterable[str]) -> dict[str, int]:
    """Return column → its index. Raises NotReadable where who or what is missing."""
    names = [cell.lower() for cell in head]
    found = {}
    for column, words in HEADS.items():
        if index := [i for i, name in enumerate(names) if name in words]:
            found[column] = index[0]
    if "address" not in found or "kind" not in found:
        raise NotReadable(
            _(
                "The first line has to name the columns, with commas, semicolons or tabs between them: “address” and "
                "“kind”, and as far as you know it “purpose”, “at”, “source”, “text” and “basis”."
            )
        )
    return found


def _line(cells: Mapping[str, str], *, at: datetime) -> Line:
    get: Any = cells.get
    address = _address(get("address", ""))
    kind = KINDS.get(get("kind", "").lower().replace("_", " "))
    if kind is None:
        raise _Wrong(_("the kind is none of consent, unsubscribe, bounce, complaint, suppression"))
    purpose = get("purpose", "").lower()
    if purpose and purpose not in Purpose.values:
        raise _Wrong(_("the purpose is neither marketing nor survey"))
    if kind in (BOUNCE, COMPLAINT):
        purpose = ""
    elif kind in (CONSENT, UNSUBSCRIBE):
        purpose = purpose or Purpose.MARKETING.value
    when = _time(get("at", ""), now=at)
    if kind == CONSENT and when is None:
        raise _Wrong(_("a consent needs its time: without one it is no evidence"))
    return Line(
        address=address,
        kind=kind,
        purpose=purpose,
        at=when,
        source=get("source", "")[:100],
        text=get("text", "") if kind == CONSENT else "",
        basis=_basis(get("basis", "")) if kind == CONSENT else "",
    )


def _address(cell: str) -> str:
    if cell[:1] == "'" and cell[1:].startswith(csv_cells.STARTS_A_FORMULA):
        cell = cell[1:]  # an export of ours, or a spreadsheet, put it there
    address = normal(cell)
    if not PLAIN.fullmatch(address):
        try:
            validate_email(address)
        except ValidationError:
            raise _Wrong(_("this is no e-mail address")) from None
    if len(address) > 254:
        raise _Wrong(_("this is no e-mail address"))
    return address


def _time(cell: str, *, now: datetime) -> datetime | None:
    if not cell:
        return None
    try:
        when = datetime.fromisoformat(cell)
        if not when.tzinfo:
            when = when.replace(tzinfo=_zone(conf.TIME_ZONE or settings.TIME_ZONE))
        when = when.astimezone(UTC)
        later = when > now + timedelta(days=1)
    except (ValueError, OverflowError):
        raise _Wrong(_("the time is not written as 2026-03-10 or 2026-03-10T12:00")) from None
    if later:
        raise _Wrong(_("the time lies in the future"))
    return when


@lru_cache(maxsize=8)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _basis(cell: str) -> str:
    basis = re.sub(r"[\s-]+", "_", cell.lower())
    if not basis:
        return Basis.IMPORT.value
    if basis in ("single_opt_in", "optin"):
        basis = Basis.OPT_IN.value
    if basis not in Basis.values:
        raise _Wrong(_("the basis is none of opt_in, double_opt_in, soft_opt_in, import"))
    return basis
