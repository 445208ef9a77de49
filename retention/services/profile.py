"""What a shopper says of themselves: first name, language, birthday, and whether they want mail of a purpose."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from retention.models import Consent, ConsentEvidence, Customer, Suppression
from retention.models.consent import Basis, Purpose
from retention.services import consent, suppression


class Erased(Exception):
    """The person asked to be forgotten; nothing is written down about them again."""


class NoSuchDay(ValueError):
    """No month has this day."""


LEAP_YEAR = 2000


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What stood in front of the shopper while they chose, kept as evidence."""

    text: str
    version: str = ""
    source: str = ""
    origin: str = ""
    """Hash of the network address."""


def change(customer: Customer, *, values: Mapping[str, str]) -> Customer:
    """Write down ``first_name`` or ``language`` or both; return the row as it is then. Raises Erased."""
    if values and not Customer.objects.filter(pk=customer.pk, erased_at=None).update(**values):
        raise Erased
    customer.refresh_from_db()
    return customer


def give_birthday(customer: Customer, *, month: int, day: int, at: datetime) -> None:
    """Write down a birthday, without the year; the 29th of February is one. Raises NoSuchDay, Erased."""
    if not (1 <= month <= 12 and 1 <= day <= monthrange(LEAP_YEAR, month)[1]):
        raise NoSuchDay
    rows = Customer.objects.filter(pk=customer.pk, erased_at=None)
    if not rows.update(birth_month=month, birth_day=day, birthday_given_at=at):
        raise Erased
    customer.refresh_from_db(fields=["birth_month", "birth_day", "birthday_given_at"])


def choose(
    customer: Customer, *, purpose: Purpose, granted: bool, shown: Shown, at: datetime, mailbox: bool | None = None
) -> Consent:
    """Write down a yes or a no to mail of a purpose, with its evidence; return the present answer. Raises Erased.

    The same choice in front of the same text again adds nothing. Only a mailbox is spoken for: its yes lifts its own
    earlier unsubscribe, its no holds for every row that has the address. ``mailbox``: whether the choice came from
    there, by a link that was mailed; None: where the address is proven.
    """
    with transaction.atomic():
        # one person's two clicks at once are one choice
        customer = Customer.objects.select_for_update().get(pk=customer.pk)
        if customer.erased_at:
            raise Erased
        if not _stands(customer, purpose=purpose, granted=granted, shown=shown):
            _write(customer, purpose=purpose, granted=granted, shown=shown, at=at)
        if customer.address_proven_at is not None if mailbox is None else mailbox:
            _follow_address(customer, purpose=purpose, granted=granted, at=at)
        return Consent.objects.get(customer=customer, purpose=purpose, channel="email")


def _stands(customer: Customer, *, purpose: Purpose, granted: bool, shown: Shown) -> bool:
    last = ConsentEvidence.objects.filter(customer=customer, purpose=purpose).order_by("-at", "-pk").first()
    return (
        last is not None
        and (last.granted, last.text, last.text_version, last.source)
        == (granted, shown.text, shown.version, shown.source)
        and Consent.objects.filter(customer=customer, purpose=purpose, channel="email", granted=granted).exists()
    )


def _write(customer: Customer, *, purpose: Purpose, granted: bool, shown: Shown, at: datetime) -> None:
    if granted:
        consent.grant(
            customer, purpose=purpose, basis=Basis.OPT_IN, source=shown.source, at=at,
            text=shown.text, text_version=shown.version, origin=shown.origin,
        )  # fmt: skip
    else:
        consent.withdraw(
            customer, purpose=purpose, source=shown.source, at=at,
            text=shown.text, text_version=shown.version, origin=shown.origin,
        )  # fmt: skip


def _follow_address(customer: Customer, *, purpose: Purpose, granted: bool, at: datetime) -> None:
    if not customer.email:
        return
    unsubscribed = Suppression.Reason.UNSUBSCRIBED
    if granted:
        suppression.lift(customer.email, scope=purpose, reason=unsubscribed)
    else:
        suppression.add(customer.email, scope=purpose, reason=unsubscribed, at=at)
