"""Reading orders: as they are now, in batches, with the same number of queries for one as for a thousand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.signing import Signer
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from oscar.core.loading import get_model

from retention.contrib.oscar import categories, host, refunds, times
from retention.models import CheckoutChoice
from retention.shop import CouponUse, LineData, OrderData

PAGE = 1000
Rows = Mapping[int, list[dict[str, Any]]]


def get(references: Collection[str]) -> dict[str, OrderData]:
    """Return the orders as they are now, by reference; one that the shop does not have is left out."""
    Order = host.order()
    found = Order._default_manager.filter(pk__in=host.keys(Order, references)).select_related(
        "user", "shipping_address", "billing_address"
    )
    return {order.reference: order for order in _build(list(found))}


def of_request(request: HttpRequest) -> OrderData | None:
    """Return the order that this session has just placed."""
    pk = request.session.get("checkout_order_id")
    return get([str(pk)]).get(str(pk)) if pk else None


def placed(*, since: datetime | None, until: datetime | None) -> Iterator[str]:
    """Yield references by time of placing, page by page: constant memory, and no cursor that a commit would end."""
    rows = host.order()._default_manager.order_by("date_placed", "pk")
    if since:
        rows = rows.filter(date_placed__gte=since)
    if until:
        rows = rows.filter(date_placed__lt=until)
    page = list(rows.values_list("date_placed", "pk")[:PAGE])
    while page:
        yield from (str(pk) for _, pk in page)
        at, pk = page[-1]
        after = Q(date_placed=at, pk__gt=pk) | Q(date_placed__gt=at)
        page = list(rows.filter(after, date_placed__gte=at).values_list("date_placed", "pk")[:PAGE])


def of_guest(email: str) -> list[str]:
    """Return references of orders without an account that were placed with this address, oldest first."""
    rows = host.order()._default_manager.filter(user=None, guest_email__iexact=email.strip())
    return [str(pk) for pk in rows.order_by("date_placed", "pk").values_list("pk", flat=True)] if email.strip() else []


def url(order: OrderData) -> str:
    """Return the page on which the order's owner sees it; a guest's carries Oscar's own signature."""
    if order.user_id is not None:
        return reverse("customer:order", args=[order.number])
    signature = Signer(salt="oscar.apps.order.Order").sign(order.number)
    return reverse("customer:anon-order", args=[order.number, signature])


def _build(orders: list[Any]) -> Iterator[OrderData]:
    ids = [order.pk for order in orders]
    lines = _rows("order", "Line", ids, "pk", "product_id", "title", "quantity", "line_price_before_discounts_incl_tax",
                  "line_price_incl_tax", "line_price_excl_tax")  # fmt: skip
    known = categories.of_products({row["product_id"] for found in lines.values() for row in found} - {None})
    changes = _rows("order", "OrderStatusChange", ids, "old_status", "new_status", "date_created", order_by="pk")
    events = _rows("order", "PaymentEvent", ids, "pk", "event_type__name", "amount", "reference", "date_created",
                   order_by="pk")  # fmt: skip
    transactions = _rows("payment", "Transaction", ids, "pk", "txn_type", "amount", "reference", "date_created",
                         order_by="pk", via="source__order_id")  # fmt: skip
    quantities = _quantities(events)
    discounts = _rows("order", "OrderDiscount", ids, "voucher_code", "amount")
    used = _rows("voucher", "VoucherApplication", ids, "voucher__code")
    languages = dict(CheckoutChoice.objects.filter(order__in=[str(pk) for pk in ids]).values_list("order", "language"))
    for order in orders:
        yield _order(
            order,
            lines=tuple(_line(row, known) for row in lines[order.pk]),
            when=times.read(
                status=order.status,
                placed_at=order.date_placed,
                changes=[
                    times.Change(old=row["old_status"], new=row["new_status"], at=row["date_created"])
                    for row in changes[order.pk]
                ],
                payments=[
                    times.Payment(name=row["event_type__name"], at=row["date_created"]) for row in events[order.pk]
                ]
                + [times.Payment(name=row["txn_type"], at=row["date_created"]) for row in transactions[order.pk]],
            ),
            refunded=refunds.merge(
                _entries(events[order.pk], "event_type__name", "event", _amounts(quantities, lines[order.pk])),
                _entries(transactions[order.pk], "txn_type", "transaction", {}),
            ),
            coupons=_coupons(discounts[order.pk], used[order.pk]),
            language=languages.get(str(order.pk), ""),
        )


