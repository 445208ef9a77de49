"""A coupon that an order gives back: Oscar's own rows and counters say so too."""

from decimal import Decimal

from oscar.core.loading import get_model

from retention.testing.contract.making import coupon, filled
from tests.oscar.world import OscarWorld


def test_the_counters_of_voucher_and_offer_go_back(world: OscarWorld) -> None:
    code = coupon(world, kind="amount", value=Decimal("5.00"))
    visitor = filled(world, price="20.00")
    world.ask(visitor, world.shop.apply_coupon, code)
    reference = world.checkout(visitor, "ada@example.com")
    voucher = get_model("voucher", "Voucher").objects.get()
    offer = get_model("offer", "ConditionalOffer").objects.get()
    assert (voucher.num_orders, voucher.total_discount) == (1, Decimal("5.00"))
    assert (offer.num_orders, offer.num_applications, offer.total_discount) == (1, 1, Decimal("5.00"))

    world.cancel(reference)
    assert world.shop.coupon_status([code])[code].used == 1, "Oscar itself gives nothing back"
    assert world.shop.release_coupon(code, order_reference=reference) is True
    voucher.refresh_from_db()
    offer.refresh_from_db()
    assert (voucher.num_orders, voucher.total_discount) == (0, Decimal("0.00"))
    assert (offer.num_orders, offer.num_applications, offer.total_discount) == (0, 0, Decimal("0.00"))
    data = world.shop.get_orders([reference])[reference]
    assert [(use.code, use.discount) for use in data.coupons] == [(code, Decimal("5.00"))], "the order says what it was"


def test_counters_that_oscar_has_lost_do_not_go_below_nothing(world: OscarWorld) -> None:
    code = coupon(world)
    visitor = filled(world, price="20.00")
    world.ask(visitor, world.shop.apply_coupon, code)
    reference = world.checkout(visitor, "ada@example.com")
    get_model("voucher", "Voucher").objects.update(num_orders=0, total_discount=0)
    get_model("offer", "ConditionalOffer").objects.update(num_orders=0, num_applications=0, total_discount=0)
    assert world.shop.release_coupon(code, order_reference=reference) is True
    assert get_model("voucher", "Voucher").objects.get().num_orders == 0
    assert get_model("offer", "ConditionalOffer").objects.get().total_discount == Decimal("0.00")


def test_only_the_order_named_gives_the_coupon_back(world: OscarWorld) -> None:
    code = coupon(world, uses=2)
    references = []
    for email in ("ada@example.com", "bert@example.com"):
        visitor = filled(world, price="20.00")
        world.ask(visitor, world.shop.apply_coupon, code)
        references.append(world.checkout(visitor, email))
    assert world.shop.release_coupon(code, order_reference=references[0]) is True
    left = get_model("voucher", "VoucherApplication").objects.get()
    assert str(left.order_id) == references[1]
