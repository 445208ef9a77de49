"""Who is out of the programme, and who was when.

Somebody is out from the instant of leaving up to that of coming back. What an order earns follows from when it was
placed, so that orders that are told late, twice or out of turn end the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from loyalty.models import Absence, Account
from retention.conf import conf as ground
from retention.models import Customer, Order

GRACE = timedelta(days=30)
"""So long the points of who has left stand, before ``RETENTION[SPEED]`` divides it."""


def ends_at(left_at: datetime) -> datetime:
    """Return when the points of who left then are given up."""
    return left_at + GRACE / ground.SPEED


def now_of(customer: Customer) -> Absence | None:
    """Return since when somebody is out; None for who is in."""
    return Absence.objects.open().filter(customer=customer).first()


def out(customers: Collection[int]) -> set[int]:
    """Return those of the customers who are out now. One query."""
    rows = Account.objects.filter(customer__in=customers, left_at__isnull=False)
    return set(rows.values_list("customer", flat=True))


def written_off(customers: Collection[int]) -> dict[int, datetime]:
    """Return when the points of these customers were last written off; who never left for long is not there. One query.

    What came before that, and is of no order, is not taken back any more: the rest of it is gone already.
    """
    rows = Absence.objects.filter(customer__in=customers, given_up_at__isnull=False).order_by("given_up_at")
    return {customer: when for customer, when in rows.values_list("customer", "given_up_at") if when is not None}


def is_lost(came: datetime | None, lost: datetime | None) -> bool:
    """Whether points that came then went when those of their owner were written off. ``lost``: from ``written_off``."""
    return came is not None and lost is not None and came <= lost


def was_out(user: int, at: datetime) -> bool:
    """Whether a user of the shop was, or is, out at a time."""
    return bool(_at(at).filter(customer__user=user).exists())


def without(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Leave out orders that were placed while whose they are was out: they count for nothing."""
    return orders.exclude(Exists(_at(OuterRef("placed_at")).filter(customer=OuterRef("customer"))))


def meanwhile(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Leave only orders that were placed while whose they are was out."""
    return orders.filter(Exists(_at(OuterRef("placed_at")).filter(customer=OuterRef("customer"))))


def _at(moment: datetime | OuterRef) -> QuerySet[Absence]:
    return Absence.objects.filter(Q(returned_at=None) | Q(returned_at__gt=moment), left_at__lte=moment)


class Spans:
    """When the owners of some accounts were out. One query where any of them ever was, else none.

    Use it while the accounts are locked: nobody leaves or comes back meanwhile.
    """

    def __init__(self, accounts: Iterable[Account]) -> None:
        who = [account.customer_id for account in accounts if account.absences]
        self._of: Mapping[int, list[Absence]] = defaultdict(list)
        for absence in Absence.objects.filter(customer__in=who).order_by("pk") if who else ():
            self._of[absence.customer_id].append(absence)

    def was_out(self, customer: int, at: datetime) -> bool:
        """Whether somebody was out then."""
        return any(_covers(absence, at) for absence in self._of.get(customer, ()))

    def counts(self, customer: int, placed_at: datetime) -> bool:
        """Whether an order that was placed then, and that has not stood on the account yet, may earn anything.

        What was placed before leaving was given up with the rest, once that has happened.
        """
        return not any(
            _covers(absence, placed_at) or (absence.given_up_at is not None and placed_at < absence.left_at)
            for absence in self._of.get(customer, ())
        )


def _covers(absence: Absence, at: datetime) -> bool:
    return absence.left_at <= at and (absence.returned_at is None or at < absence.returned_at)


def due(*, at: datetime) -> QuerySet[Absence]:
    """Return absences whose time is up and with something to write off: for the first time, or since it came later."""
    account = "customer__points_account__"
    there = Q(**{f"{account}pending__gt": 0}) | Q(**{f"{account}balance__gt": F(f"{account}held")})
    late = Absence.objects.open().filter(left_at__lte=at - GRACE / ground.SPEED)
    return late.filter(Q(given_up_at=None) | there)
