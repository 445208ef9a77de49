"""What the ground holds about one person, for who asks for it: everything, in words and numbers, without our keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Q, QuerySet

from retention.hashing import address_hash, customer_key
from retention.models import CheckoutChoice, Customer, Fact, MailEvent, Order, Prompt, Signal, Suppression, Token

PERSON = (
    "kind", "email", "address_proven_at", "first_name", "last_name", "language", "country", "zone", "source", "number",
    "joined_at", "erased_at", "orders_count", "first_order_at", "last_order_at",
)  # fmt: skip
ORDER = (
    "reference", "number", "host_status", "email", "language", "country", "postcode", "currency", "items_minor",
    "shipping_minor", "tax_minor", "total_minor", "refunded_minor", "points_spent", "placed_at", "paid_at",
    "fulfilled_at", "delivered_at", "cancelled_at",
)  # fmt: skip
EVIDENCE = ("purpose", "channel", "granted", "basis", "text", "text_version", "source", "at")
MESSAGE = (
    "mail", "purpose", "topic", "order", "source", "state", "reason", "error", "due_at", "sent_at", "delivered_at",
    "bounced_at", "complained_at",
)  # fmt: skip


def export(customer: Customer) -> Mapping[str, Any]:
    """Return what the ground holds about a customer, and about the guests that are a part of them now."""
    orders = customer.orders.order_by("placed_at", "pk")
    references = list(orders.values_list("reference", flat=True))
    mine = Q(customer=customer) | Q(customer__absorbed_into=customer)
    return {
        **{name: getattr(customer, name) for name in PERSON},
        "first_seen": customer.created_at,
        "earlier_rows": list(customer.absorbed.order_by("pk").values(*PERSON, "created_at")),
        "spent": list(customer.spends.order_by("currency").values("currency", "net_minor")),
        "orders": [_order(order) for order in orders.prefetch_related("lines", "refunds", "coupons")],
        "consent": list(customer.consent_evidence.order_by("at", "pk").values(*EVIDENCE)),
        "consent_now": list(
            customer.consents.order_by("purpose").values("purpose", "channel", "granted", "basis", "changed_at")
        ),
        "choices_at_checkout": list(
            CheckoutChoice.objects.filter(order__in=references)
            .order_by("at")
            .values("order", "opted_out", "text", "text_version", "language", "at")
        ),
        "messages": list(customer.messages.order_by("pk").values(*MESSAGE)),
        "mail_events": list(
            MailEvent.objects.filter(message__customer=customer)
            .order_by("pk")
            .values("message__mail", "kind", "provider", "detail", "at")
        ),
        "links": list(
            Token.objects.filter(mine)
            .order_by("pk")
            .values("purpose", "subject", "created_at", "expires_at", "used_at")
        ),
        "not_written_to": _by_address(
            Suppression.objects.order_by("pk"), customer, address_hash, "scope", "reason", "at"
        ),
        "prompts": _by_address(
            Prompt.objects.order_by("pk"),
            customer,
            customer_key,
            "name",
            "order",
            "shown_at",
            "dismissed_at",
            "accepted_at",
        ),
        "happened": list(
            Fact.objects.filter(customer__in=[customer.pk, *customer.absorbed.values_list("pk", flat=True)])
            .order_by("pk")
            .values("kind", "payload", "happened_at")
        ),
        "signals": list(
            Signal.objects.filter(reference__in=references).order_by("pk").values("kind", "reference", "created_at")
        ),
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        **{name: getattr(order, name) for name in ORDER},
        "lines": [
            {"product": line.product, "title": line.title, "quantity": line.quantity, "amount_minor": line.amount_minor}
            for line in order.lines.all()
        ],
        "refunds": [{"amount_minor": refund.amount_minor, "at": refund.at} for refund in order.refunds.all()],
        "coupons": [{"code": use.code, "discount_minor": use.discount_minor} for use in order.coupons.all()],
    }


def _by_address(rows: QuerySet[Any], customer: Customer, hashed: Callable[[str], str], *columns: str) -> list[Any]:
    """Return rows that know an address by its hash alone; nothing to an account that may have typed a stranger's."""
    if not customer.email or (customer.is_member and not customer.address_proven_at):
        return []
    return list(rows.filter(address_hash=hashed(customer.email)).values(*columns))
