"""Paid memberships on the shopper's own page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from loyalty import paid_words
from loyalty.models import PaidTerm, Plan
from loyalty.services import paid_members
from retention import registry
from retention.models import Customer
from retention.shop import get_shop


def memberships(request: HttpRequest, customer: Customer) -> Mapping[str, Any] | None:
    """Return what the section shows: what runs until when, what has ended, what is on sale; None without any."""
    now = timezone.now()  # noqa: TID251  (a section is the edge: the page gives it no clock)
    terms = list(PaidTerm.objects.filter(customer=customer, ends_at__isnull=False).select_related("plan"))
    plans = list(Plan.objects.filter(active=True).exclude(product="").select_related("free_shipping", "gift"))
    shown = {plan.pk: plan for plan in (*plans, *(term.plan for term in terms))}
    if not shown:
        return None
    products = get_shop().get_products({plan.product for plan in plans})
    rows = []
    for plan in sorted(shown.values(), key=lambda plan: (plan.name, plan.pk)):
        mine = [term for term in terms if term.plan_id == plan.pk]
        run = paid_members.run_of(mine, at=now)
        factor = max((term.multiplier for term in mine if term.starts_at <= now < term.ends_at), default=None)  # type: ignore[operator]
        product = products.get(plan.product) if plan.active and plan.product else None
        ended = max((term.ends_at for term in mine), default=None)  # type: ignore[type-var]
        rows.append(
            {
                "name": plan.name,
                "until": paid_words.day(run.until) if run else "",
                "ended": paid_words.day(ended) if ended is not None and run is None else "",
                "benefits": list(paid_words.benefits(plan, factor, at=now)),
                "url": product.url if product and product.in_stock else "",
                "terms": list(paid_words.for_members(plan)),
            }
        )
    return {"template": "loyalty/memberships.html", "rows": rows}


def load() -> None:
    """Register the section."""
    registry.account_pages.add("loyalty.membership", memberships)
