"""Making, changing and ending gift plans: what has counted is superseded, never edited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, F, Q

from campaigns.models import Offer
from campaigns.services import offers
from loyalty.locks import hold
from loyalty.models import GiftMinimum, GiftPlan, GiftVersion
from loyalty.models.gift import Gives
from retention.models import Customer, Order

YEAR = timedelta(days=365)


class OfferClosed(Exception):
    """The offer is off or over, or for first orders only: nobody would get its coupon."""


class NothingAsked(Exception):
    """Every 0 orders is no promise."""


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What a version says."""

    every: int
    gives: str = Gives.COUPON
    offer: Offer | None = None
    points: int | None = None
    thing: str = ""
    minimums: Mapping[str, int] = field(default_factory=dict)
    """Currency → worth of the goods from which an order counts, minor units."""


def promise(plan: GiftPlan, said: Promise, *, at: datetime, by: str = "") -> GiftVersion:
    """Let rounds that begin with an order placed from ``at`` on go by this. Returns the version in force.

    The version before it ends, and one that was to begin later never does; rounds that have begun keep theirs. Raises
    NothingAsked, OfferClosed.
    """
    if said.every < 1:
        raise NothingAsked
    if said.offer is not None:
        check_offer(said.offer, at=at)
    with transaction.atomic():
        hold(GiftPlan.objects.filter(pk=plan.pk))
        current = GiftVersion.objects.filter(plan=plan, ends_at=None).first()
        if current is not None and _of(current) == said:
            return current
        _close(plan, at=at)
        version = GiftVersion.objects.create(
            plan=plan, every=said.every, gives=said.gives, offer=said.offer, points=said.points, thing=said.thing,
            starts_at=at, made_by=by[:150],
        )  # fmt: skip
        GiftMinimum.objects.bulk_create(
            GiftMinimum(version=version, currency=currency, minimum_minor=minor)
            for currency, minor in sorted(said.minimums.items())
        )
    return version


def end(plan: GiftPlan, *, at: datetime) -> bool:
    """Let orders placed from ``at`` on count no more; what was given stays. Returns whether it had not ended before."""
    with transaction.atomic():
        hold(GiftPlan.objects.filter(pk=plan.pk))
        return _close(plan, at=at)


def check_offer(offer: Offer, *, at: datetime) -> None:
    """Raise OfferClosed where nobody who has ordered would get a coupon of it."""
    if offers.closed(offer, at=at) is not None or offers.current(offer).terms.first_order_only:
        raise OfferClosed


def reach(every: int, *, minimums: Mapping[str, int], at: datetime) -> tuple[int, int]:
    """Return how many customers would have had such a gift for the orders of the last year, and how many there are.

    Two queries; minor units are compared with goods after discounts.
    """
    large = Q()
    for currency, minor in minimums.items():
        # as goods_back does, but for what refunds name: it is an estimate for staff
        kept = F("refunded_minor") - F("shipping_minor") + minor
        large |= Q(Q(refunded_minor=0) | Q(items_minor__gte=kept), currency=currency, items_minor__gte=minor)
    orders = Order.objects.counted().filter(large, paid_at__isnull=False, placed_at__gte=at - YEAR, placed_at__lt=at)
    people = Customer.objects.living().filter(erased_at=None).exclude(kind=Customer.Kind.GUEST)
    counts = orders.filter(customer__in=people).order_by().values("customer").annotate(n=Count("pk"))
    return counts.filter(n__gte=every).count(), people.count()


def _close(plan: GiftPlan, *, at: datetime) -> bool:
    """End the version in force then, and let none begin later. Returns whether there was any. Hold the plan."""
    versions = GiftVersion.objects.filter(plan=plan)
    # one that is to be followed by another has its end already, which may come later than this one
    running = versions.filter(starts_at__lte=at).filter(Q(ends_at=None) | Q(ends_at__gt=at)).update(ends_at=at)
    later = versions.filter(starts_at__gt=at).filter(Q(ends_at=None) | Q(ends_at__gt=F("starts_at")))
    planned = later.update(ends_at=F("starts_at"))
    return bool(running or planned)


def _of(version: GiftVersion) -> Promise:
    return Promise(
        every=version.every,
        gives=version.gives,
        offer=version.offer,
        points=version.points,
        thing=version.thing,
        minimums={row.currency: row.minimum_minor for row in version.minimums.all()},
    )