def _order(order: Any, *, lines: tuple[LineData, ...], when: times.Times, refunded: Any, **more: Any) -> OrderData:
    user, shipping, billing = order.user, order.shipping_address, order.billing_address
    first_name, last_name = _name(user, billing, shipping)
    address = shipping or billing
    return OrderData(
        reference=str(order.pk),
        number=order.number,
        status=order.status,
        placed_at=order.date_placed,
        **when.known,  # type: ignore[arg-type]
        reached=when.reached,
        final=order.status in times.final_statuses(),
        email=user.email if user else order.guest_email,
        first_name=first_name,
        last_name=last_name,
        user_id=order.user_id,
        country=(address.country_id or "") if address else "",
        postcode=(address.postcode or "") if address else "",
        currency=order.currency,
        total=order.total_incl_tax,
        items=sum((line.amount for line in lines), start=Decimal(0)),
        shipping=order.shipping_incl_tax,
        tax=order.total_incl_tax - order.total_excl_tax,
        lines=lines,
        refunds=refunded,
        cart=str(order.basket_id or ""),
        site_id=order.site_id,
        **more,
    )


def _name(*people: Any) -> tuple[str, str]:
    """Return the first name that anybody of these has: who pays rather than who gets the parcel."""
    for who in people:
        name = (getattr(who, "first_name", ""), getattr(who, "last_name", ""))
        if any(name):
            return name
    return "", ""


def _line(row: dict[str, Any], known: Mapping[int, tuple[str, ...]]) -> LineData:
    return LineData(
        reference=str(row["pk"]),
        product=str(row["product_id"] or ""),
        title=row["title"],
        categories=known.get(row["product_id"], ()),
        quantity=row["quantity"],
        list_price=row["line_price_before_discounts_incl_tax"],
        amount=row["line_price_incl_tax"],
        tax=row["line_price_incl_tax"] - row["line_price_excl_tax"],
    )


def _entries(
    rows: Iterable[dict[str, Any]], kind: str, prefix: str, lines: Mapping[int, tuple[tuple[str, Decimal], ...]]
) -> list[refunds.Entry]:
    return [
        refunds.Entry(
            reference=f"{prefix}:{row['pk']}",
            # an adapter of a payment provider may write what it paid out with a minus
            amount=abs(row["amount"]),
            at=row["date_created"],
            gateway=row["reference"],
            lines=lines.get(row["pk"], ()),
        )
        for row in rows
        if refunds.is_refund(row[kind])
    ]


def _quantities(events: Rows) -> dict[int, list[tuple[int, int]]]:
    """Return payment event → pairs of line and quantity, for refunds only."""
    ids = [row["pk"] for found in events.values() for row in found if refunds.is_refund(row["event_type__name"])]
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for event, line, quantity in (
        get_model("order", "PaymentEventQuantity")
        ._default_manager.filter(event_id__in=ids)
        .order_by("pk")
        .values_list("event_id", "line_id", "quantity")
    ):
        found[event].append((line, quantity))
    return found


def _amounts(
    quantities: Mapping[int, list[tuple[int, int]]], lines: Iterable[dict[str, Any]]
) -> dict[int, tuple[tuple[str, Decimal], ...]]:
    """Return payment event → what of each line it covers, at the price that was paid."""
    paid = {row["pk"]: row["line_price_incl_tax"] / (row["quantity"] or 1) for row in lines}
    return {
        event: tuple((str(line), (paid[line] * quantity).quantize(Decimal("0.01"))) for line, quantity in pairs)
        for event, pairs in quantities.items()
        if all(line in paid for line, _ in pairs)
    }


def _coupons(discounts: Iterable[dict[str, Any]], used: Iterable[dict[str, Any]]) -> tuple[CouponUse, ...]:
    """Return the codes and what each took off; one that was used up without a discount is there too."""
    amounts: dict[str, Decimal] = {row["voucher__code"]: Decimal(0) for row in used}
    for row in discounts:
        if row["voucher_code"]:
            amounts[row["voucher_code"]] = amounts.get(row["voucher_code"], Decimal(0)) + row["amount"]
    return tuple(CouponUse(code=code, discount=amount) for code, amount in sorted(amounts.items()))


def _rows(app: str, model: str, orders: list[Any], *fields: str, order_by: str = "pk", via: str = "order_id") -> Rows:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    rows = get_model(app, model)._default_manager.filter(**{f"{via}__in": orders})
    for row in rows.order_by(order_by).values(via, *fields):
        found[row.pop(via)].append(row)
    return found
