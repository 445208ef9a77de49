"""Writing the ledger. Every movement of points goes through a ``Book``, so that entries and balances agree."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from loyalty.facts import PointsAwarded
from loyalty.locks import hold
from loyalty.models import Account, Entry, Lot
from loyalty.services import programmes
from loyalty.services.absences import Spans
from loyalty.services.lots import Lots
from retention.facts import FactData
from retention.models import Customer
from retention.services import facts

log = logging.getLogger(__name__)

Kind, Bucket = Entry.Kind, Entry.Bucket

MAY_OWE = frozenset({Kind.CLAWBACK, Kind.MOVE, Kind.CORRECTION, Kind.REVERSAL, Kind.TRANSFER})
"""Kinds that may lead below zero: what answers a mistake or a refund, never a rule."""

LARGEST = 10**15
"""Points of one posting: far beyond any shop, far below what a column holds."""


class NotEnough(Exception):
    """The account holds fewer points than are to be taken."""


class TooLarge(Exception):
    """More points at once than any shop means; look for a wrong rate or a slip of the keyboard."""


class KeyReused(Exception):
    """The same key came before with other points or for somebody else: a key names one reason."""


class FollowsItsOrder(Exception):
    """An order's points follow its facts: refund or cancel the order in the shop, the ledger answers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Posting:
    """One movement to write. ``key`` names its reason: the same key twice is one entry."""

    key: str
    customer: int
    points: int
    """Signed."""
    kind: Entry.Kind
    bucket: Entry.Bucket = Bucket.BALANCE
    order: str = ""
    basis_minor: int | None = None
    currency: str = ""
    rate: Decimal | None = None
    breakdown: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    opens_at: datetime | None = None
    expires_at: datetime | None = None
    """When these points end; None: never."""
    renews_until: datetime | None = None
    """The customer was active: nothing of theirs ends before this."""
    joins: bool = False
    """These points live as long as any others of the customer."""
    set_aside: int = 0
    """So many of these points were set aside for it, and let go just now: it may have them, whatever others hold."""
    members_only: bool = False
    """Not while the owner of the account is out of the programme."""
    gives_back: Mapping[int, int] = field(default_factory=dict)
    """Lot id → points that go back to where they came from."""
    at: datetime


class Book:
    """The locked accounts of some customers and what is being written into them.

    Use it inside a transaction, and ``close`` it. Opening makes missing accounts and locks all of them in one
    order; the number of queries does not depend on how many there are.
    """

    def __init__(self, customers: Iterable[int], *, at: datetime) -> None:
        wanted = sorted(set(customers))
        self.entries: list[Entry] = []
        self._touched: dict[int, Account] = {}
        self._accounts: dict[int, Account] = {}
        if not wanted:
            return
        # A newcomer has no row to lock, so rows come first; all inserts are over before the first lock is taken.
        known = set(Account.objects.filter(customer__in=wanted).values_list("customer", flat=True))
        Account.objects.bulk_create(
            [Account(customer_id=customer, created_at=at) for customer in wanted if customer not in known],
            ignore_conflicts=True,
        )
        held = hold(Account.objects.filter(customer__in=wanted))
        self._accounts = {account.customer_id: account for account in held}
        self._lots = Lots([account.pk for account in held])

    def account(self, customer: int) -> Account:
        """Return a customer's account as it stands in this book."""
        return self._accounts[customer]

    def spans(self) -> Spans:
        """Return when the owners of these accounts were out of the programme."""
        return Spans(self._accounts.values())

    def due(self, customer: int, *, at: datetime) -> list[Lot]:
        """Return what of a customer's points ends by then, the first first."""
        return self._lots.due(self._accounts[customer].pk, at=at)

    def taken(self) -> dict[datetime, int]:
        """Return what the last entry took of points that end: end → points."""
        return self._lots.taken(self.entries[-1])

    def hold(self, customer: int, points: int) -> None:
        """Set points aside, so that nothing else spends them. Raises NotEnough, also where their owner is out."""
        account = self._accounts[customer]
        if account.balance - account.held < points or account.left_at is not None:
            raise NotEnough
        self._set_aside(account, points)

    def let_go(self, customer: int, points: int) -> None:
        """Let points that were set aside be spent again."""
        self._set_aside(self._accounts[customer], -points)

    def take_over(self, customer: int, points: int) -> None:
        """Set aside what another row of the same person had set aside; its points follow."""
        self._set_aside(self._accounts[customer], points)

    def _set_aside(self, account: Account, points: int) -> None:
        account.held += points
        _cover(account)
        self._touched[account.customer_id] = account

    def write(self, posting: Posting) -> None:
        """Move points. Raises NotEnough where a kind that may not owe takes what is not there, or is set aside, or
        belongs to somebody who is out; and TooLarge."""
        if abs(posting.points) > LARGEST:
            raise TooLarge
        account = self._accounts[posting.customer]
        if posting.members_only and account.left_at is not None:
            raise NotEnough
        had = max(account.balance, 0)
        if posting.bucket == Bucket.PENDING:
            account.pending += posting.points
        else:
            account.balance += posting.points
            debt = max(0, -account.balance)
            rule = posting.kind not in MAY_OWE and posting.points < 0
            of_others = account.balance < account.held and -posting.points > posting.set_aside
            if rule and (debt > account.owed or of_others):
                raise NotEnough
            account.owed = debt
            _cover(account)
        self._touched[posting.customer] = account
        entry = Entry(
            account=account,
            key=posting.key,
            kind=posting.kind,
            bucket=posting.bucket,
            points=posting.points,
            balance_after=account.balance,
            order=posting.order,
            basis_minor=posting.basis_minor,
            currency=posting.currency,
            rate=posting.rate,
            breakdown=posting.breakdown,
            source=posting.source,
            opens_at=posting.opens_at,
            at=posting.at,
        )
        self.entries.append(entry)
        self._follow(entry, posting, max(account.balance, 0) - had)

    def _follow(self, entry: Entry, posting: Posting, more: int) -> None:
        """Let the lots follow the balance; what fills a debt is in no lot."""
        if more < 0:
            self._lots.take(entry, -more)
        elif posting.gives_back:
            endless = posting.points - sum(posting.gives_back.values())
            self._lots.give_back(entry, max(0, more - endless), taken=posting.gives_back)
        elif posting.expires_at is not None and more:
            self._lots.put(entry, more, expires_at=posting.expires_at)
        until = self._lots.latest(entry.account_id) if posting.joins else posting.renews_until
        if until is not None:
            self._lots.renew(entry.account_id, until=until)

    def close(self) -> list[Entry]:
        """Write entries, balances and lots. Returns the entries."""
        if self.entries:
            Entry.objects.bulk_create(self.entries)
            self._lots.close()
        if self._touched:
            Account.objects.bulk_create(
                self._touched.values(),
                update_conflicts=True,
                unique_fields=["customer"],
                update_fields=["balance", "pending", "owed", "held", "uncovered"],
            )
        return self.entries


