"""What was refused is kept for staff: which coupon, why and where, and nothing of who shopped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from campaigns.models import Rejection
from campaigns.reasons import Reason
from campaigns.services import applying, rejections
from retention import registry
from retention.shop import CouponRejected
from retention.testing.shop import FakeShop
from retention.testing.world import FakeWorld
from tests.campaigns.shelf import NOW, give, guest, make_offer, percentage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop) -> FakeShop:
    return fake_shop


def tell(code: str, reason: str, *, detail: str = "", where: str = "form", cart: str = "c1") -> None:
    """Tell every listener of a refusal, as an adapter does."""
    for listener in registry.coupon_refusals:
        listener(CouponRejected(reason, code=code, detail=detail), where, cart, NOW)


def kept() -> list[tuple[Any, ...]]:
    return list(Rejection.objects.order_by("pk").values_list("coupon__code", "reason", "detail", "where", "cart", "at"))


def test_a_refusal_is_kept_with_its_exact_reason() -> None:
    coupon = give(make_offer())
    tell(coupon.code, "expired")
    tell(coupon.code.lower(), "condition", detail="There is an order already.", where="checkout", cart="17")
    assert kept() == [
        (coupon.code, "expired", "", "form", "c1", NOW),
        (coupon.code, "condition", "There is an order already.", "checkout", "17", NOW),
    ]


def test_a_code_that_is_not_ours_is_not_kept() -> None:
    for code in ("NO-SUCH-CODE", "", "\x00", "лето", "A" * 10_000):
        tell(code, "unknown")
    assert kept() == []


@pytest.mark.parametrize(
    ("word", "reason", "detail"),
    [
        ("owner", Reason.SOMEONE_ELSES, ""),
        ("currency", Reason.WRONG_CURRENCY, ""),
        ("minimum", Reason.BELOW_MINIMUM, ""),
        ("products", Reason.GOODS, ""),
        ("no_discount", Reason.NOTHING_OFF, ""),
        ("used", Reason.USED, ""),
        ("exclusive", Reason.EXCLUSIVE, ""),
        ("something of its own", Reason.HOST, "something of its own"),
        ("unknown", Reason.HOST, "unknown"),
    ],
)
def test_the_shops_words_become_ours(word: str, reason: Reason, detail: str) -> None:
    coupon = give(make_offer())
    tell(coupon.code, word)
    assert [(row[1], row[2]) for row in kept()] == [(reason, detail)]


def test_no_address_is_kept_and_nothing_is_too_long() -> None:
    coupon = give(make_offer())
    tell(coupon.code, "condition", detail="not for ada@example.com" + "x" * 500, cart="7" * 500)
    [(_, _, detail, _, cart, _)] = kept()
    assert detail.startswith("not for …")
    assert (len(detail), len(cart)) == (9, 128)


def test_a_refusal_by_link_is_kept(fake_world: FakeWorld) -> None:
    coupon = give(make_offer(), guest("bo@example.com"))
    visitor = fake_world.visit()
    with pytest.raises(applying.Refused):
        applying.apply(visitor, coupon.code, email="ada@example.com", user_id=None, at=NOW)
    assert [row[:4] for row in kept()] == [(coupon.code, "someone_elses", "", "link")]


def test_a_link_to_nothing_keeps_nothing(fake_world: FakeWorld) -> None:
    with pytest.raises(applying.Refused):
        applying.apply(fake_world.visit(), "NO-SUCH-CODE", email="", user_id=None, at=NOW)
    assert kept() == []


def test_what_the_shop_itself_refuses_by_link_is_kept(shop: FakeShop, fake_world: FakeWorld) -> None:
    coupon = give(make_offer(percentage(valid_days=30)))
    shop.coupons[coupon.code].disabled = True
    with pytest.raises(applying.Refused):
        applying.apply(fake_world.visit(), coupon.code, email="ada@example.com", user_id=None, at=NOW)
    assert [row[1:4] for row in kept()] == [("expired", "", "link")]


def test_after_ninety_days_a_refusal_is_forgotten(settings: Any) -> None:
    coupon = give(make_offer())
    tell(coupon.code, "expired")
    assert rejections.prune(at=NOW + timedelta(days=90)) == 0
    assert rejections.prune(at=NOW + timedelta(days=90, seconds=1)) == 1
    assert kept() == []
    tell(coupon.code, "expired")
    settings.CAMPAIGNS = {"REFUSAL_DAYS": 7}
    assert registry.ticks["campaigns.refusals"].run(NOW + timedelta(days=8)) == 1


def test_many_are_forgotten_by_so_many_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejections, "BATCH", 4)
    coupon = give(make_offer())
    for _ in range(10):
        tell(coupon.code, "expired")
    assert rejections.prune(at=NOW + timedelta(days=91)) == 10
