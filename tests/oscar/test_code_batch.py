"""Codes in bulk become vouchers of Oscar's, end there too, and have a last day there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import time_machine
from oscar.core.loading import get_model

from campaigns.models import Coupon
from campaigns.services import batches, coupons, extending, replacing, sharing
from retention.contrib.oscar.models import CouponTerms
from tests.campaigns.shelf import NOW, make_offer, percentage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_nine() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def vouchers() -> Any:
    return get_model("voucher", "Voucher")._default_manager


def test_each_code_is_a_voucher_for_whoever_has_it() -> None:
    batch = batches.start(make_offer(prefix="LEAF"), name="leaflet", count=120, at=NOW)
    while batches.carry_on(at=NOW):
        pass
    codes = set(Coupon.objects.filter(batch=batch).values_list("code", flat=True))
    assert len(codes) == 120
    assert set(vouchers().values_list("code", flat=True)) == codes
    assert set(CouponTerms.objects.values_list("owner_key", "user_id", "uses")) == {("", None, 1)}
    # what they give stands once, not a hundred and twenty times
    assert CouponTerms.objects.values("shared").distinct().count() == 1


def test_another_last_day_and_calling_off_reach_oscar() -> None:
    batch = batches.start(make_offer(percentage(valid_days=5)), name="leaflet", count=3, at=NOW)
    batches.carry_on(at=NOW)
    one, two, three = Coupon.objects.filter(batch=batch).order_by("pk")
    assert extending.extend([one], until=date(2026, 6, 30), at=NOW) == 1
    coupons.void([two], reason="leaked", at=NOW)
    new = replacing.reissue(three, source="staff:7", at=NOW)
    ends = dict(vouchers().values_list("code", "end_datetime"))
    one.refresh_from_db()
    assert ends[one.code] == one.expires_at
    assert one.expires_at > three.expires_at
    assert ends[two.code] < three.expires_at
    assert ends[three.code] < three.expires_at
    assert ends[new.code] == three.expires_at


def test_a_shared_code_that_a_voucher_of_the_merchants_own_has_is_taken() -> None:
    vouchers().create(name="Own", code="SPRING24", start_datetime=NOW, end_datetime=NOW.replace(month=9))
    offer = make_offer()
    with pytest.raises(sharing.CodeTaken):
        sharing.look(offer, code="spring 24", cap=5, at=NOW)
    assert Coupon.objects.count() == 0
