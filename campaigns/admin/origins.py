"""Where a coupon came from, with a link, and no query a row."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Substr
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from campaigns.models import Coupon, Journey
from retention.models import Order

JOURNEY, STAFF = "journey:", "staff:"
"""How ``source`` begins."""


def with_origins(rows: QuerySet[Coupon]) -> QuerySet[Any]:
    """Load all that a row shows, and add what ``origin`` and ``order`` show."""
    orders = Order.objects.filter(reference=OuterRef("order"))
    journeys = Journey.objects.filter(slug=Substr(OuterRef("source"), len(JOURNEY) + 1))
    return rows.select_related("offer", "version", "customer", "batch", "replaces").annotate(
        journey_pk=Subquery(journeys.values("pk")[:1]),
        journey_name=Subquery(journeys.values("name")[:1]),
        order_pk=Subquery(orders.values("pk")[:1]),
        order_number=Subquery(orders.values("number")[:1]),
    )


def origin(coupon: Any) -> SafeString | str:
    """Return where a coupon came from."""
    if coupon.replaces is not None:
        return _link("coupon", coupon.replaces_id, _("instead of %(code)s") % {"code": coupon.replaces.code})
    if coupon.batch is not None:
        return _link("couponbatch", coupon.batch_id, _("in bulk: %(name)s") % {"name": coupon.batch.name})
    if coupon.source.startswith(JOURNEY) and coupon.journey_pk:
        return _link("journey", coupon.journey_pk, _("journey: %(name)s") % {"name": coupon.journey_name})
    if coupon.source.startswith(STAFF):
        return _("staff, account %(number)s") % {"number": coupon.source.removeprefix(STAFF)}
    return str(coupon.source)


def by(coupon: Coupon) -> str:
    """Return the name of the member of staff who made a coupon; empty where nobody did, or the account is gone."""
    number = coupon.source.removeprefix(STAFF)
    if not coupon.source.startswith(STAFF) or not number.isdecimal():
        return ""
    account = get_user_model()._default_manager.filter(pk=number).first()
    return account.get_username() if account else ""


def order(coupon: Any) -> SafeString | str:
    """Return the order that a coupon was given for."""
    if not coupon.order_pk:
        return str(coupon.order)
    url = reverse("admin:retention_order_change", args=[coupon.order_pk])
    return format_html('<a href="{}">{}</a>', url, coupon.order_number)


def _link(model: str, pk: int, words: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse(f"admin:retention_campaigns_{model}_change", args=[pk]), words)
