"""Coupons: giving people codes, and calling codes off."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction

from campaigns import conditions, validity
from campaigns.facts import CouponIssued
from campaigns.models import Coupon, CouponBatch, Offer, OfferVersion
from campaigns.reasons import Reason
from campaigns.services import codes, engine, offers
from campaigns.terms import Money, Terms
from retention import rows
from retention.models import Customer, Order, Spend
from retention.services import facts

BATCH = 5000
TRIES = 5


class OutOfCodes(Exception):
    """Five times in a row a new code was somebody's already: the source of randomness is broken."""


class CodeTaken(Exception):
    """The code that was asked for is another coupon's already, ours or the shop's."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A coupon that somebody is to get. ``key`` makes it one coupon however often it is wished."""

    key: str
    customer: int | None = None
    """None: whoever has the code."""
    order: str = ""
    """The order that it is given for."""
    code: str = ""
    """A code that was chosen, as ``codes.normal`` returns it; empty: one is drawn."""
    currency: str = ""
    """One of the offer's, where it has several; empty: the likely one."""
    amount: int | None = None
    """What it takes off, minor units of ``currency``, whatever the terms say; None: what they say."""
    cap: int | None = None
    """Uses of all people together; None: as the terms say of each coupon."""
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    """None: as the terms say."""
    replaces: Coupon | None = None
    """The coupon that it stands in for: its terms, currency and last day are kept."""


@dataclass(frozen=True, kw_only=True)
class Issued:
    coupons: Mapping[str, Coupon] = field(default_factory=dict)
    """Key → coupon, those too that were issued earlier."""
    refused: Mapping[str, Reason] = field(default_factory=dict)
    """Key → why this person gets none."""


def issue(wish: Wish, *, offer: Offer, source: str, at: datetime) -> Coupon | None:
    """Give one coupon; None where the person gets none. The same key again returns the same coupon."""
    return issue_many([wish], offer=offer, source=source, at=at).coupons.get(wish.key)


def issue_many(
    wishes: Iterable[Wish],
    *,
    offer: Offer,
    source: str,
    at: datetime,
    batch: CouponBatch | None = None,
    version: OfferVersion | None = None,
) -> Issued:
    """Give coupons of an offer, and create them in the shop, in a constant number of queries per 5,000.

    Nobody gets a first-order coupon who has ordered before; an offer that is off or over gives none. Coupons carry
    ``version`` (None: the offer's present one), but for those that replace one. ``source`` says where they came from,
    e.g. ``journey:welcome``. Raises CodeTaken for a chosen code that is not free.
    """
    wanted = list({wish.key: wish for wish in wishes}.values())
    coupons: dict[str, Coupon] = {}
    refused: dict[str, Reason] = {}
    step = rows.batch_size(BATCH)
    for start in range(0, len(wanted), step):
        done = _issue(wanted[start : start + step], offer=offer, source=source, at=at, batch=batch, version=version)
        coupons.update(done.coupons)
        refused.update(done.refused)
    return Issued(coupons=coupons, refused=refused)


def _issue(
    wishes: Sequence[Wish],
    *,
    offer: Offer,
    source: str,
    at: datetime,
    batch: CouponBatch | None,
    version: OfferVersion | None,
) -> Issued:
    known = _by_key(wishes)
    new = [wish for wish in wishes if wish.key not in known]
    if not new:
        return Issued(coupons=known)
    version = version or offers.current(offer)
    people = _people({wish.customer for wish in new if wish.customer is not None})
    refused = _refused(new, people, offer=offer, terms=version.terms, at=at)
    new = [wish for wish in new if wish.key not in refused]
    with transaction.atomic():
        made = _insert(new, people, offer, version=version, source=source, at=at, batch=batch)
        known |= {key: coupon for key, (coupon, _) in made.items()}
        ours = [coupon for coupon, fresh in made.values() if fresh]
        if ours:
            engine.current().create(ours)
        facts.publish(
            CouponIssued(customer=coupon.customer_id, at=at, coupon=coupon.pk, offer=offer.slug, source=source)
            for coupon in ours
            if coupon.customer_id is not None
        )
    return Issued(coupons=known, refused=refused)


def _people(ids: Collection[int]) -> dict[int, Customer]:
    """Return id → customer; whoever was absorbed knows by whom."""
    plain = Customer.objects.only("user", "email", "erased_at", "absorbed_into")
    people = plain.in_bulk(ids)
    members = plain.in_bulk({row.absorbed_into_id for row in people.values() if row.absorbed_into_id})
    for row in people.values():
        if row.absorbed_into_id:
            row.absorbed_into = members[row.absorbed_into_id]
    return people


def _prefix(offer: Offer, batch: CouponBatch | None) -> str:
    return batch.prefix if batch is not None and batch.prefix else offer.prefix


def _by_key(wishes: Sequence[Wish]) -> dict[str, Coupon]:
    found = Coupon.objects.filter(key__in=[wish.key for wish in wishes])
    return {coupon.key: coupon for coupon in found.select_related("version", "offer", "customer")}


