"""The seam to the shop: what we ask of it, in frozen dataclasses, and one class that answers."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.module_loading import import_string

from retention.conf import conf


class Capability(enum.StrEnum):
    """What a host can do; what it cannot, the default does."""

    COUPONS = "coupons"
    """Personal coupons live in the host's own voucher system."""
    BASKET = "basket"
    """A coupon can be put into the request's basket."""
    CARTS = "carts"
    """Idle carts can be listed and restored."""
    GUEST_CLAIM = "guest_claim"
    """A guest's order can be attached to an account."""
    REFUNDS = "refunds"
    REQUEST_ORDER = "request_order"
    """The order just placed in this session is known."""
    CATALOGUE = "catalogue"


@dataclass(frozen=True, kw_only=True, slots=True)
class LineData:
    """One line of an order. Amounts are for the whole line, tax included, after discounts."""

    reference: str
    product: str
    title: str = ""
    categories: tuple[str, ...] = ()
    quantity: int = 1
    list_price: Decimal = Decimal(0)
    """Before discounts."""
    amount: Decimal = Decimal(0)
    tax: Decimal | None = None
    cost: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RefundData:
    reference: str
    amount: Decimal
    at: datetime
    lines: tuple[tuple[str, Decimal], ...] = ()
    """Pairs of line reference and amount, where the host knows them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CouponUse:
    code: str
    discount: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderData:
    """An order as the shop has it now. Money is a Decimal in ``currency``, times are UTC."""

    reference: str
    number: str
    status: str
    placed_at: datetime
    currency: str
    total: Decimal
    """What the customer owed, tax, shipping and discounts included."""
    paid_at: datetime | None = None
    fulfilled_at: datetime | None = None
    delivered_at: datetime | None = None
    cancelled_at: datetime | None = None
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    user_id: int | None = None
    """Primary key of the host's user; None for a guest."""
    language: str = ""
    country: str = ""
    postcode: str = ""
    items: Decimal = Decimal(0)
    """Lines after discounts, tax included, shipping excluded."""
    shipping: Decimal = Decimal(0)
    tax: Decimal | None = None
    lines: tuple[LineData, ...] = ()
    refunds: tuple[RefundData, ...] = ()
    coupons: tuple[CouponUse, ...] = ()
    points_spent: int = 0
    """Points of the shop's own that paid for it, where it has such; points of loyalty are coupons, and among those."""
    cart: str = ""
    site_id: int | None = None
    reached: frozenset[str] = frozenset()
    """Of ``paid``, ``fulfilled``, ``delivered``, ``cancelled``: those whose time the host does not know.
    They are stamped when first seen."""
    final: bool = False
    """The shop does not expect this order to change but for refunds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomerData:
    """Somebody the shop knows, with or without orders."""

    user_id: int
    email: str
    first_name: str = ""
    last_name: str = ""
    language: str = ""
    joined_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CouponSpec:
    """A personal coupon to create in the host."""

    code: str
    offer: str
    """Reference of the offer; the host shares one set of rules among all coupons of one offer."""
    name: str
    kind: str
    """``percentage``, ``amount``, ``free_shipping`` or ``free_product``."""
    value: Decimal
    """Percent, or an amount in ``currency``."""
    own_value: bool = False
    """Coupons of the offer differ in their amount. Such a one was paid for, so it goes beside any other coupon."""
    currency: str = ""
    minimum: Decimal | None = None
    """Least worth, before discounts, of the goods that it is for; for a free product, of all goods."""
    products: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    """What it is only for, itself or its category; both empty: everything. Of a free product, what may be free."""
    excluded_products: tuple[str, ...] = ()
    excluded_categories: tuple[str, ...] = ()
    """What it is never for."""
    starts_at: datetime
    ends_at: datetime
    email: str = ""
    """Whose coupon it is; empty for a code that anybody may use."""
    user_id: int | None = None
    uses: int = 1
    """0: as many as like."""
    exclusive: bool = False
    """Not together with another coupon of ours."""
    sale_goods: bool = True
    """Also from goods that an offer of the shop's own has reduced."""
    priority: int = 10
    """0 to 99: of several coupons together the lowest takes its part first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CouponStatus:
    code: str
    used: int
    active: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class CartLine:
    product: str
    quantity: int
    price: Decimal
    """For the whole line, before discounts."""
    left: Decimal | None = None
    """What is left to pay for it after every discount; None where the host does not say."""
    tax: Decimal | None = None
    """What of that is tax; None where the host does not say."""
    parent: str = ""
    """The product that it is a variant of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CartData:
    """A basket. ``reference`` is empty for one that the shop has not stored yet."""

    reference: str
    currency: str
    total: Decimal
    lines: tuple[CartLine, ...] = ()
    coupons: tuple[str, ...] = ()
    discounts: tuple[CouponUse, ...] = ()
    """What each coupon in it takes off now, from goods and shipping; one that takes nothing is left out."""
    email: str = ""
    user_id: int | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductData:
    reference: str
    title: str
    url: str = ""
    picture: str = ""
    price: Decimal | None = None
    tax: Decimal | None = None
    """What of the price is tax; None where the host does not say."""
    currency: str = ""
    in_stock: bool = False
    categories: tuple[str, ...] = ()
    cost: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What an operation on the host did, a sentence a line."""

    lines: tuple[str, ...] = field(default=())


class CouponRejected(Exception):
    """This coupon is not taken; ``reason`` is a word for staff, never for the shopper."""

    def __init__(self, reason: str, *, code: str = "", detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.detail = detail


class CartGone(Exception):
    """The cart was ordered, deleted, or is somebody else's."""


