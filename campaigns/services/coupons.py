"""Coupons: giving people codes, and calling codes off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from campaigns import conditions, validity
from campaigns.facts import CouponIssued
from campaigns.models import Coupon, Offer, OfferVersion
from campaigns.reasons import Reason
from campaigns.services import codes, offers
from campaigns.terms import Money, Terms
from retention.models import Customer, Order, Spend
from retention.money import to_decimal
from retention.rows import batch_size
from retention.services import facts
from retention.shop import Capability, CouponSpec, get_shop

BATCH = 1000
TRIES = 5


class OutOfCodes(Exception):
    """Five times in a row a new code was somebody's already: the source of randomness is broken."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A coupon that somebody is to get. ``key`` makes it one coupon however often it is wished."""

    key: str
    customer: int
    order: str = ""
    """The order that it is given for."""


@dataclass(frozen=True, kw_only=True)
class Issued:
    coupons: Mapping[str, Coupon] = field(default_factory=dict)
    """Key → coupon, those too that were issued earlier."""
    refused: Mapping[str, Reason] = field(default_factory=dict)
    """Key → why this person gets none."""


def issue(wish: Wish, *, offer: Offer, source: str, at: datetime) -> Coupon | None:
    """Give one coupon; None where the person gets none. The same key again returns the same coupon."""
    return issue_many([wish], offer=offer, source=source, at=at).coupons.get(wish.key)


def issue_many(wishes: Iterable[Wish], *, offer: Offer, source: str, at: datetime) -> Issued:
    """Give coupons of an offer, and create them in the shop, in a constant number of queries per thousand.

    Nobody gets a first-order coupon who has ordered before; an offer that is off gives none. Coupons carry the
    offer's present version. ``source`` says where they came from, e.g. ``journey:welcome``.
    """
    wanted = list({wish.key: wish for wish in wishes}.values())
    coupons: dict[str, Coupon] = {}
    refused: dict[str, Reason] = {}
    step = batch_size(BATCH)
    for start in range(0, len(wanted), step):
        done = _issue(wanted[start : start + step], offer=offer, source=source, at=at)
        coupons.update(done.coupons)
        refused.update(done.refused)
    return Issued(coupons=coupons, refused=refused)


def _issue(wishes: Sequence[Wish], *, offer: Offer, source: str, at: datetime) -> Issued:
    known = _by_key(wishes)
    new = [wish for wish in wishes if wish.key not in known]
    if not new:
        return Issued(coupons=known)
    version = offers.current(offer)
    people = Customer.objects.in_bulk({wish.customer for wish in new})
    refused = _refused(new, people, offer=offer, terms=version.terms, at=at)
    new = [wish for wish in new if wish.key not in refused]
    with transaction.atomic():
        made = _insert(new, people, offer=offer, version=version, source=source, at=at)
        known |= {key: coupon for key, (coupon, _) in made.items()}
        ours = [coupon for coupon, fresh in made.values() if fresh]
        if ours and Capability.COUPONS in get_shop().capabilities:
            get_shop().create_coupons([spec_of(coupon) for coupon in ours])
        facts.publish(
            CouponIssued(customer=coupon.customer_id, at=at, coupon=coupon.pk, offer=offer.slug, source=source)
            for coupon in ours
        )
    return Issued(coupons=known, refused=refused)


def _by_key(wishes: Sequence[Wish]) -> dict[str, Coupon]:
    rows = Coupon.objects.filter(key__in=[wish.key for wish in wishes])
    return {coupon.key: coupon for coupon in rows.select_related("version", "offer", "customer")}


def _refused(
    wishes: Sequence[Wish], people: Mapping[int, Customer], *, offer: Offer, terms: Terms, at: datetime
) -> dict[str, Reason]:
    if not offer.active:
        return {wish.key: Reason.OFFER_OFF for wish in wishes}
    newcomers = conditions.FIRST_ORDER.matching(people, {}, at) if terms.first_order_only else set(people)
    refused = {}
    for wish in wishes:
        person = people.get(wish.customer)
        if person is None or person.erased_at:
            refused[wish.key] = Reason.ERASED
        elif person.pk not in newcomers:
            refused[wish.key] = Reason.NOT_FIRST_ORDER
    return refused


