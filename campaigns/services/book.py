"""The uses that some orders can change, locked: what of them is taken, what is given back, and writing that down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from django.db.models import Q

from campaigns import validity
from campaigns.facts import CouponRedeemed, CouponReturned
from campaigns.models import Coupon, Offer, OfferLimit, OfferTally, OfferVersion, Redemption
from campaigns.models.redemption import LIVE
from campaigns.services import limits, redemptions
from campaigns.services.limits import Need
from retention.facts import FactData
from retention.hashing import customer_key
from retention.models import Order

State = Redemption.State
Reason = Redemption.Reason

CHANGED = ["state", "reason", "order", "cart", "customer", "customer_key", "slot", "offer_slot", "window", "currency",
           "discount_minor", "lease_until", "taken_at", "committed_at", "released_at"]  # fmt: skip


@dataclass(kw_only=True)
class Book:
    """The rows that some orders can change, locked, and what is to be written."""

    coupons: dict[int, Coupon]
    offers: dict[int, Offer]
    limits: dict[int, list[OfferLimit]]
    """By offer."""
    tallies: dict[Need, OfferTally]
    rows: list[Redemption]
    touched: list[Redemption] = field(default_factory=list)
    used: Counter[int] = field(default_factory=Counter)
    """Coupon id → uses taken less uses freed."""
    moved: Counter[Need] = field(default_factory=Counter)
    """What was taken of limits less what was freed."""
    happened: list[FactData] = field(default_factory=list)
    given_back: list[Redemption] = field(default_factory=list)

    @classmethod
    def open(cls, coupons: Collection[int], orders: Iterable[Order], *, also: Collection[int] = ()) -> Book:
        """Lock the coupons and read what their uses say.

        An order that is not read from the shop yet may be one that is not saved. ``also``: redemptions that the orders
        may take over.
        """
        orders = list(orders)
        locked = redemptions.lock(coupons)
        versions = OfferVersion.objects.in_bulk({coupon.version_id for coupon in locked.values()})
        for coupon in locked.values():
            coupon.version = versions[coupon.version_id]
        offers = {coupon.offer_id for coupon in locked.values()}
        caps = limits.of(offers)
        tallies = {}
        if any(caps.values()):
            every = [limit for found in caps.values() for limit in found]
            days = [(limit, validity.window(order.placed_at, limit.period)) for limit in every for order in orders]
            tallies = limits.lock(days, offers)
        own = dict(
            Redemption.objects.filter(
                Q(order__in=[order.reference for order in orders]) | Q(pk__in=also), offer__in=offers
            ).values_list("pk", "customer_key")
        )
        # each part is what an index holds; who has which slot is asked of the coupons, and of the offers that count
        keys = {*own.values(), *(key for order in orders if (key := _key(order)))}
        slots = Q(coupon__in=list(locked)) | Q(offer__in=offers, offer_slot__isnull=False)
        rows = Redemption.objects.filter(
            Q(pk__in=list(own))
            | Q(cart__in={order.cart for order in orders} - {""}, state=State.RESERVED, offer__in=offers)
            | slots & Q(customer_key__in=keys, state__in=LIVE)
        )
        return cls(
            coupons=locked,
            offers=Offer.objects.in_bulk(offers),
            limits=caps,
            tallies=tallies,
            rows=list(rows.order_by("pk")),
        )

    def settle(self, coupon: int, order: Order, discount: int, *, at: datetime) -> None:
        """Bring the redemption of one coupon by one order to what the order says."""
        row = self._row(coupon, order)
        if not order.counts:
            reason = Reason.CANCELLED if order.cancelled_at else Reason.REFUNDED
            row = row or self._new(coupon, order, discount)
            row.order = order.reference  # it may be what the order's cart had reserved
            self.release(row, reason, at=at)
        elif row is None or row.state != State.COMMITTED:
            self._commit(row or self._new(coupon, order, discount), order, discount)
        elif row.discount_minor != discount or order.customer_id not in (None, row.customer_id):
            self._reprice(row, order, discount)
            self._hand(row, order)
            self._touch(row)

    def _row(self, coupon: int, order: Order) -> Redemption | None:
        """Return the order's own row, else what its cart had reserved."""
        mine = [row for row in self.rows if row.coupon_id == coupon]
        for row in mine:
            if row.order == order.reference:
                return row
        return next((row for row in mine if row.state == State.RESERVED and row.cart == order.cart != ""), None)

    def _new(self, coupon: int, order: Order, discount: int) -> Redemption:
        row = Redemption(
            coupon_id=coupon,
            offer_id=self.coupons[coupon].offer_id,
            customer_key=_key(order) or f"order:{sha256(order.reference.encode()).hexdigest()[:58]}",
            customer=order.customer,
            order=order.reference,
            cart=order.cart,
            currency=order.currency,
            discount_minor=discount,
            taken_at=order.placed_at,
            state="",
        )
        self.rows.append(row)
        return row

    def _commit(self, row: Redemption, order: Order, discount: int) -> None:
        if row.state == State.RESERVED:
            self._reprice(row, order, discount)
            row.state = State.COMMITTED
        else:
            row.discount_minor, row.currency, row.taken_at = discount, order.currency, order.placed_at
            if self._find_room(row, at=order.placed_at):
                row.state = State.COMMITTED
                self._take(row, 1)
            elif row.state == State.EXCESS:
                return
            else:
                row.state = State.EXCESS
        row.order, row.committed_at = order.reference, order.placed_at
        self._hand(row, order)
        row.lease_until, row.released_at, row.reason = None, None, ""
        self._touch(row)
        if row.state == State.COMMITTED:
            self.happened.append(
                CouponRedeemed(
                    customer=order.customer_id,
                    at=order.placed_at,
                    coupon=row.coupon_id,
                    offer=self.offers[row.offer_id].slug,
                    order=order.reference,
                    discount_minor=discount,
                    currency=order.currency,
                )
            )

    def _hand(self, row: Redemption, order: Order) -> None:
        """Let a use be of whom the order is, where that is known.

        What an account's basket took before we knew a mailbox of it counts for the mailbox from now on.
        """
        if order.customer_id:
            row.customer = order.customer
        if row.customer_key.startswith("user:") and row.state in LIVE and (key := _key(order)):
            account, row.customer_key = row.customer_key, key
            if not self._find_slots(row):
                row.customer_key = account

    def _reprice(self, row: Redemption, order: Order, discount: int) -> None:
        """Let a use count with what the order says that it took off."""
        self.moved.update(self._needs(row, -1))
        row.discount_minor, row.currency = discount, order.currency
        self.moved.update(self._needs(row, 1))

    def _find_room(self, row: Redemption, *, at: datetime) -> bool:
        """Give the row a free slot of the coupon and of the offer; False where nothing is left."""
        coupon = self.coupons[row.coupon_id]
        if coupon.max_uses is not None and coupon.used + self.used[coupon.pk] >= coupon.max_uses:
            return False
        for need, amount in self._needs(row, 1).items():
            tally = self.tallies.get(need)
            if tally is not None and amount and tally.taken + self.moved[need] + amount > tally.most:
                return False
        row.window = validity.window(at, coupon.terms.per_customer_period)
        return self._find_slots(row)

    def _find_slots(self, row: Redemption) -> bool:
        """Give the row free slots of its person; False where none is left."""
        coupon = self.coupons[row.coupon_id]
        mine = [other for other in self.rows if other is not row and other.customer_key == row.customer_key]
        live = [other for other in mine if other.offer_id == row.offer_id and other.state in LIVE]
        slots = {other.slot for other in live if other.coupon_id == row.coupon_id}
        slot = next((n for n in range(1, coupon.per_customer + 1) if n not in slots), None)
        used = {other.offer_slot for other in live if other.window == row.window}
        allowed = coupon.terms.per_customer
        offer_slot = next((n for n in range(1, allowed + 1) if n not in used), None) if allowed else None
        if slot is None or (allowed and offer_slot is None):
            return False
        row.slot, row.offer_slot = slot, offer_slot
        return True

    def _take(self, row: Redemption, by: int) -> None:
        """Count a use as taken (1) or freed (-1)."""
        self.used[row.coupon_id] += by
        self.moved.update(self._needs(row, by))

    def _needs(self, row: Redemption, by: int) -> dict[Need, int]:
        return dict(redemptions.taken([row], self.limits, by=by))

    def release(self, row: Redemption, reason: Reason, *, at: datetime) -> None:
        """Give a use back; a row that is given back already stays as it is."""
        if row.state == State.RELEASED:
            return
        if row.state in LIVE:
            self._take(row, -1)
        if row.state == State.COMMITTED:
            self.happened.append(
                CouponReturned(
                    customer=row.customer_id,
                    at=at,
                    coupon=row.coupon_id,
                    offer=self.offers[row.offer_id].slug,
                    order=row.order,
                    reason=reason,
                )
            )
        row.state, row.reason, row.released_at, row.lease_until = State.RELEASED, reason, at, None
        self._touch(row)
        if row.order:
            self.given_back.append(row)

    def _touch(self, row: Redemption) -> None:
        if not any(row is other for other in self.touched):
            self.touched.append(row)

    def write(self) -> None:
        """Write every row that changed; what frees a slot before what takes one."""
        Redemption.objects.bulk_update(self._known(State.RELEASED), CHANGED)
        Redemption.objects.bulk_update(self._known(State.COMMITTED, State.EXCESS), CHANGED)
        new = [row for row in self.touched if not row.pk]
        Redemption.objects.bulk_create(sorted(new, key=lambda row: (row.offer_id, row.coupon_id)))
        for by in sorted(set(self.used.values()) - {0}):
            redemptions.count([pk for pk, n in self.used.items() if n == by], by=by)
        limits.move(self.moved)

    def _known(self, *states: str) -> list[Redemption]:
        return [row for row in self.touched if row.pk and row.state in states]


def _key(order: Order) -> str:
    """Return the person's key; empty for an order without an address."""
    email = order.email or (order.customer.email if order.customer_id else "")
    return customer_key(email) if email else ""