class NotSupported(Exception):
    """The host has no such capability."""


class Shop:
    """What a shop answers. Subclass it, name the class in ``RETENTION["SHOP"]``.

    A method whose capability the shop does not declare keeps this default.
    ``retention.testing.contract`` holds the tests that every subclass passes.
    """

    capabilities: frozenset[Capability] = frozenset()
    page_layout: str = "retention/layout.html"
    """Template that our pages extend, with blocks ``title`` and ``content``."""

    def connect(self) -> None:
        """Wire the host's signals to ``retention.services.inbox.record``. Called once at start-up."""

    # Orders and customers

    def get_orders(self, references: Collection[str]) -> Mapping[str, OrderData]:
        """Return the orders as they are now; one that the shop does not have is left out."""
        raise NotImplementedError

    def iter_orders(self, *, since: datetime | None, until: datetime | None = None) -> Iterator[str]:
        """Yield references of orders placed in ``[since, until)``, oldest first."""
        raise NotImplementedError

    def iter_customers(self, *, since: datetime | None = None) -> Iterator[CustomerData]:
        """Yield the shop's accounts, also those without orders, that joined from ``since`` on."""
        return iter(())

    def get_customers(self, references: Collection[str]) -> Mapping[str, CustomerData]:
        """Return accounts by the reference of their user; one that the shop does not have is left out."""
        return {}

    def personal_places(self, *, email: str, user_id: int | None) -> Sequence[str]:
        """Return where the host itself keeps what is personal of somebody, a short part of a sentence each, with how
        much of it there is, e.g. "3 orders with their addresses". Staff see it when they forget the person with us:
        we touch nothing of it. ``email`` may be empty, ``user_id`` is None for a guest."""
        return ()

    def statuses(self) -> Collection[str] | None:
        """Return every status an order of this shop can have; None where that is not known."""
        return None

    # Accounts

    def get_request_order(self, request: HttpRequest) -> OrderData | None:
        """Return the order that this session has just placed, None without one."""
        return None

    def find_guest_orders(self, email: str) -> Sequence[str]:
        """Return references of orders without an account that were placed with this address."""
        return ()

    def claim_order(self, reference: str, *, user: Any) -> bool:
        """Attach a guest's order to ``user`` and copy its address to the address book.

        Returns False when the order already has an account. A conditional UPDATE decides.
        """
        raise NotSupported(Capability.GUEST_CLAIM)

    def find_users(self, email: str) -> Sequence[Any]:
        """Return the users whose address this is, letter case aside, oldest first."""
        raise NotImplementedError

    def create_customer(
        self,
        request: HttpRequest | None,
        *,
        email: str,
        password: str | None,
        first_name: str = "",
        last_name: str = "",
    ) -> Any:
        """Create an account and return the user. Password None: an unusable one."""
        raise NotSupported(Capability.GUEST_CLAIM)

    # Coupons

    def create_coupons(self, specs: Iterable[CouponSpec]) -> None:
        """Create personal coupons, set-wise; a code that exists already is left as it is."""
        raise NotSupported(Capability.COUPONS)

    def coupon_status(self, codes: Collection[str]) -> Mapping[str, CouponStatus]:
        raise NotSupported(Capability.COUPONS)

    def disable_coupons(self, codes: Collection[str]) -> None:
        raise NotSupported(Capability.COUPONS)

    def extend_coupons(self, codes: Collection[str], *, ends_at: datetime) -> None:
        """Let these coupons of ours end at ``ends_at``, later or earlier than before."""
        raise NotSupported(Capability.COUPONS)

    def release_coupon(self, code: str, *, order_reference: str) -> bool:
        """Give back the use of ``code`` by that order; False when there was none. Idempotent.

        Raises NotSupported where the host cannot give uses back: the coupon is replaced by a new one then.
        """
        raise NotSupported(Capability.COUPONS)

    def apply_coupon(self, request: HttpRequest, code: str) -> None:
        """Put the coupon into the request's basket. Raises CouponRejected."""
        raise NotSupported(Capability.BASKET)

    def remove_coupon(self, request: HttpRequest, code: str) -> None:
        raise NotSupported(Capability.BASKET)

    # Carts and catalogue

    def get_cart(self, request: HttpRequest) -> CartData | None:
        return None

    def iter_idle_carts(self, *, idle_since: datetime, oldest: datetime) -> Iterator[CartData]:
        """Yield carts with lines, last touched in ``[oldest, idle_since]``, of which no order came."""
        return iter(())

    def restore_cart(self, request: HttpRequest, reference: str) -> None:
        """Make this cart the request's. Raises CartGone. Whoever calls has checked a signed link."""
        raise NotSupported(Capability.CARTS)

    def get_products(self, references: Collection[str]) -> Mapping[str, ProductData]:
        return {}

    def order_url(self, order: OrderData) -> str:
        """Return the path of the page on which its owner sees this order."""
        return "/"

    def cart_url(self, cart: CartData | None = None) -> str:
        return "/"

    def home_url(self) -> str:
        return "/"

    def thank_you_url(self) -> str:
        """Return the path of the page that thanks for the session's order."""
        return "/"

    def account_url(self) -> str:
        """Return the path of the signed-in customer's account page."""
        return "/"

    def uninstall(self) -> Report:
        """Take our offers and vouchers out of the host. Idempotent."""
        return Report()


@cache
def _load(path: str) -> Shop:
    shop = import_string(path)()
    if not isinstance(shop, Shop):
        raise ImproperlyConfigured(f"RETENTION['SHOP'] = {path!r} is not a subclass of retention.shop.Shop.")
    return shop


def get_shop() -> Shop:
    """Return the shop that ``RETENTION["SHOP"]`` names, made once.

    Raises ImproperlyConfigured where the setting is empty or names no Shop; `check` says the same earlier.
    """
    if not conf.SHOP:
        raise ImproperlyConfigured('RETENTION["SHOP"] is empty: name the class that speaks to your shop.')
    return _load(conf.SHOP)


def get_shop_or_none() -> Shop | None:
    """Return the shop, or None where the setting is missing or wrong (a check reports it)."""
    try:
        return get_shop()
    except (ImproperlyConfigured, ImportError):
        return None
