"""Baskets: the request's own, those that lie about, and taking one up again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from babel.numbers import get_currency_precision
from django.contrib.auth import get_user_model
from django.db.models import Exists, Max, OuterRef
from django.http import HttpRequest
from oscar.core.loading import get_class
from oscar.core.utils import get_default_currency

from retention.contrib.oscar import host, rules, shipping, shopper
from retention.shop import CartData, CartGone, CartLine, CouponUse

PAGE = 500


def of_request(request: HttpRequest, *, codes: Sequence[str] | None = None) -> CartData | None:
    """Return the request's basket; None where Oscar's middleware has not run. ``codes`` in it, where they are known."""
    basket = getattr(request, "basket", None)
    if basket is None:
        return None
    who = shopper.of_request(request)
    lines = list(basket.all_lines())
    known = basket.is_tax_known
    return CartData(
        reference=str(basket.pk or ""),
        currency=basket.currency or get_default_currency(),
        total=basket.total_incl_tax if known else basket.total_excl_tax,
        lines=tuple(
            CartLine(
                product=str(line.product_id),
                quantity=line.quantity,
                price=(line.line_price_incl_tax if known else line.line_price_excl_tax) or Decimal(0),
                left=_in_cents(
                    line.line_price_incl_tax_incl_discounts if known else line.line_price_excl_tax_incl_discounts,
                    basket.currency,
                ),
                tax=_in_cents(line.line_tax, basket.currency) if known else Decimal(0),  # else prices are without it
                parent=str(line.product.parent_id or ""),
            )
            for line in lines
        ),
        coupons=tuple(_codes(basket) if codes is None else codes),
        discounts=tuple(_discounts(request, basket, lines)),
        email=who.email,
        user_id=who.user_id,
        changed_at=max((line.date_updated for line in lines), default=None),
    )


def _discounts(request: Any, basket: Any, lines: Sequence[Any]) -> Iterator[CouponUse]:
    """Yield what each code takes off now; no query, but for what free shipping saves."""
    amounts: dict[str, Decimal] = {}
    for use in basket.offer_applications:
        if use["voucher"]:
            amounts.setdefault(use["voucher"].code, Decimal(0))
            amounts[use["voucher"].code] += sum((_taken(line, use["offer"]) for line in lines), start=Decimal(0))
    first = next(iter(basket.shipping_discounts), None)
    if first and first["voucher"] and rules.is_ours(first["offer"]):
        amounts[first["voucher"].code] += shipping.saved(request) or Decimal(0)
    for code, amount in amounts.items():
        if discount := _in_cents(amount, basket.currency):
            yield CouponUse(code=code, discount=discount)


def _taken(line: Any, offer: Any) -> Decimal:
    """Return what an offer takes off a line, tax included where it is known: Oscar may have counted it without."""
    found = Decimal(0)
    for discount in line.discounts:
        if discount.offer is not None and discount.offer.pk == offer.pk:
            net = line.is_tax_known and not discount.incl_tax and line.unit_price_excl_tax
            found += discount.amount * (line.unit_price_incl_tax / line.unit_price_excl_tax if net else 1)
    return found


def _in_cents(amount: Decimal | None, currency: str | None) -> Decimal:
    """Return an amount in whole units of the currency's smallest."""
    unit = Decimal(1).scaleb(-get_currency_precision(currency or get_default_currency()))
    return Decimal(amount or 0).quantize(unit, ROUND_HALF_UP)


def _codes(basket: Any) -> Sequence[str]:
    """Return the codes in a basket, those too that take nothing off now."""
    return list(basket.vouchers.order_by("pk").values_list("code", flat=True)) if basket.pk else []


def idle(*, idle_since: datetime, oldest: datetime) -> Iterator[CartData]:
    """Yield baskets with lines, last touched in ``[oldest, idle_since]``, of which no order came.

    A frozen one counts: its payment was never finished. Three queries per page of 500.
    """
    Basket = host.basket()
    ordered = host.order()._default_manager.filter(basket=OuterRef("pk"))
    rows = (
        Basket._default_manager.filter(status__in=[Basket.OPEN, Basket.FROZEN])
        .filter(~Exists(ordered))
        .annotate(touched=Max("lines__date_updated"))
        .filter(touched__gte=oldest, touched__lte=idle_since)
        .order_by("pk")
    )
    page = list(rows.prefetch_related("lines", "vouchers")[:PAGE])
    while page:
        owners = get_user_model()._default_manager.in_bulk({row.owner_id for row in page} - {None})
        yield from (_stored(row, owners.get(row.owner_id)) for row in page)
        page = list(rows.filter(pk__gt=page[-1].pk).prefetch_related("lines", "vouchers")[:PAGE])


def _stored(basket: Any, owner: Any) -> CartData:
    lines = tuple(_stored_lines(basket.lines.all()))
    return CartData(
        reference=str(basket.pk),
        currency=next((line.price_currency for line in basket.lines.all()), get_default_currency()),
        total=sum((line.price for line in lines), start=Decimal(0)),
        lines=lines,
        coupons=tuple(voucher.code for voucher in basket.vouchers.all()),
        email=owner.email if owner else "",
        user_id=basket.owner_id,
        changed_at=basket.touched,
    )


def _stored_lines(lines: Iterable[Any]) -> Iterator[CartLine]:
    """Yield lines at the price they had when they were put in: nobody is here to ask a price for."""
    for line in lines:
        unit = line.price_incl_tax if line.price_incl_tax is not None else line.price_excl_tax
        yield CartLine(product=str(line.product_id), quantity=line.quantity, price=(unit or Decimal(0)) * line.quantity)


def restore(request: Any, reference: str) -> None:
    """Make a stored basket the request's, together with what is in the present one. Raises CartGone.

    Somebody else's basket is never handed out: one with an owner is for its owner only.
    """
    Basket = host.basket()
    user = request.user if request.user.is_authenticated else None
    basket = (
        Basket._default_manager.filter(pk__in=host.keys(Basket, [reference]), status__in=[Basket.OPEN, Basket.FROZEN])
        .filter(~Exists(host.order()._default_manager.filter(basket=OuterRef("pk"))))
        .first()
    )
    if basket is None or basket.owner_id not in (None, user.pk if user else None):
        raise CartGone(reference)
    basket.strategy = request.strategy
    if basket.status == Basket.FROZEN:
        basket.thaw()
    present = request.basket
    if present.pk and present.pk != basket.pk:
        basket.merge(present, add_quantities=False)
    if user and basket.owner_id is None:
        basket.owner = user
        basket.save()
    elif not user:
        # Oscar's cookie names the basket: listed here, it is written anew with the answer
        middleware = get_class("basket.middleware", "BasketMiddleware")(lambda request: None)
        request.cookies_to_delete.append(middleware.get_cookie_key(request))
    request._basket_cache = request.basket = basket
    get_class("offer.applicator", "Applicator")().apply(basket, request.user, request)
