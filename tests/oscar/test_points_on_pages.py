"""Oscar's product page, basket and thank-you page say what they earn, and the ledger then says the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from oscar.core.loading import get_model

from loyalty.models import Account, Programme
from loyalty.services import programmes, rules
from retention.services import installation
from tests.loyalty.till import START
from tests.oscar.world import OscarWorld

# Oscar asks its categories for what stands above them in a way that treebeard gives up one day.
pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:Using Category.get_")]

Drain = Callable[[datetime], None]


def said(page: Any) -> list[str]:
    return re.findall(r'<p class="retention-note">([^<]*)</p>', page.content.decode())


@pytest.fixture
def tea(world: OscarWorld) -> str:
    installation.go_live(at=START)
    programme = Programme.objects.create(name="Points", active=True, pending_days=0)
    programmes.set_rate(programme, currency="EUR", points=Decimal(1), at=START)
    rules.set_rule(programme, at=START, name="Tea", goods="only", categories=["food"], times=Decimal(2))
    return world.add_product("Tea", Decimal(12), category="food/tea")


def page_of(visitor: Client, product: str) -> Any:
    return visitor.get(f"/catalogue/anything_{product}/", follow=True)


def test_what_the_pages_say_is_what_the_ledger_posts(world: OscarWorld, tea: str, drain: Drain) -> None:
    user = world.add_user("ada@example.com")
    visitor = world.visit(user)
    assert said(page_of(visitor, tea)) == ["This earns 24 points"]
    world.put(visitor, tea, 2)
    assert said(visitor.get("/basket/")) == ["This earns 48 points"]
    world.checkout(visitor)
    assert said(visitor.get("/checkout/thank-you/")) == ["This order earns you 48 points."]
    drain(world.now())
    assert Account.objects.get(customer__user=user).balance == 48


def test_a_stranger_reads_what_an_account_would_give(world: OscarWorld, tea: str) -> None:
    assert said(page_of(world.visit(), tea)) == ["With an account this earns 24 points"]


def test_without_a_programme_the_pages_say_nothing(world: OscarWorld, tea: str) -> None:
    Programme.objects.update(active=False)
    visitor = world.visit()
    world.put(visitor, tea)
    assert (said(page_of(visitor, tea)), said(visitor.get("/basket/"))) == ([], [])


def test_a_refund_that_names_its_lines_takes_their_points_and_no_others(
    world: OscarWorld, tea: str, drain: Drain
) -> None:
    cup = world.add_product("Cup", Decimal(20))
    user = world.add_user("ada@example.com")
    visitor = world.visit(user)
    world.put(visitor, tea, 2)
    world.put(visitor, cup)
    order = world.order(world.checkout(visitor))
    drain(world.now())
    assert Account.objects.get(customer__user=user).balance == 48 + 20
    kind, _ = get_model("order", "PaymentEventType").objects.get_or_create(name="Refunded")
    event = order.payment_events.create(event_type=kind, amount=Decimal(12), reference="g1")
    line = order.lines.get(product_id=tea)
    get_model("order", "PaymentEventQuantity").objects.create(event=event, line=line, quantity=1)
    drain(world.now())
    assert Account.objects.get(customer__user=user).balance == 24 + 20
