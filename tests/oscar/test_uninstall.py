"""Leaving: nothing in Oscar names a class of ours any more, and the shop goes on."""

import sys
from decimal import Decimal
from io import StringIO

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from oscar.core.loading import get_model

from retention.contrib.oscar.models import CouponTerms, SharedOffer
from retention.testing.contract.making import GUEST, coupon, filled
from tests.oscar.world import OscarWorld


def ours_in_oscar() -> int:
    return sum(
        get_model("offer", name).objects.filter(proxy_class__startswith="retention").count()
        for name in ("Condition", "Benefit", "Range")
    )


def test_a_basket_with_our_coupon_breaks_without_our_code_and_works_after_leaving(
    world: OscarWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    bowl = world.add_product("Bowl", Decimal("30.00"))
    codes = [
        coupon(world, "ALL-CODE-00001"),
        coupon(world, "BOWL-CODE-0001", offer="bowls", products=(bowl,)),
        coupon(world, "SHIP-CODE-0001", offer="ship", kind="free_shipping", value=Decimal(0)),
    ]
    used = filled(world)
    world.ask(used, world.shop.apply_coupon, codes[0])
    placed = world.checkout(used, GUEST)
    visitor = filled(world, price="20.00")
    world.ask(visitor, world.shop.apply_coupon, coupon(world, "LAST-CODE-0001"))

    with monkeypatch.context() as gone:
        for module in ("conditions", "benefits"):
            gone.setitem(sys.modules, f"retention.contrib.oscar.{module}", None)
        with pytest.raises(ImproperlyConfigured):
            visitor.get("/basket/")

        out = StringIO()
        call_command("retention_uninstall", yes=True, stdout=out)
        assert out.getvalue().splitlines()[:2] == ["4 vouchers taken out of Oscar.", "3 offers taken out of Oscar."]
        assert ours_in_oscar() == 0
        assert visitor.get("/basket/").status_code == 200
        assert world.checkout(visitor, GUEST)

    for name in ("ConditionalOffer", "Condition", "Benefit", "Range"):
        assert get_model("offer", name).objects.count() == 0, name
    assert get_model("voucher", "Voucher").objects.count() == 0
    assert CouponTerms.objects.count() == 0
    assert SharedOffer.objects.count() == 0
    data = world.shop.get_orders([placed])[placed]
    assert [use.code for use in data.coupons] == ["ALL-CODE-00001"], "orders keep what they were placed with"
    assert world.shop.uninstall().lines == ("Nothing of ours is in Oscar.",)


def test_what_the_merchant_made_of_our_range_stays(world: OscarWorld) -> None:
    """A range that our offers have is ours, unless the merchant uses it too."""
    coupon(world)
    ranges = get_model("offer", "Range").objects
    our_range, lonely = ranges.create(name="One"), ranges.create(name="Two")
    get_model("offer", "Condition").objects.update(range=our_range)
    get_model("offer", "Benefit").objects.update(range=lonely)
    theirs = get_model("offer", "ConditionalOffer").objects.create(
        name="Theirs",
        condition=get_model("offer", "Condition").objects.create(range=our_range, type="Count", value=1),
        benefit=get_model("offer", "Benefit").objects.create(range=our_range, type="Percentage", value=5),
    )
    world.shop.uninstall()
    theirs.refresh_from_db()
    assert list(ranges.all()) == [our_range]
    assert theirs.condition.range == our_range
    assert get_model("offer", "ConditionalOffer").objects.count() == 1


def test_rows_of_ours_are_found_even_where_our_tables_were_lost(world: OscarWorld) -> None:
    coupon(world)
    CouponTerms.objects.all().delete()
    SharedOffer.objects.all().delete()
    assert ours_in_oscar() == 2
    world.shop.uninstall()
    assert ours_in_oscar() == 0
    assert get_model("offer", "ConditionalOffer").objects.count() == 0
