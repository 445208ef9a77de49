"""django-oscar as a shop: one line a question, the answers are in the modules beside this one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils import timezone

from retention.contrib.oscar import (
    baskets,
    claims,
    coupons,
    customers,
    orders,
    places,
    products,
    receivers,
    redeeming,
    uninstall,
)
from retention.shop import (
    Capability,
    CartData,
    CouponSpec,
    CouponStatus,
    CustomerData,
    OrderData,
    ProductData,
    Report,
    Shop,
)


class OscarShop(Shop):
    """Oscar 4.2. An order's reference is its primary key, a product's and a basket's too."""

    capabilities = frozenset(Capability)
    page_layout = "retention_oscar/layout.html"

    def connect(self) -> None:
        receivers.connect()

    # Orders and customers

    def get_orders(self, references: Collection[str]) -> Mapping[str, OrderData]:
        return orders.get(references)

    def iter_orders(self, *, since: datetime | None, until: datetime | None = None) -> Iterator[str]:
        return orders.placed(since=since, until=until)

    def iter_customers(self, *, since: datetime | None = None) -> Iterator[CustomerData]:
        return customers.every(since=since)

    def get_customers(self, references: Collection[str]) -> Mapping[str, CustomerData]:
        return customers.get(references)

    def personal_places(self, *, email: str, user_id: int | None) -> Sequence[str]:
        return list(places.of(email=email, user_id=user_id))

    def statuses(self) -> Collection[str] | None:
        return list(getattr(settings, "OSCAR_ORDER_STATUS_PIPELINE", {})) or None

    # Accounts

    def get_request_order(self, request: HttpRequest) -> OrderData | None:
        return orders.of_request(request)

    def find_guest_orders(self, email: str) -> Sequence[str]:
        return orders.of_guest(email)

    def claim_order(self, reference: str, *, user: Any) -> bool:
        return claims.claim(reference, user=user)

    def find_users(self, email: str) -> Sequence[Any]:
        return customers.find(email)

    def create_customer(
        self,
        request: HttpRequest | None,
        *,
        email: str,
        password: str | None,
        first_name: str = "",
        last_name: str = "",
    ) -> Any:
        return customers.create(request, email=email, password=password, first_name=first_name, last_name=last_name)

    # Coupons

    def create_coupons(self, specs: Iterable[CouponSpec]) -> None:
        coupons.create(specs)

    def coupon_status(self, codes: Collection[str]) -> Mapping[str, CouponStatus]:
        return coupons.status(codes, at=_now())

    def disable_coupons(self, codes: Collection[str]) -> None:
        coupons.disable(codes, at=_now())

    def extend_coupons(self, codes: Collection[str], *, ends_at: datetime) -> None:
        coupons.extend(codes, ends_at=ends_at)

    def release_coupon(self, code: str, *, order_reference: str) -> bool:
        return coupons.release(code, order_reference=order_reference)

    def apply_coupon(self, request: HttpRequest, code: str) -> None:
        redeeming.apply(request, code, at=_now())

    def remove_coupon(self, request: HttpRequest, code: str) -> None:
        redeeming.remove(request, code)

    # Carts and catalogue

    def get_cart(self, request: HttpRequest) -> CartData | None:
        return baskets.of_request(request)

    def iter_idle_carts(self, *, idle_since: datetime, oldest: datetime) -> Iterator[CartData]:
        return baskets.idle(idle_since=idle_since, oldest=oldest)

    def restore_cart(self, request: HttpRequest, reference: str) -> None:
        baskets.restore(request, reference)

    def get_products(self, references: Collection[str]) -> Mapping[str, ProductData]:
        return products.get(references)

    # Pages

    def order_url(self, order: OrderData) -> str:
        return orders.url(order)

    def cart_url(self, cart: CartData | None = None) -> str:
        return reverse("basket:summary")

    def home_url(self) -> str:
        return resolve_url(getattr(settings, "OSCAR_HOMEPAGE", "/"))

    def thank_you_url(self) -> str:
        return reverse("checkout:thank-you")

    def account_url(self) -> str:
        return reverse("customer:summary")

    def uninstall(self) -> Report:
        return Report(lines=tuple(uninstall.uninstall()))


def _now() -> datetime:
    # the seam asks for the shop's own time; here the shop is this process
    return timezone.now()  # noqa: TID251
