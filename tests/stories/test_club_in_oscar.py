"""A paid membership in a real Oscar shop: bought as a product, free shipping by itself, and gone with a refund."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from campaigns.services import offers
from campaigns.terms import Kind, Terms
from loyalty.models import PaidTerm, Plan
from loyalty.services import paid_members
from retention.services import installation
from retention.testing.settling import settle
from tests.oscar.world import PASSWORD, OscarWorld


def work(at: Any) -> None:
    settle(at=at)
    paid_members.look(at=at)
    settle(at=at)


def shipping_of(world: OscarWorld, visitor: Any, product: str) -> Decimal:
    """Return what shipping costs the visitor who is about to order."""
    world.put(visitor, product)
    found: Decimal = world.to_preview(visitor).context["shipping_charge"].incl_tax
    return found


@pytest.mark.django_db
def test_a_guest_buys_the_club_makes_an_account_and_has_what_members_have() -> None:
    installation.go_live(at=timezone.now() - timedelta(days=1))
    world = OscarWorld()
    cup, club = world.add_product("Cup", Decimal("20.00")), world.add_product("Club", Decimal("60.00"))
    free = Terms(kind=Kind.FREE_SHIPPING, valid_days=400, uses=1000, exclusive=False)
    offer = offers.create(slug="club", name="Free shipping", terms=free, at=timezone.now())
    Plan.objects.create(name="Club", product=club, months=12, free_shipping=offer)

    ben = world.visit()
    world.put(ben, club)
    reference = world.checkout(ben, "ben@example.com")
    work(timezone.now())
    assert PaidTerm.objects.values_list("units", "starts_at").get() == (1, None)  # it waits for an account

    ben.post("/retention/account/open/", {"password": PASSWORD})
    work(timezone.now())
    term = PaidTerm.objects.get()
    assert (term.order, term.customer.kind, term.paid_minor) == (reference, "member", 6000)
    page = ben.get("/retention/account/").content.decode()
    assert "You are a member until" in page
    assert f"/catalogue/club_{club}/" in page

    assert shipping_of(world, ben, cup) == Decimal("0.00")
    stranger = world.visit(world.add_user("cleo@example.com"))
    assert shipping_of(world, stranger, cup) > 0

    world.refund(reference, Decimal(str(world.order(reference).total_incl_tax)))
    work(timezone.now())
    assert PaidTerm.objects.values_list("units", "starts_at").get() == (0, None)
    assert "You are not a member." in ben.get("/retention/account/").content.decode()
    assert world.to_preview(ben).context["shipping_charge"].incl_tax > 0
