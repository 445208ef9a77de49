"""A friend in a real Oscar shop: the link, its button, a guest's order with a gift, an account, and then the reward."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from campaigns.models import Coupon, Redemption
from campaigns.services import offers
from campaigns.terms import Kind, Terms
from loyalty.models import Entry, Referral, ReferralTerms
from loyalty.services import referrals
from retention.models import Customer, Message
from retention.services import installation
from retention.testing.settling import settle
from tests.oscar.world import PASSWORD, OscarWorld

BEN = "ben@example.com"


def work(at: Any) -> None:
    settle(at=at)
    referrals.settle_due(at=at)
    settle(at=at)


def promise() -> None:
    ten = Terms(kind=Kind.PERCENTAGE, percent=Decimal(10), valid_days=30, first_order_only=True)
    offer = offers.create(slug="friend", name="Welcome", terms=ten, at=timezone.now())
    ReferralTerms.objects.create(name="Friends", active=True, points=500, friend_offer=offer)


@pytest.mark.django_db
def test_from_the_link_to_the_reward() -> None:
    installation.go_live(at=timezone.now() - timedelta(days=1))
    world = OscarWorld()
    promise()
    cup = world.add_product("Cup", Decimal("40.00"))
    ada = world.add_user("ada@example.com")
    member = world.visit(ada)
    member.post("/retention/friends/link/")
    code = ada.retention_customer.referral_link.code
    assert f"/retention/r/{code}/" in member.get("/retention/account/").content.decode()

    ben = world.visit()
    page = ben.get(f"/retention/r/{code}/").content.decode()
    assert "10% off" in page
    assert "ada" not in page.lower().replace("adapt", "")
    assert ben.post(f"/retention/r/{code}/").status_code == 302
    world.put(ben, cup)
    assert world.to_preview(ben, BEN).context["basket"].total_incl_tax == Decimal("36.00")
    reference = world.checkout(ben, BEN)
    work(timezone.now())
    referral = Referral.objects.get()
    assert (referral.order, referral.state, referral.review) == (reference, "waiting", "")
    assert (referral.friend.kind, referral.friend.address) == ("guest", BEN)
    assert Redemption.objects.get().order == reference
    assert Coupon.objects.get().customer == referral.friend

    ben.post("/retention/account/open/", {"password": PASSWORD})  # on the thank-you page
    work(timezone.now())
    referral.refresh_from_db()
    assert (referral.state, referral.friend.kind) == ("waiting", "member")

    later = timezone.now() + timedelta(days=14)
    work(later - timedelta(minutes=5))
    assert Entry.objects.count() == 0
    work(later)
    assert list(Entry.objects.values_list("account__customer__user", "points", "source")) == [(ada.pk, 500, "referral")]
    shown = member.get("/retention/account/").content.decode()
    assert "+500" in shown
    assert "Rewarded" in shown
    for secret in (BEN, "Ben", reference + "</td>"):
        assert secret not in shown

    world.cancel(reference)
    work(later + timedelta(days=1))
    assert list(Entry.objects.order_by("pk").values_list("points", flat=True)) == [500, -500]
    assert not [message for message in Message.objects.all() if message.customer == ada.retention_customer]
    assert not [letter for letter in mail.outbox if BEN in letter.to and "recommend" in letter.subject.lower()]


@pytest.mark.django_db
def test_a_member_who_orders_by_their_own_link_as_a_guest_waits_for_staff() -> None:
    installation.go_live(at=timezone.now() - timedelta(days=1))
    world = OscarWorld()
    promise()
    cup = world.add_product("Cup", Decimal("40.00"))
    ada = world.add_user("ada@example.com")
    world.visit(ada).post("/retention/friends/link/")
    work(timezone.now())
    code = Customer.objects.get(user=ada).referral_link.code
    stranger = world.visit()
    stranger.post(f"/retention/r/{code}/")
    world.put(stranger, cup)
    world.checkout(stranger, "ADA+gift@example.com")
    work(timezone.now())
    work(timezone.now() + timedelta(days=20))
    referral = Referral.objects.get()
    assert (referral.state, referral.review) == ("waiting", "open")
    assert [flag.kind for flag in referral.flags.all()] == ["address"]
    assert Entry.objects.count() == 0
