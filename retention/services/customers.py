"""Who is who: finding, making and joining customers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Min, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from retention import registry
from retention.facts import AccountOpened, AddressProven, FactData, GuestAbsorbed
from retention.hashing import address_hash, normal
from retention.models import Customer, Order, Spend
from retention.services import facts, suppression, tokens
from retention.shop import CustomerData, OrderData

LISTED = "consents"
"""``Customer.source`` of people who are known from a file of consents alone."""


class NoSuchUser(LookupError):
    """The shop names an account that it does not have."""


def for_user(user: Any, *, at: datetime) -> Customer:
    """Return the member's row of a user of the host, made when there is none."""
    found = Customer.objects.filter(user=user).first()
    if found:
        return found
    joined = min(at, getattr(user, "date_joined", None) or at)
    with transaction.atomic():
        customer, made = Customer.objects.get_or_create(
            user=user,
            defaults={
                "kind": Customer.Kind.MEMBER,
                "email": user.email.strip(),
                "address": normal(user.email),
                "first_name": getattr(user, "first_name", ""),
                "last_name": getattr(user, "last_name", ""),
                "created_at": joined,
                "joined_at": joined,
            },
        )
        if made:
            facts.publish([AccountOpened(customer=customer.pk, at=joined)])
    return customer


def for_guest(email: str, *, at: datetime, language: str = "") -> Customer:
    """Return the guest's row of an address, made when there is none. It proves nothing."""
    _greet({normal(email): None})
    customer, _ = Customer.objects.get_or_create(
        kind=Customer.Kind.GUEST,
        address=normal(email),
        absorbed_into=None,
        defaults={"email": email.strip(), "created_at": at, "language": language},
    )
    return customer


def resolve(orders: Iterable[OrderData], *, at: datetime) -> dict[str, int | None]:
    """Find or make the customers of these orders, set-wise. Returns order reference → customer id.

    An order without account and without address gets None, and so does a guest's that was placed before the
    address was erased.
    """
    orders = list(orders)
    members = {order.user_id: order for order in orders if order.user_id is not None}
    by_guests = _by_guests(orders)
    guests = {normal(order.email): order for order in by_guests}
    opened = _ensure_members(
        [
            CustomerData(
                user_id=user_id,
                email=order.email,
                first_name=order.first_name,
                last_name=order.last_name,
                language=order.language,
            )
            for user_id, order in members.items()
        ],
        at=at,
    )
    known_guests = dict(_guests(guests).values_list("address", "pk"))
    missing = guests.keys() - known_guests.keys()
    if missing and _greet({address: guests[address] for address in missing}):
        known_guests = dict(_guests(guests).values_list("address", "pk"))
        missing = guests.keys() - known_guests.keys()
    if missing:
        Customer.objects.bulk_create(
            [_new_guest(guests[address], address, at=at) for address in sorted(missing)], ignore_conflicts=True
        )
        known_guests = dict(_guests(guests).values_list("address", "pk"))
    found: dict[str, int | None] = {order.reference: opened.get(order.user_id) for order in orders}
    return found | {order.reference: known_guests[normal(order.email)] for order in by_guests}


def _by_guests(orders: Iterable[OrderData]) -> list[OrderData]:
    """Return the orders that have an address and no account, but those of before their address was erased."""
    orders = [order for order in orders if order.user_id is None and order.email.strip()]
    erased = suppression.erased({normal(order.email) for order in orders})
    return [order for order in orders if (gone := erased.get(normal(order.email))) is None or order.placed_at >= gone]


def _guests(addresses: Iterable[str]) -> Any:
    return Customer.objects.living().filter(kind=Customer.Kind.GUEST, address__in=list(addresses))


