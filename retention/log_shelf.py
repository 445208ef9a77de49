"""The lines of a log put in order of time, in a file of their own that is gone when it is closed.

A log is as long as it likes and in any order; what happened is played in the order in which it happened.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention.log_file import ORDER, REFUND, Line

NOTES = 100
"""Sentences about single lines that are kept; the others are counted."""
PAGE = 500

TABLE = """
CREATE TABLE line (
    line INTEGER PRIMARY KEY, seq INTEGER, at INTEGER, kind TEXT, event TEXT, "order" TEXT, number TEXT, email TEXT,
    country TEXT, currency TEXT, amount INTEGER, items INTEGER, shipping INTEGER, tax INTEGER, good INTEGER,
    turn_at INTEGER, turn_seq INTEGER, turn_kind INTEGER
);
CREATE INDEX by_event ON line (event);
CREATE INDEX by_order ON line ("order", kind);
"""
BY_TURN = "CREATE INDEX by_turn ON line (turn_at, turn_seq, turn_kind, line) WHERE good"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def microseconds(at: datetime) -> int:
    """Return an instant as the shelf keeps it: microseconds since 1970, UTC."""
    return (at - EPOCH) // MICROSECOND


Place = tuple[int, int, int, int]
"""Which turn a line has: its instant, what comes first then, an order before its refund, its line in the file."""
START: Place = (-(2**63), 0, 0, 0)


@dataclass(kw_only=True)
class Found:
    """What a log says, in numbers and sentences. Amounts in minor units, by currency."""

    lines: int = 0
    orders: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Currency → how many, and their sum."""
    refunds: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Of these orders."""
    loose: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Refunds that name no order: counted, and nobody's."""
    guests: int = 0
    """Orders without a customer."""
    people: int = 0
    """Numbers and addresses that have an order."""
    aside: int = 0
    """Refunds that were not asked for."""
    twice: int = 0
    wrong: int = 0
    """Lines that are left out."""
    notes: list[tuple[int, str]] = field(default_factory=list)
    """Line and what is wrong with it, the first of them."""
    doubts: list[str] = field(default_factory=list)
    """What is taken in as it is and still should be looked at."""
    guessed: str = ""
    """Currency of lines that name none, where there are any."""
    since: datetime | None = None
    until: datetime | None = None

    def leave_out(self, line: int, words: str) -> None:
        """Count a line that is left out."""
        self.wrong += 1
        if len(self.notes) < NOTES:
            self.notes.append((line, words))


