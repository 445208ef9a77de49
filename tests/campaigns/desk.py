"""Staff at the admin's page of an offer: what their browser posts."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from campaigns.models import Offer
from retention.testing.shop import FakeShop

ADD = "/admin/retention_campaigns/offer/add/"
INLINES = ("money", "goods", "conditions", "limits", "versions")


@pytest.fixture
def staff(client: Client, fake_shop: FakeShop) -> Client:
    """Somebody who may do everything."""
    client.force_login(get_user_model().objects.create_superuser("staff", "staff@example.com", "a long password"))
    return client


def change(offer: Offer) -> str:
    return f"/admin/retention_campaigns/offer/{offer.pk}/change/"


def form(**given: Any) -> dict[str, Any]:
    """Return the form of an offer of 10 %, filled in."""
    return {
        "name": "Welcome",
        "slug": "welcome",
        "active": "on",
        "kind": "percentage",
        "percent": "10",
        "sale_goods": "on",
        "first_order_only": "on",
        "exclusive": "on",
        "priority": "10",
        "valid_days": "30",
        "starts_on": "",
        "ends_on": "",
        "uses": "1",
        "per_customer": "1",
        "per_customer_period": "ever",
        "prefix": "WELCOME",
        **{f"{name}-{count}_FORMS": "0" for name in INLINES for count in ("TOTAL", "INITIAL")},
        **given,
    }


def rows(name: str, *given: dict[str, Any], first: int = 0) -> dict[str, Any]:
    """Return so many rows of an inline, as posted; ``first``: how many are on the page already."""
    posted: dict[str, Any] = {f"{name}-TOTAL_FORMS": str(first + len(given))}
    for n, row in enumerate(given, start=first):
        posted |= {f"{name}-{n}-{field}": value for field, value in row.items()}
    return posted


def money(currency: str, amount: Any = "", minimum: Any = "") -> dict[str, Any]:
    return {"currency": currency, "amount": amount, "minimum": minimum}


def goods(reference: str, kind: str = "product", rule: str = "only") -> dict[str, Any]:
    return {"rule": rule, "kind": kind, "reference": reference}


def limit(most: Any, currency: str = "", period: str = "ever", measure: str = "") -> dict[str, Any]:
    measure = measure or ("discount" if currency else "uses")
    return {"measure": measure, "most": most, "currency": currency, "period": period}


def edited(offer: Offer, **given: Any) -> dict[str, Any]:
    """Return the form of an offer as its page shows it, with what was changed in it."""
    data = form(
        name=offer.name,
        kind=offer.kind,
        percent="" if offer.percent is None else str(offer.percent),
        valid_days="" if offer.valid_days is None else offer.valid_days,
        starts_on=offer.starts_on or "",
        ends_on=offer.ends_on or "",
        per_customer=offer.per_customer or "",
        priority=offer.priority,
        prefix=offer.prefix,
    )
    for name in ("first_order_only", "exclusive", "sale_goods", "active"):
        if not getattr(offer, name):
            del data[name]
    for name, found in {
        "money": [
            money(row.currency, _decimal(row.amount_minor), _decimal(row.minimum_minor)) | {"id": row.pk}
            for row in offer.money.order_by("pk")
        ],
        "goods": [goods(row.reference, row.kind, row.rule) | {"id": row.pk} for row in offer.goods.order_by("pk")],
        "limits": [
            limit(_decimal(row.most) if row.currency else row.most, row.currency, row.period) | {"id": row.pk}
            for row in offer.limits.order_by("pk")
        ],
    }.items():
        data |= rows(name, *(row | {"offer": offer.pk} for row in found)) | {f"{name}-INITIAL_FORMS": str(len(found))}
    return {**data, **given}


def _decimal(minor: int | None) -> Any:
    return "" if minor is None else minor / 100


def said(response: Any) -> str:
    return unescape(response.content.decode())


def confirm(staff: Client, url: str, data: dict[str, Any]) -> Any:
    """Post, read the plan, and press its button. Returns the plan's page."""
    page = staff.post(url, data)
    assert page.status_code == 200
    assert "posted" in page.context, page.content.decode()
    answer = staff.post(url, {**dict(page.context["posted"]), "_confirmed": "1"})
    assert answer.status_code == 302, answer.content.decode()
    return page