def _greet(orders: Mapping[str, OrderData | None]) -> bool:
    """Make guests of those of these addresses who were known from a file alone; False where there are none.

    Their row stays, and what an order says of them is theirs.
    """
    listed = Customer.objects.living().filter(kind=Customer.Kind.IMPORT, source=LISTED, address__in=orders)
    rows = list(listed.exclude(address__in=_guests(orders).values("address")))
    for row in rows:
        order = orders[row.address]
        row.kind, row.source, row.number = Customer.Kind.GUEST, "", ""
        if order:
            row.first_name, row.last_name = order.first_name[:150], order.last_name[:150]
            row.language, row.country = row.language or order.language, order.country
    fields = ["kind", "source", "number", "address_hash", "first_name", "last_name", "language", "country"]
    return bool(rows and Customer.objects.bulk_update(rows, fields))


def _new_guest(order: OrderData, address: str, *, at: datetime) -> Customer:
    return Customer(
        kind=Customer.Kind.GUEST,
        email=order.email.strip(),
        address=address,
        first_name=order.first_name[:150],
        last_name=order.last_name[:150],
        language=order.language,
        country=order.country,
        created_at=min(at, order.placed_at),
    )


def take_in(people: Iterable[CustomerData], *, at: datetime, told: bool = False) -> int:
    """Make member rows for the shop's accounts, set-wise; returns how many were given.

    ``told``: the shop has just signalled these accounts, so one whose age nobody knows is new.
    """
    people = list(people)
    _ensure_members(people, at=at, told=told)
    return len(people)


def _ensure_members(people: list[CustomerData], *, at: datetime, told: bool = False) -> dict[int | None, int]:
    wanted: dict[int | None, CustomerData] = {person.user_id: person for person in people}
    known = {row.user_id: row for row in Customer.objects.filter(user__in=[person.user_id for person in people])}
    changed = []
    for user_id, row in known.items():
        person = wanted[user_id]
        if row.erased_at is None and person.email and normal(person.email) != row.address:
            row.email, row.address, row.address_proven_at = person.email.strip(), normal(person.email), None
            row.address_hash = address_hash(row.address)
            changed.append(row)
    if changed:
        Customer.objects.bulk_update(changed, ["email", "address", "address_hash", "address_proven_at"])
        tokens.end([row.pk for row in changed], at=at)
    missing = [person for user_id, person in wanted.items() if user_id not in known]
    made = {row.user_id: row for row in _make_members(missing, at=at, told=told)} if missing else {}
    if len(made) < len(missing):  # somebody else has made some meanwhile
        known = {row.user_id: row for row in Customer.objects.filter(user__in=[person.user_id for person in people])}
    return {user_id: row.pk for user_id, row in (known | made).items()}


def _make_members(people: list[CustomerData], *, at: datetime, told: bool) -> list[Customer]:
    """Make these rows, but those that another transaction makes at the same time; publish what was made."""
    joined = _joined(people, at=at)
    while people:
        rows = [
            Customer(
                kind=Customer.Kind.MEMBER,
                user_id=person.user_id,
                email=person.email.strip(),
                address=normal(person.email),
                first_name=person.first_name[:150],
                last_name=person.last_name[:150],
                language=person.language,
                created_at=joined[person.user_id] or at,
                joined_at=joined[person.user_id] or at,
            )
            for person in people
        ]
        try:
            with transaction.atomic():
                Customer.objects.bulk_create(rows)
        except IntegrityError:
            there = set(Customer.objects.filter(user__in=joined).values_list("user", flat=True))
            rest = [person for person in people if person.user_id not in there]
            if len(rest) == len(people):
                raise
            people = rest
            continue
        facts.publish(
            AccountOpened(
                customer=row.pk,
                at=joined[row.user_id] or at,
                # an old account that is first seen now is no news; where nobody knows its age, it is old
                history=joined[row.user_id] is None and not told,
            )
            for row in rows
            if row.user_id is not None
        )
        return rows
    return []


