"""What about a referral staff should look at before it is rewarded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta

from django.db.models import Q

from loyalty.models import Referral, ReferralFlag, ReferralTerms
from loyalty.services import referral_friends
from retention.conf import conf as ground
from retention.hashing import fold
from retention.models import Customer, Order

Kind = ReferralFlag.Kind
Found = dict[int, dict[str, int]]
"""Referral id → kind of flag → how many."""


def look(referrals: Collection[Referral], orders: Mapping[str, Order], terms: ReferralTerms) -> Found:
    """Return what stands out about these referrals, and about others that came from the same network.

    ``orders``: their orders with customers, by reference. A constant number of queries.
    """
    found: Found = defaultdict(dict)
    postcodes = _postcodes(referrals)
    for referral in referrals:
        order = orders[referral.order]
        for kind in _alike(referral, order, postcodes):
            found[referral.pk][kind] = 1
    for pk, count in _networks(referrals, terms):
        found[pk][Kind.NETWORK] = count
    for pk, count in _bursts(referrals, terms):
        found[pk][Kind.BURST] = count
    return found


def note(found: Found, *, at: datetime) -> list[Referral]:
    """Write flags down and put into staff's queue what nobody has reviewed. Returns those that came into it."""
    ReferralFlag.objects.bulk_create(
        [
            ReferralFlag(referral_id=pk, kind=kind, count=count, at=at)
            for pk, kinds in found.items()
            for kind, count in kinds.items()
        ],
        ignore_conflicts=True,
    )
    fresh = Referral.objects.filter(
        pk__in=found, review=Referral.Review.NONE, state__in=(Referral.State.NEW, Referral.State.WAITING)
    )
    came = list(fresh.order_by("pk"))
    Referral.objects.filter(pk__in=[one.pk for one in came], review=Referral.Review.NONE).update(
        review=Referral.Review.OPEN
    )
    return came


def own(referrer: Customer, order: Order) -> str:
    """Return which flag says that an order may be the referrer's own: it is of their account, or of their mailbox;
    empty where it is somebody else's."""
    if order.customer_id == referrer.pk:
        return Kind.SELF
    mailbox = referral_friends.address(order)
    return Kind.ADDRESS if mailbox and referrer.email and mailbox == fold(referrer.email) else ""


def _alike(referral: Referral, order: Order, postcodes: Mapping[int, set[str]]) -> Iterator[str]:
    referrer = referral.referrer
    assert referrer is not None  # who has none does not count
    if kind := own(referrer, order):
        yield kind
    name = _name(order.customer)
    if kind == Kind.SELF or not name or name != _name(referrer):
        return
    if _plain(order.postcode) in postcodes[referrer.pk]:
        yield Kind.HOME
    elif order.customer.first_name.strip() and order.customer.last_name.strip():
        yield Kind.NAME  # a first name alone is many people's


def _postcodes(referrals: Collection[Referral]) -> dict[int, set[str]]:
    """Return referrer → the postcodes of their own orders."""
    found: dict[int, set[str]] = defaultdict(set)
    theirs = Order.objects.filter(customer__in={one.referrer_id for one in referrals}).exclude(postcode="")
    for customer, postcode in theirs.order_by().values_list("customer", "postcode").distinct():
        found[customer].add(_plain(postcode))
    return found


def _networks(referrals: Collection[Referral], terms: ReferralTerms) -> Iterator[tuple[int, int]]:
    """Yield referrals from a network that many came from within the time, with how many."""
    hashes = {one.network_hash for one in referrals} - {""}
    if not hashes:
        return
    span = timedelta(days=terms.network_days) / ground.SPEED
    by_network: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    near = Referral.objects.filter(network_hash__in=hashes).exclude(_uncounted())
    for network, at, pk in near.values_list("network_hash", "at", "pk"):
        by_network[network].append((at, pk))
    for rows in by_network.values():
        yield from _crowded(rows, span, terms.network_orders)


def _bursts(referrals: Collection[Referral], terms: ReferralTerms) -> Iterator[tuple[int, int]]:
    """Yield referrals of somebody who brought many within the time, with how many."""
    span = timedelta(hours=terms.burst_hours) / ground.SPEED
    since = min(one.at for one in referrals) - span
    until = max(one.at for one in referrals) + span
    by_referrer: dict[int | None, list[tuple[datetime, int]]] = defaultdict(list)
    near = Referral.objects.filter(referrer__in={one.referrer_id for one in referrals}, at__range=(since, until))
    for referrer, at, pk in near.exclude(_uncounted()).values_list("referrer", "at", "pk"):
        by_referrer[referrer].append((at, pk))
    for rows in by_referrer.values():
        yield from _crowded(rows, span, terms.burst_orders)


def _crowded(rows: list[tuple[datetime, int]], span: timedelta, many: int) -> Iterator[tuple[int, int]]:
    """Yield every row that is one of ``many`` or more within some stretch of ``span``, with the most at once."""
    rows.sort()
    most: dict[int, int] = {}
    start = 0
    for end, (at, _) in enumerate(rows):
        while rows[start][0] <= at - span:
            start += 1
        size = end - start + 1
        if size >= many:
            for _at, pk in rows[start : end + 1]:
                most[pk] = max(size, most.get(pk, 0))
    yield from most.items()


def _uncounted() -> Q:
    return Q(state=Referral.State.NO)


def _name(customer: Customer) -> str:
    return " ".join(customer.name.casefold().split())


def _plain(postcode: str) -> str:
    return "".join(postcode.casefold().split())
