"""What staff upload to say what goods cost the shop: product, currency and cost, a line each.

Plain ``csv`` and not django-import-export: for three columns it would bring tablib, a row object a line and a query
for each of them, and keep the file on the server between preview and confirmation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal

from babel.numbers import get_currency_precision, list_currencies
from django.utils.translation import gettext as _

from retention import counts, csv_rows
from retention.csv_rows import NotReadable
from retention.money import to_minor

MOST_LINES = 50_000
COLUMNS = {
    "product": ("product", "reference", "product reference"),
    "currency": ("currency",),
    "cost": ("cost", "cost price"),
}
AMOUNT = re.compile(r"[0-9]{1,12}(?:[.,][0-9]{1,6})?")
MOST = Decimal(1_000_000_000)

Key = tuple[str, str]
"""Product and currency."""


@dataclass(frozen=True, kw_only=True)
class Note:
    """What is wrong with one line."""

    line: int
    words: str


@dataclass(kw_only=True)
class Reading:
    costs: dict[Key, int] = field(default_factory=dict)
    """Minor units."""
    named: dict[Key, int] = field(default_factory=dict)
    """The line that says so first."""
    lines: int = 0
    notes: list[Note] = field(default_factory=list)


def read(content: bytes) -> Reading:
    """Read a file. Raises NotReadable."""
    rows = csv_rows.read(content)
    first = next(rows, None)
    if first is None:
        raise NotReadable(_("The file is empty."))
    columns, is_header = _columns(first[1])
    reading = Reading()
    if not is_header:
        _take(reading, *first, columns)
    for line, cells in rows:
        if reading.lines >= MOST_LINES:
            raise NotReadable(
                _("The file has more than %(most)s lines: split it, and upload one part after the other.")
                % {"most": counts.show(MOST_LINES)}
            )
        _take(reading, line, cells, columns)
    return reading


def _columns(first: list[str]) -> tuple[list[int], bool]:
    """Return where product, currency and cost stand, and whether the first line names them."""
    names = [cell.lower() for cell in first]
    found = [next((names.index(name) for name in known if name in names), None) for known in COLUMNS.values()]
    columns = [index for index in found if index is not None]
    if len(columns) == len(COLUMNS):
        return columns, True
    if not columns and len(first) == len(COLUMNS) and AMOUNT.fullmatch(first[-1].lstrip("-")):
        return [0, 1, 2], False
    raise NotReadable(_("Which columns? In the first line, call them “product”, “currency” and “cost”."))


def _take(reading: Reading, line: int, cells: list[str], columns: list[int]) -> None:
    reading.lines += 1
    product, currency, cost = (cells[index] if index < len(cells) else "" for index in columns)
    currency = currency.upper()
    wrong = _wrong(product, currency, cost)
    key = product, currency
    if not wrong and key in reading.named:
        wrong = _("line %(line)s says the cost of this product in %(currency)s already") % {
            "line": reading.named[key],
            "currency": currency,
        }
    if wrong:
        reading.notes.append(Note(line=line, words=wrong))
        return
    reading.named[key] = line
    reading.costs[key] = to_minor(_decimal(cost), currency)


def _wrong(product: str, currency: str, cost: str) -> str:
    if not product:
        return _("there is no product")
    if len(product) > 128 or "\0" in product:
        return _("this is no reference of a product")
    if currency not in list_currencies():
        return _("there is no currency “%(currency)s”") % {"currency": currency[:10]}
    if cost.startswith("-"):
        return _("a cost cannot be negative")
    if not AMOUNT.fullmatch(cost):
        return _("“%(cost)s” is no cost: write it like 12.50") % {"cost": cost[:20]}
    amount = _decimal(cost)
    if amount != round(amount, get_currency_precision(currency)):
        return _("%(cost)s has more digits after the point than %(currency)s has") % {
            "cost": cost[:20],
            "currency": currency,
        }
    return _("this is too much") if amount > MOST else ""


def _decimal(cost: str) -> Decimal:
    return Decimal(cost.replace(",", "."))