def _cover(account: Account) -> None:
    """Note how far the balance is below what is set aside; only what may owe leads there."""
    account.uncovered = max(0, account.held - account.balance) if account.held else 0


def post(postings: Sequence[Posting], *, at: datetime) -> list[Entry]:
    """Write movements, each key once; set-wise. Returns the entries that are new.

    A key that is known with the same customer and points is left out. Raises KeyReused where it is known with
    others, NotEnough and TooLarge; nothing is written then.
    """
    with transaction.atomic():
        book = Book((posting.customer for posting in postings), at=at)
        known = {
            key: (customer, points)
            for key, customer, points in Entry.objects.filter(
                key__in=[posting.key for posting in postings]
            ).values_list("key", "account__customer", "points")
        }
        for posting in postings:
            same = (posting.customer, posting.points)
            if posting.key not in known:
                book.write(posting)
            elif known[posting.key] != same:
                raise KeyReused(posting.key)
            known[posting.key] = same
        return book.close()


def holders(customers: Iterable[int]) -> set[int]:
    """Return those of the customers that can be given points: all but guests and those who have left the programme."""
    rows = Customer.objects.living().filter(pk__in=list(customers), points_account__left_at=None)
    return set(rows.exclude(kind=Customer.Kind.GUEST).values_list("pk", flat=True))


def grant(wishes: Iterable[tuple[str, int, str]], *, points: int, source: str, at: datetime) -> list[Entry]:
    """Give points that no order earned, spendable at once. ``wishes`` are (key, customer id, order reference or "").

    Guests hold no points, and who has left gets none: their wishes are left out and logged. Returns the new entries.
    Raises ValueError for fewer than one point, KeyReused, TooLarge.
    """
    if points < 1:
        raise ValueError(f"{points} points cannot be given.")
    wishes = list(wishes)
    able = holders(customer for _, customer, _ in wishes)
    end, renews = programmes.end_of(at)
    without = sum(customer not in able for _, customer, _ in wishes)
    if without:
        log.warning("%s: %d customers are guests or have left, and get no points", source, without)
    postings = [
        Posting(
            key=key,
            customer=customer,
            points=points,
            kind=Kind.GRANT,
            breakdown={"about": order} if order else {},
            source=source[:120],
            expires_at=end,
            renews_until=end if renews else None,
            at=at,
        )
        for key, customer, order in wishes
        if customer in able
    ]
    with transaction.atomic():
        entries = post(postings, at=at)
        happened: list[FactData] = [
            PointsAwarded(customer=entry.account.customer_id, at=at, points=entry.points) for entry in entries
        ]
        facts.publish(happened)
    return entries


def reverse(entry: Entry, *, source: str, at: datetime) -> Entry | None:
    """Answer an entry with its mirror, once. Returns it, None where it was reversed before.

    Raises FollowsItsOrder for an entry of an order.
    """
    if entry.order:
        raise FollowsItsOrder
    mirror = Posting(
        key=f"reverse:{entry.pk}",
        customer=entry.account.customer_id,
        points=-entry.points,
        kind=Kind.REVERSAL,
        bucket=Bucket(entry.bucket),
        breakdown={"reverses": entry.pk},
        source=source[:120],
        at=at,
    )
    entries = post([mirror], at=at)
    return entries[0] if entries else None
