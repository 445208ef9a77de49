"""Staff at the admin's pages of coupons and codes."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns.models import Coupon
from retention.testing.shop import FakeShop

COUPONS = "/admin/retention_campaigns/coupon/"
BATCHES = "/admin/retention_campaigns/couponbatch/"
WHY = f"{COUPONS}why/"


@pytest.fixture
def staff(client: Client, fake_shop: FakeShop) -> Client:
    """Somebody who may do everything."""
    client.force_login(get_user_model().objects.create_superuser("staff", "staff@example.com", "a long password"))
    return client


def clerk(*permissions: str) -> Client:
    """Return a client of somebody with these permissions ("app.codename")."""
    account = get_user_model().objects.create_user("clerk", "clerk@example.com", "a long password", is_staff=True)
    for permission in permissions:
        app, codename = permission.split(".")
        account.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    made = Client()
    made.force_login(account)
    return made


def page(coupon: Coupon) -> str:
    return f"{COUPONS}{coupon.pk}/change/"


def said(response: Any) -> str:
    """Return a page as it is read, tags and all."""
    return unescape(response.content.decode())


def act(client: Client, action: str, *coupons: Coupon, url: str = COUPONS, **given: Any) -> Any:
    """Choose an action of the list of coupons for some of them, and follow."""
    chosen = {"action": action, "_selected_action": [coupon.pk for coupon in coupons], **given}
    return client.post(url, chosen, follow=True)


def cost(client: Client, url: str, data: Any = None) -> int:
    """Return how many queries a page takes, once what is looked up once, such as content types, is known."""
    client.get(url, data)
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(url, data)
    assert answer.status_code == 200, answer.content
    return len(asked)