class Shelf:
    """Where the lines stand while they are looked at and taken in."""

    def __init__(self) -> None:
        self.database = sqlite3.connect("")  # a file without a name; small ones never leave the memory
        self.database.executescript(TABLE)

    def close(self) -> None:
        self.database.close()

    def fill(self, lines: Iterable[Line | tuple[int, str]], *, orders_only: bool = False) -> Found:
        """Put lines on it. Returns what was wrong with those that are no lines."""
        found, rest = Found(), iter(lines)
        while some := list(islice(rest, 5000)):
            found.lines += len(some)
            good = [line for line in some if isinstance(line, Line)]
            found.guessed = found.guessed or next((line.currency for line in good if line.guessed), "")
            for line in some:
                if not isinstance(line, Line):
                    found.leave_out(*line)
            if orders_only:
                found.aside += sum(line.kind == REFUND for line in good)
                good = [line for line in good if line.kind == ORDER]
            self.database.executemany(
                f"INSERT INTO line VALUES ({', '.join(['?'] * 14)}, 1, ?, ?, ?)",
                [
                    (
                        line.line, line.seq, at := microseconds(line.at), line.kind, line.event, line.order,
                        line.number, line.email, line.country, line.currency, line.amount, line.items, line.shipping,
                        line.tax, at, line.seq, int(line.kind == REFUND),
                    )
                    for line in good
                ],
            )  # fmt: skip
        return found

    def leave_out(self, found: Found, lines: Iterable[tuple[int, str]]) -> None:
        """Take lines, each with what is wrong with it, out of what is played."""
        for line, words in lines:
            self.database.execute("UPDATE line SET good = 0 WHERE line = ?", [line])
            found.leave_out(line, words)

    def compare(self, found: Found) -> None:
        """Find what the lines of the log say against each other."""
        double = """
            SELECT l.line, f.line, l.at = f.at AND l.kind = f.kind AND l."order" = f."order" AND l.number = f.number
                AND l.email = f.email AND l.currency = f.currency AND l.amount = f.amount AND l.items = f.items
                AND l.shipping = f.shipping AND l.tax IS f.tax
            FROM line l JOIN (SELECT event, MIN(line) AS first FROM line GROUP BY event HAVING COUNT(*) > 1) d
                ON d.event = l.event
            JOIN line f ON f.line = d.first WHERE l.line > d.first ORDER BY l.line
        """
        rows = self.database.execute(double).fetchall()
        found.twice += sum(same for _line, _first, same in rows)
        self.database.executemany("UPDATE line SET good = 0 WHERE line = ?", [[row[0]] for row in rows if row[2]])
        words = _("its event_id stands in line %(first)s already, with other content; that one counts")
        self.leave_out(found, [(line, words % {"first": first}) for line, first, same in rows if not same])
        again = """
            SELECT l.line, d.first FROM line l JOIN (
                SELECT "order", MIN(line) AS first FROM line WHERE good AND kind = 'order'
                GROUP BY "order" HAVING COUNT(*) > 1
            ) d ON d."order" = l."order" WHERE l.good AND l.kind = 'order' AND l.line > d.first ORDER BY l.line
        """
        words = _("its order stands in line %(first)s already, as another event; that one counts")
        self.leave_out(
            found, [(line, words % {"first": first}) for line, first in self.database.execute(again).fetchall()]
        )
        other = """
            SELECT r.line, o.currency FROM line r JOIN line o ON o."order" = r."order" AND o.kind = 'order' AND o.good
            WHERE r.good AND r.kind = 'refund' AND r.currency <> o.currency ORDER BY r.line
        """
        words = _("its order is in %(currency)s: a refund is in the currency of its order")
        self.leave_out(
            found,
            [(line, words % {"currency": currency}) for line, currency in self.database.execute(other).fetchall()],
        )

    def orders(self) -> Iterator[dict[str, tuple[int, int, str, int]]]:
        """Yield the orders of the log, page by page: id → line, amount, currency, microseconds."""
        yield from (
            {order: (line, amount, currency, at) for order, line, amount, currency, at in page}
            for page in self._pages("""
                SELECT "order", line, amount, currency, at FROM line
                WHERE good AND kind = 'order' AND "order" > ? ORDER BY "order" LIMIT ?
            """)
        )

    def strangers(self) -> Iterator[list[str]]:
        """Yield ids that refunds name and no order of the log has, page by page."""
        yield from (
            [order for (order,) in page]
            for page in self._pages("""
                SELECT DISTINCT r."order" FROM line r LEFT JOIN line o
                    ON o."order" = r."order" AND o.kind = 'order' AND o.good
                WHERE r.good AND r.kind = 'refund' AND r."order" > ? AND o.line IS NULL ORDER BY r."order" LIMIT ?
            """)
        )

    def refunds_of(self, order: str) -> list[tuple[int, str, int, str]]:
        """Return line, event, amount and currency of the refunds of an order."""
        rows = """SELECT line, event, amount, currency FROM line WHERE good AND kind = 'refund' AND "order" = ?"""
        return self.database.execute(rows, [order]).fetchall()

    def refund_events(self) -> Iterator[dict[tuple[str, str], tuple[int, int]]]:
        """Yield the refunds of the log, page by page: id and order → line and amount."""
        yield from (
            {(event, order): (line, amount) for event, order, line, amount in page}
            for page in self._pages("""
                SELECT event, "order", line, amount FROM line
                WHERE good AND kind = 'refund' AND "order" <> '' AND event > ? ORDER BY event LIMIT ?
            """)
        )

    def _pages(self, sql: str) -> Iterator[list[tuple]]:
        last = ""
        while page := self.database.execute(sql, [last, PAGE]).fetchall():
            last = page[-1][0]
            yield page

    def count(self, found: Found) -> None:
        """Write down what is left and will be played, and what of it is odd."""
        # a refund that is dated before its order has its turn right behind it
        self.database.execute("""
            UPDATE line SET turn_at = o.at, turn_seq = o.seq FROM line o WHERE o."order" = line."order" AND o.good
            AND o.kind = 'order' AND line.kind = 'refund' AND (line.at, line.seq) < (o.at, o.seq)
        """)
        self.database.execute(BY_TURN)
        sums = """
            SELECT kind, "order" = '', currency, COUNT(*), SUM(amount) FROM line WHERE good GROUP BY 1, 2, 3
        """
        for kind, loose, currency, many, amount in self.database.execute(sums):
            into = found.orders if kind == ORDER else found.loose if loose else found.refunds
            into[currency] = (many, amount)
        first, last = self._one("SELECT MIN(at), MAX(at) FROM line WHERE good")
        if first is not None:
            found.since, found.until = EPOCH + first * MICROSECOND, EPOCH + last * MICROSECOND
        (found.guests,) = self._one("SELECT COUNT(*) FROM line WHERE good AND kind='order' AND number='' AND email=''")
        (found.people,) = self._one("""
            SELECT COUNT(DISTINCT CASE WHEN number = '' THEN lower(email) ELSE 'n' || number END) FROM line
            WHERE good AND kind = 'order' AND (number <> '' OR email <> '')
        """)
        found.doubts += self._doubts()

    def _doubts(self) -> Iterator[str]:
        more, early = (
            """SELECT COUNT(*), MIN(r."order") FROM (
                SELECT "order", SUM(amount) AS back FROM line WHERE good AND kind = 'refund' GROUP BY "order"
            ) r JOIN line o ON o."order" = r."order" AND o.kind = 'order' AND o.good WHERE r.back > o.amount""",
            """SELECT COUNT(*), MIN(r."order") FROM line r JOIN line o
            ON o."order" = r."order" AND o.kind = 'order' AND o.good
            WHERE r.good AND r.kind = 'refund' AND (r.at, r.seq) < (o.at, o.seq)""",
        )
        many, order = self._one(more)
        if many:
            yield ngettext(
                "%(n)s order (e.g. %(order)s) has more refunded than was paid: it counts as refunded in full.",
                "%(n)s orders (e.g. %(order)s) have more refunded than was paid: they count as refunded in full.",
                many,
            ) % {"n": many, "order": order}
        many, order = self._one(early)
        if many:
            yield ngettext(
                "%(n)s refund (e.g. of order %(order)s) is dated before its order: it counts from the order on.",
                "%(n)s refunds (e.g. of order %(order)s) are dated before their order: they count from the order on.",
                many,
            ) % {"n": many, "order": order}

    def _one(self, sql: str) -> tuple:
        row: tuple = self.database.execute(sql).fetchone()
        return row

    def total(self) -> int:
        """Return how many lines will be played."""
        (many,) = self._one("""SELECT COUNT(*) FROM line WHERE good AND "order" <> ''""")
        return int(many)

    def after(self, place: Place, limit: int) -> list[tuple[Place, Line]]:
        """Return the lines whose turn is next, those that name no order left out."""
        rows = self.database.execute(
            """
            SELECT * FROM line WHERE good AND "order" <> '' AND (turn_at, turn_seq, turn_kind, line) > (?, ?, ?, ?)
            ORDER BY turn_at, turn_seq, turn_kind, line LIMIT ?
            """,
            [*place, limit],
        )
        return [((*row[15:18], row[0]), _line(row)) for row in rows]


def _line(row: tuple) -> Line:
    line, seq, at, *rest = row[:14]
    kind, event, order, number, email, country, currency, amount, items, shipping, tax = rest
    return Line(
        line=line, seq=seq, at=EPOCH + at * MICROSECOND, kind=kind, event=event, order=order, number=number,
        email=email, country=country, currency=currency, guessed=False, amount=amount, items=items,
        shipping=shipping, tax=tax,
    )  # fmt: skip


@contextmanager
def shelf() -> Iterator[Shelf]:
    """Open a shelf, gone afterwards."""
    with closing(Shelf()) as made:
        yield made
