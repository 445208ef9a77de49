"""Another last day: later or earlier, here and in the shop, never in the past, and not for what was called off."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Coupon
from campaigns.services import coupons, extending
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import NOW, give, guest, make_offer, percentage, reserve

pytestmark = pytest.mark.django_db

END_OF_MARCH = datetime(2026, 3, 31, 22, 0, tzinfo=UTC)
"""The end of 31 March in Berlin."""


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop) -> FakeShop:
    return fake_shop


def ends(coupon: Coupon) -> datetime:
    return Coupon.objects.get(pk=coupon.pk).expires_at


@pytest.mark.parametrize("days", [5, 60])
def test_a_coupon_gets_a_later_or_an_earlier_last_day_here_and_in_the_shop(shop: FakeShop, days: int) -> None:
    coupon = give(make_offer(percentage(valid_days=days)))
    assert extending.extend([coupon], until=date(2026, 3, 31), at=NOW) == 1
    assert ends(coupon) == shop.coupons[coupon.code].spec.ends_at == END_OF_MARCH


def test_an_expired_one_is_good_again() -> None:
    coupon = give(make_offer(percentage(valid_days=5)))
    later = NOW + timedelta(days=20)
    assert not Coupon.objects.redeemable(at=later).exists()
    assert extending.extend([coupon], until=date(2026, 3, 31), at=later) == 1
    assert reserve(coupon, at=later).coupon_id == coupon.pk


def test_today_can_be_the_last_day_and_yesterday_cannot() -> None:
    coupon = give(make_offer())
    assert extending.extend([coupon], until=NOW.date(), at=NOW) == 1
    before = ends(coupon)
    with pytest.raises(extending.Past):
        extending.extend([coupon], until=NOW.date() - timedelta(days=1), at=NOW)
    assert ends(coupon) == before


@pytest.mark.parametrize(("until", "refusal"), [(date.min, extending.Past), (date.max, extending.TooFar)])
def test_a_day_at_the_ends_of_time_is_refused(until: date, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        extending.extend([give(make_offer())], until=until, at=NOW)


def test_what_was_called_off_stays_off(shop: FakeShop) -> None:
    offer = make_offer()
    off, good = give(offer, guest("ada@example.com")), give(offer, guest("bo@example.com"))
    coupons.void([off], reason="leaked", at=NOW)
    before = ends(off)
    assert extending.extend([off, good], until=date(2026, 6, 30), at=NOW) == 1
    assert ends(off) == before
    assert shop.coupons[off.code].disabled


def test_what_begins_only_after_that_day_is_left_alone() -> None:
    coupon = give(make_offer(percentage(starts_on=date(2026, 4, 10))))
    before = ends(coupon)
    assert extending.extend([coupon], until=date(2026, 4, 9), at=NOW) == 0
    assert ends(coupon) == before
    assert extending.extend([coupon], until=date(2026, 4, 10), at=NOW) == 1


def test_uses_that_a_basket_holds_stay_held() -> None:
    coupon = give(make_offer())
    use = reserve(coupon)
    extending.extend([coupon], until=date(2026, 6, 30), at=NOW)
    use.refresh_from_db()
    assert (use.state, Coupon.objects.get().used) == ("reserved", 1)


def test_the_same_coupon_twice_is_one() -> None:
    coupon = give(make_offer())
    assert extending.extend([coupon, coupon], until=date(2026, 6, 30), at=NOW) == 1
    assert extending.extend([], until=date(2026, 6, 30), at=NOW) == 0


def test_a_transaction_changes_at_most_a_hundred_on_sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    offer = make_offer()
    given = [give(offer, guest(f"{n}@example.com")) for n in range(12)]
    sizes: list[int] = []
    extend = extending._extend
    monkeypatch.setattr(extending, "BATCH", 5)
    monkeypatch.setattr(extending, "_extend", lambda ids, **more: (sizes.append(len(ids)), extend(ids, **more))[1])
    assert extending.extend(given, until=date(2026, 6, 30), at=NOW) == 12
    assert sizes == [5, 5, 2]


def test_queries_do_not_grow_with_the_number_of_coupons() -> None:
    offer = make_offer()
    given = [give(offer, guest(f"{n}@example.com")) for n in range(30)]

    def cost(some: list[Coupon]) -> int:
        with CaptureQueriesContext(connection) as asked:
            extending.extend(some, until=date(2026, 6, 30), at=NOW)
        return len(asked)

    assert cost(given) == cost(given[:1])
