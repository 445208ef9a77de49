"""A log of orders and refunds in CSV: what its columns are called, and what one line says.

Plain ``csv``, line by line, so that a log of millions needs no more memory than one of ten. No sentence repeats what
stands in a line: that could be an address on a screen.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from pathlib import Path
from typing import TextIO

from babel import Locale
from babel.numbers import is_currency
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from retention import csv_rows
from retention.csv_rows import NotReadable
from retention.hashing import normal
from retention.money import to_minor

ORDER, REFUND = "order", "refund"

HEADS: Mapping[str, tuple[str, ...]] = {
    "seq": ("seq", "sequence"),
    "at": ("ts", "at", "time", "timestamp", "date"),
    "kind": ("type", "kind"),
    "event": ("event_id", "event"),
    "order": ("order_id", "order"),
    "number": ("customer_id", "customer"),
    "email": ("email", "e-mail", "address"),
    "country": ("country",),
    "currency": ("currency",),
    "amount": ("amount", "total"),
    "items": ("items", "goods"),
    "shipping": ("shipping",),
    "tax": ("tax",),
}
"""Column → what its head may say."""

NEEDED = ("at", "kind", "order", "amount")
LONGEST = 128
"""Letters of an order's or an event's id."""
MOST = 10**15
"""Minor units of one amount: far beyond any shop."""


class Wrong(Exception):
    """What is wrong with a line, in words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One thing that happened. Amounts are minor units of ``currency``."""

    line: int
    """Where in the file it stands."""
    seq: int
    """What comes first of one instant: the file's own number, else the line."""
    at: datetime
    kind: str
    event: str
    order: str
    """Empty: a refund that names none."""
    number: str
    """The merchant's own of the customer; empty: a guest."""
    email: str
    country: str
    """ISO code; empty where it is none that we know."""
    currency: str
    guessed: bool
    """The line names no currency."""
    amount: int
    items: int
    shipping: int
    tax: int | None


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """Open a log, packed by gzip or not. Raises NotReadable where what was packed is damaged."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    try:
        if packed:
            with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
                yield file
        else:
            with path.open(encoding="utf-8", newline="") as file:
                yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise NotReadable(_("The packed file is damaged. Fetch it again.")) from error


def lines(file: TextIO, *, currency: str, now: datetime) -> Iterator[Line | tuple[int, str]]:
    """Yield what each line says, or its number and what is wrong with it. Raises NotReadable.

    ``currency``: of lines that name none. Times without a zone are UTC.
    """
    rows = csv_rows.stream(file)
    head = next(rows, None)
    if head is None:
        raise NotReadable(_("The file is empty."))
    columns = _columns(head[1])
    for number, cells in rows:
        try:
            yield _line(number, {name: cells[i] for name, i in columns.items() if i < len(cells)}, currency, now=now)
        except Wrong as wrong:
            yield number, str(wrong)


def _columns(head: Iterable[str]) -> dict[str, int]:
    names = [cell.lower() for cell in head]
    found = {}
    for column, words in HEADS.items():
        if index := [i for i, name in enumerate(names) if name in words]:
            found[column] = index[0]
    missing = [HEADS[column][0] for column in NEEDED if column not in found]
    if missing:
        raise NotReadable(
            _("The first line has to name the columns; missing: %(names)s. See docs/how-to/import-a-log.md.")
            % {"names": ", ".join(missing)}
        )
    return found


def _line(number: int, cells: Mapping[str, str], currency: str, *, now: datetime) -> Line:
    kind = cells.get("kind", "").lower()
    if kind not in (ORDER, REFUND):
        raise Wrong(_("the type is neither order nor refund"))
    order = cells.get("order", "")
    if kind == ORDER and not order:
        raise Wrong(_("an order needs its id"))
    event = cells.get("event", "") or (order if kind == ORDER else "")
    if not event:
        raise Wrong(_("a refund needs an event_id of its own, or it could be taken in twice"))
    if len(order) > LONGEST or len(event) > LONGEST:
        raise Wrong(_("an id is longer than %(most)s letters") % {"most": LONGEST})
    code = cells.get("currency", "").upper() or currency
    if not is_currency(code):
        raise Wrong(_("the currency is no ISO code, e.g. EUR"))
    amount = _amount(cells.get("amount", ""), code)
    shipping = _amount(cells.get("shipping") or "0", code)
    given = cells.get("items")
    seq = cells.get("seq", "")
    return Line(
        line=number,
        seq=int(seq) if seq.isascii() and seq.isdecimal() and len(seq) < 18 else number,
        at=_time(cells.get("at", ""), now=now),
        kind=kind,
        event=event,
        order=order,
        number=_short(cells.get("number", "")),
        email=_address(cells.get("email", "")),
        country=_country(cells.get("country", "")),
        currency=code,
        guessed=not cells.get("currency"),
        amount=amount,
        items=_amount(given, code) if given else max(amount - shipping, 0),
        shipping=shipping,
        tax=_amount(cells["tax"], code) if cells.get("tax") else None,
    )


def _amount(cell: str, currency: str) -> int:
    try:
        amount = Decimal(cell)
    except InvalidOperation:
        raise Wrong(_("an amount is not written as 1234.50")) from None
    if not amount.is_finite():
        raise Wrong(_("an amount is not written as 1234.50"))
    if amount < 0:
        raise Wrong(_("an amount is below zero: what goes back is a line of type refund, without a minus"))
    if amount >= MOST or (minor := to_minor(amount, currency)) > MOST:
        raise Wrong(_("an amount is larger than any shop's"))
    return minor


def _time(cell: str, *, now: datetime) -> datetime:
    try:
        when = datetime.fromisoformat(cell)
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
        later = when > now + timedelta(days=1)
    except (ValueError, OverflowError):
        raise Wrong(_("the time is not written as 2026-03-10 12:00:00")) from None
    if later:
        raise Wrong(_("the time lies in the future"))
    return when


def _address(cell: str) -> str:
    if not cell:
        return ""
    try:
        validate_email(normal(cell))
    except ValidationError:
        raise Wrong(_("this is no e-mail address")) from None
    if len(cell) > 254:
        raise Wrong(_("this is no e-mail address"))
    return cell


def _short(number: str) -> str:
    if len(number) > 100:
        raise Wrong(_("the customer's number is longer than 100 letters"))
    return number


@lru_cache(maxsize=1000)
def _country(cell: str) -> str:
    """Return the ISO code of a country that is given by it or by its English name."""
    if len(cell) == 2 and cell.isalpha():
        return cell.upper()
    return _names().get(cell.casefold(), "")


@cache
def _names() -> Mapping[str, str]:
    territories = Locale("en").territories
    return {str(name).casefold(): code for code, name in territories.items() if len(code) == 2} | {
        "usa": "US", "uk": "GB", "eire": "IE",
    }  # fmt: skip
