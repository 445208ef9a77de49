"""Reading Oscar's orders: people, places, pages of a long list."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from oscar.core.loading import get_model

from retention.contrib.oscar import orders
from retention.testing.contract.making import GUEST, counting, coupon, filled, order
from tests.oscar.world import OscarWorld


def test_a_guest_is_named_as_on_the_parcel(world: OscarWorld) -> None:
    data = world.shop.get_orders([reference := order(world)])[reference]
    assert (data.first_name, data.last_name) == ("Ada", "Guest")
    assert (data.country, data.postcode) == ("DE", "12345")
    assert data.site_id == 1


def test_a_member_is_named_as_in_the_account_not_as_on_a_present(world: OscarWorld) -> None:
    user = world.add_user("member@example.com")
    user.first_name, user.last_name = "Grace", "Member"
    user.save()
    data = world.shop.get_orders([reference := order(world, user=user)])[reference]
    assert (data.first_name, data.last_name, data.email) == ("Grace", "Member", "member@example.com")


def test_a_line_knows_its_categories_and_those_above(world: OscarWorld) -> None:
    Category = get_model("catalogue", "Category")
    visitor = world.visit()
    cup = world.add_product("Cup", Decimal("10.00"), category="Clay")
    below = Category.objects.add_child(Category.objects.get(), {"name": "Cups"})
    get_model("catalogue", "Product").objects.get().categories.set([below])
    world.put(visitor, cup)
    reference = world.checkout(visitor, GUEST)
    [line] = world.shop.get_orders([reference])[reference].lines
    assert line.categories == ("clay", "clay/cups")
    assert line.product == cup


def test_a_line_whose_product_was_deleted_can_be_read(world: OscarWorld) -> None:
    reference = order(world)
    get_model("catalogue", "Product").objects.all().delete()
    [line] = world.shop.get_orders([reference])[reference].lines
    assert (line.product, line.title, line.categories) == ("", "Cup", ())


def test_an_edit_without_history_is_seen_and_has_no_time(world: OscarWorld) -> None:
    reference = order(world)
    placed = world.order(reference)
    placed.status = "Cancelled"
    placed.save()
    data = world.shop.get_orders([reference])[reference]
    assert data.cancelled_at is None
    assert data.reached == {"cancelled"}
    assert data.final


@pytest.mark.parametrize("page", [1, 2, 3, 7])
def test_a_long_list_is_whole_and_in_order_even_where_times_are_equal(
    world: OscarWorld, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    references = [order(world) for _ in range(5)]
    Order = get_model("order", "Order")
    same = Order.objects.get(pk=references[0]).date_placed
    Order.objects.filter(pk__in=references[:4]).update(date_placed=same)
    Order.objects.filter(pk=references[4]).update(date_placed=same - timedelta(days=1))
    monkeypatch.setattr(orders, "PAGE", page)
    assert list(world.shop.iter_orders(since=None)) == [references[4], *references[:4]]
    assert list(world.shop.iter_orders(since=same)) == references[:4]
    assert list(world.shop.iter_orders(since=None, until=same)) == [references[4]]


def test_orders_with_everything_take_as_many_queries_as_one(world: OscarWorld) -> None:
    def rich(number: int) -> str:
        visitor = world.visit()
        for name in ("Cup", "Bowl"):
            world.put(visitor, world.add_product(name, Decimal("10.00"), category=f"Things {number} {name}"))
        world.ask(visitor, world.shop.apply_coupon, coupon(world, f"RICH-CODE-{number:04}"))
        reference = world.checkout(visitor, f"person{number}@example.com")
        world.fulfill(reference)
        world.refund(reference, Decimal("1.00"))
        return reference

    references = [rich(number) for number in range(4)]
    with counting() as one:
        world.shop.get_orders(references[:1])
    with counting() as many:
        found = world.shop.get_orders(references)
    assert len(many) == len(one)
    assert all(len(data.lines) == 2 and data.refunds and data.coupons for data in found.values())


def test_a_coupon_used_up_without_taking_anything_off_is_named_all_the_same(world: OscarWorld, settings: Any) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "retention" not in name]  # it would be refused
    code = coupon(world, kind="free_shipping", value=Decimal(0))
    visitor = filled(world)
    world.ask(visitor, world.shop.apply_coupon, code)
    visitor.post("/checkout/", {"username": GUEST, "options": "anonymous"})
    world.to_preview(visitor)
    visitor.post("/checkout/shipping-method/", {"method_code": "collect"})
    world.place(visitor)
    reference = str(visitor.session["checkout_order_id"])
    data = world.shop.get_orders([reference])[reference]
    assert [(use.code, use.discount) for use in data.coupons] == [(code, Decimal("0.00"))]