def _insert(
    wishes: Sequence[Wish],
    people: Mapping[int, Customer],
    *,
    offer: Offer,
    version: OfferVersion,
    source: str,
    at: datetime,
) -> dict[str, tuple[Coupon, bool]]:
    """Insert coupons; return key → coupon and whether it is a new one.

    Somebody else may insert the same key meanwhile: theirs stays. A code that is taken is drawn again.
    """
    terms = version.terms
    currencies = _currencies(wishes, terms.money)
    expires_at = validity.ends_at(at, days=terms.valid_days)
    made: dict[str, tuple[Coupon, bool]] = {}
    left = list(wishes)
    for _ in range(TRIES):
        if not left:
            return made
        drawn = dict(zip((wish.key for wish in left), codes.generate(len(left), prefix=offer.prefix), strict=True))
        Coupon.objects.bulk_create(
            [
                Coupon(
                    code=drawn[wish.key],
                    key=wish.key,
                    offer=offer,
                    version=version,
                    # a guest may have become a member since the wish was made
                    customer_id=people[wish.customer].absorbed_into_id or wish.customer,
                    currency=currencies[wish.key],
                    source=source[:120],
                    order=wish.order,
                    max_uses=terms.uses,
                    per_customer=terms.uses,
                    issued_at=at,
                    expires_at=expires_at,
                )
                for wish in left
            ],
            ignore_conflicts=True,
        )
        found = _by_key(left)
        made |= {key: (coupon, coupon.code == drawn[key]) for key, coupon in found.items()}
        left = [wish for wish in left if wish.key not in found]
    if left:
        raise OutOfCodes
    return made


def _currencies(wishes: Sequence[Wish], money: Sequence[Money]) -> dict[str, str]:
    """Return key → currency: the order's, else the one in which the customer spends most, else the offer's first."""
    allowed = [entry.currency for entry in money]
    if len(allowed) < 2:
        return {wish.key: next(iter(allowed), "") for wish in wishes}
    orders = dict(
        Order.objects.filter(reference__in={wish.order for wish in wishes} - {""}).values_list("reference", "currency")
    )
    spent = dict(
        Spend.objects.filter(customer__in={wish.customer for wish in wishes}, currency__in=allowed)
        .order_by("net_minor")  # the most comes last and stays
        .values_list("customer", "currency")
    )
    chosen = {}
    for wish in wishes:
        likely = orders.get(wish.order, "")
        chosen[wish.key] = likely if likely in allowed else spent.get(wish.customer, allowed[0])
    return chosen


def spec_of(coupon: Coupon) -> CouponSpec:
    """Return what the shop needs to know of a coupon."""
    terms, money, owner = coupon.terms, coupon.money, coupon.customer
    amount = money.amount if money is not None else None
    least = money.minimum if money is not None else None
    return CouponSpec(
        code=coupon.code,
        offer=f"{coupon.offer.slug}/{coupon.version.number}",
        name=coupon.offer.name,
        kind=terms.kind,
        value=terms.percent or (to_decimal(amount, coupon.currency) if amount else Decimal(0)),
        currency=coupon.currency,
        minimum=to_decimal(least, coupon.currency) if least else None,
        starts_at=coupon.issued_at,
        ends_at=coupon.expires_at,
        email=owner.email if owner else "",
        user_id=owner.user_id if owner else None,
        uses=coupon.max_uses or 0,
        exclusive=terms.exclusive,
    )


def void(coupons: Iterable[Coupon], *, reason: str, at: datetime) -> int:
    """Call coupons off, here and in the shop. Returns how many were not called off before.

    Orders that used one keep their discount.
    """
    ids = [coupon.pk for coupon in coupons]
    with transaction.atomic():
        good = list(
            Coupon.objects.select_for_update()
            .filter(pk__in=ids, state=Coupon.State.ISSUED)
            .order_by("pk")
            .values_list("pk", "code")
        )
        Coupon.objects.filter(pk__in=[pk for pk, _ in good]).update(
            state=Coupon.State.VOID, void_reason=reason[:80], voided_at=at
        )
        if good and Capability.COUPONS in get_shop().capabilities:
            get_shop().disable_coupons([code for _, code in good])
    return len(good)