def _refused(
    wishes: Sequence[Wish], people: Mapping[int, Customer], *, offer: Offer, terms: Terms, at: datetime
) -> dict[str, Reason]:
    fresh = [wish for wish in wishes if wish.replaces is None]
    refused: dict[str, Reason] = {}
    if not offer.active:
        refused = {wish.key: Reason.OFFER_OFF for wish in fresh}
    elif validity.of(terms, at=at)[1] <= at:
        refused = {wish.key: Reason.OFFER_ENDED for wish in fresh if wish.expires_at is None}
    newcomers = conditions.FIRST_ORDER.matching(people, {}, at) if terms.first_order_only and people else set(people)
    for wish in wishes:
        person = people.get(wish.customer) if wish.customer is not None else None
        if wish.customer is None or wish.key in refused:
            continue
        if person is None or person.erased_at:
            refused[wish.key] = Reason.ERASED
        elif person.pk not in newcomers and wish.replaces is None:
            refused[wish.key] = Reason.NOT_FIRST_ORDER
    return refused


def _insert(
    wishes: Sequence[Wish],
    people: Mapping[int, Customer],
    offer: Offer,
    *,
    version: OfferVersion,
    source: str,
    at: datetime,
    batch: CouponBatch | None,
) -> dict[str, tuple[Coupon, bool]]:
    """Insert coupons; return key → coupon and whether it is a new one.

    Somebody else may insert the same key meanwhile: theirs stays. A code that is taken is drawn again.
    """
    prefix = _prefix(offer, batch)
    currencies = _currencies(wishes, version.terms.money)
    begins, ends = validity.of(version.terms, at=at)
    blank = Coupon(
        offer=offer, version=version, source=source[:120], batch=batch, issued_at=at,
        max_uses=version.terms.uses, per_customer=version.terms.uses, starts_at=begins, expires_at=ends,
    )  # fmt: skip
    chosen = {wish.code for wish in wishes} - {""}
    if chosen and engine.current().taken(sorted(chosen)):
        raise CodeTaken
    made: dict[str, tuple[Coupon, bool]] = {}
    left = list(wishes)
    for _ in range(TRIES):
        if not left:
            return made
        drawn = dict(zip((wish.key for wish in left), codes.generate(len(left), prefix=prefix), strict=True))
        code_of = {wish.key: wish.code or drawn[wish.key] for wish in left}
        drafts = [_coupon(blank, wish, code_of[wish.key], people, currencies[wish.key]) for wish in left]
        if not made and _all_new(drafts):
            return {coupon.key: (coupon, True) for coupon in drafts}
        Coupon.objects.bulk_create(drafts, ignore_conflicts=True)
        found = _by_key(left)
        made |= {key: (coupon, coupon.code == code_of[key]) for key, coupon in found.items()}
        left = [wish for wish in left if wish.key not in found]
        if any(wish.code for wish in left):
            raise CodeTaken
    if left:
        raise OutOfCodes
    return made


def _all_new(drafts: Sequence[Coupon]) -> bool:
    """Insert these coupons, unless one of them is there already; then nothing is inserted."""
    if any(coupon.replaces_id for coupon in drafts):
        return False  # they carry other terms than what they were drafted with: they are read back
    try:
        with transaction.atomic():
            rows.create(drafts)
    except IntegrityError:
        for coupon in drafts:
            coupon.pk = None
        return False
    return all(coupon.pk for coupon in drafts)


def _coupon(blank: Coupon, wish: Wish, code: str, people: Mapping[int, Customer], currency: str) -> Coupon:
    """Return a coupon like the blank one; to copy it takes a third of the time of making one."""
    coupon = copy(blank)
    coupon.code, coupon.key, coupon.order = code, wish.key, wish.order
    coupon.currency, coupon.amount_minor = currency, wish.amount
    if wish.customer is not None:
        person = people[wish.customer]
        # a guest may have become a member since the wish was made
        coupon.customer = person.absorbed_into or person
    if wish.cap is not None:
        coupon.max_uses = wish.cap
    coupon.starts_at, coupon.expires_at = wish.starts_at or blank.starts_at, wish.expires_at or blank.expires_at
    old = wish.replaces
    if old is not None:
        coupon.version_id, coupon.currency, coupon.per_customer = old.version_id, old.currency, old.per_customer
        coupon.starts_at, coupon.expires_at = old.starts_at, wish.expires_at or old.expires_at
        coupon.replaces, coupon.batch_id, coupon.amount_minor = old, old.batch_id, old.amount_minor
    return coupon


def _currencies(wishes: Sequence[Wish], money: Sequence[Money]) -> dict[str, str]:
    """Return key → currency: the order's, else the one in which the customer spends most, else the offer's first."""
    allowed = [entry.currency for entry in money]
    if len(allowed) < 2:
        return {wish.key: wish.currency if wish.amount is not None else next(iter(allowed), "") for wish in wishes}
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
        likely = wish.currency or orders.get(wish.order, "")
        usual = spent.get(wish.customer, allowed[0]) if wish.customer is not None else allowed[0]
        chosen[wish.key] = likely if likely in allowed or wish.amount is not None else usual
    return chosen


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
        if good:
            engine.current().disable([code for _, code in good])
    return len(good)
