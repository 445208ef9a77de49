"""An offer for a segment: who is in it can use its coupons, and nobody else, whatever they type."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns import queries
from campaigns.baskets import Basket, Line
from campaigns.models import Coupon, Segment, SegmentMember
from campaigns.reasons import Reason
from campaigns.services import checking
from campaigns.terms import Asked
from retention.services import customers
from retention.testing.shop import FakeShop
from retention.testing.world import FakeWorld
from tests.campaigns.crowd import segment, within, without
from tests.campaigns.shelf import NOW, give, guest, make_offer, percentage

pytestmark = pytest.mark.django_db

MEMBER = ("retention.member", {})
NEW = ("campaigns.first_order", {})


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop) -> FakeShop:
    return fake_shop


@pytest.fixture
def code(shop: FakeShop) -> Coupon:
    """A code that many share, of an offer for the segment "vip"."""
    terms = percentage(
        per_customer=None, conditions=(Asked(name="campaigns.in_segment", parameters={"segment": "vip"}),)
    )
    coupon = give(make_offer(terms), guest("owner@example.com"))
    Coupon.objects.update(customer=None, max_uses=None)
    return coupon


def refusal(coupon: Coupon, **who: Any) -> tuple[Reason, str] | None:
    shopping = Basket(reference="c1", currency="EUR", lines=(Line(product="p1", price=5000),), **who)
    found = list(queries.by_code([coupon.code], cart="c1"))
    refused = checking.check(found, basket=shopping, at=NOW)
    return (refused[coupon.pk].reason, refused[coupon.pk].detail) if refused else None


NOT_IN_IT = (Reason.CONDITION, "Is not in the segment “vip”.")


def test_who_is_in_it_uses_it_by_account_or_as_a_guest(code: Coupon, fake_world: FakeWorld) -> None:
    segment("vip", MEMBER)
    user = fake_world.add_user("ada@example.com")
    customers.for_user(user, at=NOW)
    guest("ada@example.com")
    guest("bo@example.com")
    assert refusal(code, user_id=user.pk) is None
    assert refusal(code, email="ADA@example.com") is None, "the same person, not signed in"
    assert refusal(code, email="bo@example.com") == NOT_IN_IT
    assert refusal(code, user_id=user.pk, email="bo@example.com") == NOT_IN_IT, "both shop"
    assert refusal(code) == (Reason.NO_ADDRESS, "")


def test_who_is_on_a_list_uses_it(code: Coupon) -> None:
    row = segment("vip", kind="list")
    SegmentMember.objects.create(segment=row, customer=guest("ada@example.com"), added_at=NOW)
    assert refusal(code, email="ada@example.com") is None
    assert refusal(code, email="bo@example.com") == NOT_IN_IT
    SegmentMember.objects.all().delete()
    assert refusal(code, email="ada@example.com") == NOT_IN_IT


@pytest.mark.parametrize(
    ("rules", "match", "taken"),
    [
        ([NEW], "all", True),
        ([(*NEW, "not")], "all", False),
        ([MEMBER], "all", False),
        ([(*MEMBER, "not"), NEW], "all", True),
        ([MEMBER, NEW], "all", False),
        ([MEMBER, NEW], "any", True),
        ([within("list")], "all", False),
        ([without("list")], "all", True),
        ([without("gone"), NEW], "all", False),
    ],
)  # fmt: skip
def test_somebody_whom_nobody_has_seen_is_in_it_where_the_rules_say_so(
    code: Coupon, rules: list[Any], match: str, taken: bool
) -> None:
    segment("list", kind="list")
    segment("vip", *rules, match=match)
    assert refusal(code, email="nobody@example.com") == (None if taken else NOT_IN_IT)


def test_a_segment_that_was_deleted_or_cannot_be_asked_refuses_everybody(code: Coupon) -> None:
    guest("ada@example.com")
    assert refusal(code, email="ada@example.com") == NOT_IN_IT
    segment("vip", ("shop.starsign", {}, "not"))
    assert refusal(code, email="ada@example.com") == NOT_IN_IT
    Segment.objects.all().delete()
    segment("vip", within("vip"))
    assert refusal(code, email="ada@example.com") == NOT_IN_IT


def test_a_segment_costs_a_check_two_queries_more(code: Coupon, django_assert_num_queries: Any) -> None:
    guest("ada@example.com")
    segment("other", MEMBER)
    segment("vip", without("other"), ("retention.guest", {}))
    shopping = Basket(currency="EUR", lines=(Line(product="p1", price=5000),), email="ada@example.com")
    found = list(queries.by_code([code.code]))
    with django_assert_num_queries(1 + 2 + 1):  # who shops; the segments, and who of them is in it; uses of the person
        assert checking.check(found, basket=shopping, at=NOW) == {}
