"""Whose the orders of a log are: the merchant's own number makes an import's row, an address a guest's."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from retention.hashing import normal
from retention.log_file import Line
from retention.models import Customer
from retention.services import suppression


def by_number(lines: Iterable[Line], *, source: str, at: datetime) -> dict[str, int]:
    """Find or make the rows of the numbers that these lines name. Returns number → customer id, set-wise.

    An address that stands beside a number is written down and proves nothing: who only says in the shop that it is
    theirs gets none of these orders before they have shown that the mailbox is.
    """
    lines = [line for line in lines if line.number]
    if not lines:
        return {}
    wanted = {line.number: line for line in reversed(lines)}
    emails = {line.number: line.email for line in reversed(lines) if line.email}
    gone = suppression.erased({normal(email) for email in emails.values()})
    emails = {number: email for number, email in emails.items() if normal(email) not in gone}
    mine = Customer.objects.filter(kind=Customer.Kind.IMPORT, source=source)
    known = {row.number: row for row in mine.filter(number__in=wanted)}
    Customer.objects.bulk_create(
        [
            Customer(
                kind=Customer.Kind.IMPORT,
                source=source,
                number=number,
                email=emails.get(number, ""),
                address=normal(emails.get(number, "")),
                country=line.country,
                created_at=min(at, line.at),
            )
            for number, line in sorted(wanted.items())
            if number not in known
        ],
        ignore_conflicts=True,
    )
    news = [row for number, row in known.items() if not row.email and number in emails and row.absorbed_into_id is None]
    for row in news:
        row.email, row.address = emails[row.number], normal(emails[row.number])
    if news:
        Customer.objects.bulk_update(news, ["email", "address", "address_hash"])
    rows = mine.filter(number__in=wanted).values_list("number", "absorbed_into", "pk")
    return {number: member or pk for number, member, pk in rows}