def _joined(people: list[CustomerData], *, at: datetime) -> dict[int, datetime | None]:
    """Return since when each has the account, by user, as the shop says or the user's row; never later than ``at``.

    Raises NoSuchUser now: the foreign key is deferred, and SQLite would fail the whole round at its COMMIT.
    """
    told = {person.user_id: person.joined_at for person in people}
    users = {user.pk: user for user in get_user_model()._default_manager.filter(pk__in=told)}
    unknown = told.keys() - users.keys()
    if unknown:
        raise NoSuchUser(f"There are no users {sorted(unknown)}.")
    dates = {pk: told[pk] or getattr(user, "date_joined", None) for pk, user in users.items()}
    return {pk: min(at, date) if date else None for pk, date in dates.items()}


def change_address(*, user: Any, at: datetime) -> None:
    """Follow a user's new address: the row stays, the proof goes, and so do links mailed to the old address.

    One UPDATE, nothing when it is the same.
    """
    address = normal(user.email)
    row = Customer.objects.filter(user=user, erased_at=None).exclude(address=address)
    with transaction.atomic():
        hashed = address_hash(address) if address else ""
        if row.update(email=user.email.strip(), address=address, address_hash=hashed, address_proven_at=None):
            tokens.end(list(Customer.objects.filter(user=user).values_list("pk", flat=True)), at=at)


def prove_address(customer: Customer, *, at: datetime) -> None:
    """Note that the mailbox is the customer's, and absorb the guest's and imports' rows of it into a member's."""
    with transaction.atomic():
        first = Customer.objects.filter(pk=customer.pk, address_proven_at=None).update(address_proven_at=at)
        customer.refresh_from_db()
        if first:
            facts.publish([AddressProven(customer=customer.pk, at=at)])
        if customer.is_member and customer.address:
            same = Customer.objects.living().filter(address=customer.address, user=None)
            for guest in same.filter(kind__in=(Customer.Kind.GUEST, Customer.Kind.IMPORT)):
                absorb(guest, into=customer, at=at)


def absorb(guest: Customer, *, into: Customer, at: datetime) -> bool:
    """Make a guest's row part of a member's. False when another worker did it."""
    with transaction.atomic():
        won = Customer.objects.filter(pk=guest.pk, absorbed_into=None).update(absorbed_into=into)
        if not won:
            return False
        for person in registry.people:
            person.absorb(guest, into, at)
        refresh([guest.pk, into.pk])
        published: list[FactData] = [GuestAbsorbed(customer=into.pk, guest=guest.pk, at=at)]
        facts.publish(published)
    return True


def refresh(ids: Iterable[int]) -> None:
    """Count again what these customers' orders say, in a constant number of queries."""
    ids = list(ids)
    counted = Order.objects.counted().filter(customer=OuterRef("pk")).order_by().values("customer")
    Customer.objects.filter(pk__in=ids).update(
        orders_count=Coalesce(Subquery(counted.annotate(n=Count("pk")).values("n")), 0),
        first_order_at=Subquery(counted.annotate(n=Min("placed_at")).values("n")),
        last_order_at=Subquery(counted.annotate(n=Max("placed_at")).values("n")),
    )
    sums = {
        (row["customer"], row["currency"]): row["net"]
        for row in Order.objects.counted()
        .filter(customer__in=ids)
        .order_by()
        .values("customer", "currency")
        .annotate(net=Sum("total_minor") - Sum("refunded_minor"))
    }
    Spend.objects.bulk_create(
        [Spend(customer_id=customer, currency=currency, net_minor=net) for (customer, currency), net in sums.items()],
        update_conflicts=True,
        unique_fields=["customer", "currency"],
        update_fields=["net_minor"],
    )
    stale = [
        pk
        for pk, customer, currency in Spend.objects.filter(customer__in=ids).values_list("pk", "customer", "currency")
        if (customer, currency) not in sums
    ]
    if stale:
        Spend.objects.filter(pk__in=stale).update(net_minor=0)
