"""A coupon that somebody has for as long as something holds is put into their basket by the shop itself."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.models import Coupon, MarginGuard, Offer
from campaigns.services import coupons, offers
from campaigns.services.coupons import Wish
from campaigns.terms import Terms
from loyalty.services import standing_coupons
from retention.models import Customer
from retention.services import customers
from tests.oscar.world import OscarWorld

EMAIL = "ada@example.com"


@pytest.fixture
def member(world: OscarWorld) -> Any:
    user = world.add_user(EMAIL)
    customers.for_user(user, at=timezone.now())
    return user


def free_shipping(*, exclusive: bool = False, **more: Any) -> Offer:
    terms = Terms(kind="free_shipping", valid_days=365, uses=100, exclusive=exclusive, **more)
    return offers.create(slug="ship", name="Free shipping for Gold", terms=terms, at=timezone.now())


def own(user: Any, offer: Offer) -> Coupon:
    """Give the coupon that is the member's own."""
    customer = Customer.objects.get(user=user)
    assert standing_coupons.settle("tier", {customer.pk: offer.pk}, at=timezone.now()) == 1
    return Coupon.objects.get(customer=customer, source="standing:tier")


def codes(world: OscarWorld, visitor: Client) -> list[str]:
    return sorted(world.ask(visitor, world.shop.get_cart).coupons)


def filled(world: OscarWorld, user: Any) -> Client:
    visitor = world.visit(user)
    world.put(visitor, world.add_product("Vase", Decimal("40.00")))
    return visitor


def test_it_is_in_the_basket_as_soon_as_there_is_something_in_it_and_nothing_is_said(
    world: OscarWorld, member: Any
) -> None:
    coupon = own(member, free_shipping())
    visitor = filled(world, member)
    assert codes(world, visitor) == [coupon.code]
    page = visitor.get("/basket/")
    assert not [str(message) for message in page.context["messages"] if coupon.code in str(message)]
    preview = world.to_preview(visitor)
    assert preview.context["shipping_charge"].incl_tax == Decimal("0.00")
    assert preview.context["order_total"].incl_tax == Decimal("40.00")


def test_somebody_else_and_a_guest_have_nothing_of_it(world: OscarWorld, member: Any) -> None:
    own(member, free_shipping())
    assert codes(world, filled(world, world.add_user("bob@example.com"))) == []
    assert codes(world, filled(world, None)) == []


def test_taken_out_it_stays_out_of_this_basket(world: OscarWorld, member: Any) -> None:
    coupon = own(member, free_shipping())
    visitor = filled(world, member)
    world.ask(visitor, world.shop.remove_coupon, coupon.code)
    assert codes(world, visitor) == []
    world.put(visitor, world.add_product("Cup", Decimal("5.00")))
    visitor.get("/basket/")
    assert codes(world, visitor) == []


def test_it_makes_room_without_a_word_for_a_code_that_the_shopper_chose(world: OscarWorld, member: Any) -> None:
    own(member, free_shipping())
    terms = Terms(kind="percentage", percent=Decimal(10), valid_days=30, exclusive=True)
    welcome = offers.create(slug="welcome", name="Welcome", terms=terms, at=timezone.now())
    chosen = coupons.issue(
        Wish(key="w", customer=Customer.objects.get(user=member).pk), offer=welcome, source="test", at=timezone.now()
    )
    assert chosen is not None
    visitor = filled(world, member)
    visitor.post("/basket/vouchers/add/", {"code": chosen.code})
    assert codes(world, visitor) == [chosen.code]
    page = visitor.get("/basket/")
    assert codes(world, visitor) == [chosen.code]
    assert not [message for message in page.context["messages"] if "cannot be used" in str(message)]


def test_two_that_do_not_go_together_do_not_push_each_other_out(world: OscarWorld, member: Any) -> None:
    first = own(member, free_shipping(exclusive=True))
    terms = Terms(kind="percentage", percent=Decimal(5), valid_days=30, uses=100, exclusive=True)
    other = offers.create(slug="five", name="Five", terms=terms, at=timezone.now())
    customer = Customer.objects.get(user=member).pk
    standing_coupons.settle("paid", {customer: other.pk}, at=timezone.now())
    visitor = filled(world, member)
    for _ in range(3):
        visitor.get("/basket/")
        assert codes(world, visitor) == [first.code]


def test_called_off_it_is_not_put_in_any_more(world: OscarWorld, member: Any) -> None:
    coupon = own(member, free_shipping())
    assert standing_coupons.settle("tier", {}, at=timezone.now()) == 1
    coupon.refresh_from_db()
    assert coupon.state == Coupon.State.VOID
    assert codes(world, filled(world, member)) == []
    assert standing_coupons.settle("tier", {}, at=timezone.now()) == 0


def test_another_offer_takes_the_place_of_the_first_and_what_ran_out_is_followed_by_another(
    world: OscarWorld, member: Any
) -> None:
    first = own(member, free_shipping())
    customer = Customer.objects.get(user=member).pk
    terms = Terms(kind="free_shipping", valid_days=10, uses=100, exclusive=False)
    other = offers.create(slug="other", name="Other", terms=terms, at=timezone.now())
    assert standing_coupons.settle("tier", {customer: other.pk}, at=timezone.now()) == 2
    Coupon.objects.filter(offer=other).update(used=100)
    assert standing_coupons.settle("tier", {customer: other.pk}, at=timezone.now(), customers=[customer]) == 1
    states = list(Coupon.objects.order_by("pk").values_list("offer", "state", "used"))
    assert states == [(first.offer_id, "void", 0), (other.pk, "issued", 100), (other.pk, "issued", 0)]


def test_who_has_none_pays_one_query_a_page_and_a_visitor_none(world: OscarWorld, member: Any) -> None:
    visitor = filled(world, member)
    visitor.get("/basket/")
    with CaptureQueriesContext(connection) as captured:
        visitor.get("/basket/")
    assert len([query for query in captured if "standing:" in query["sql"]]) == 1
    guest = filled(world, None)
    with CaptureQueriesContext(connection) as captured:
        guest.get("/basket/")
    assert not [query for query in captured if "standing:" in query["sql"]]


def test_one_that_cannot_apply_is_left_out_without_a_write_for_each_page(world: OscarWorld, member: Any) -> None:
    first = own(member, free_shipping())
    terms = Terms(kind="free_shipping", valid_days=365, uses=100, exclusive=False)
    other = offers.create(slug="club", name="Club", terms=terms, at=timezone.now())
    customer = Customer.objects.get(user=member).pk
    assert standing_coupons.settle("paid", {customer: other.pk}, at=timezone.now()) == 1
    visitor = filled(world, member)
    visitor.get("/basket/")
    assert codes(world, visitor) == [first.code]
    with CaptureQueriesContext(connection) as captured:
        assert visitor.get("/basket/").status_code == 200
    assert [query["sql"] for query in captured if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))] == []
    world.ask(visitor, world.shop.remove_coupon, first.code)
    visitor.get("/basket/")
    assert codes(world, visitor) == [Coupon.objects.get(source="standing:paid").code], "there is room for it now"


@pytest.mark.parametrize("why", ["margin", "exclusive"])
def test_one_that_a_guard_refuses_is_left_out_without_a_write_for_each_page(
    world: OscarWorld, member: Any, why: str
) -> None:
    customer = Customer.objects.get(user=member).pk
    first = own(member, free_shipping(exclusive=why == "exclusive"))
    terms = Terms(kind="percentage", percent=Decimal(50), valid_days=30, uses=100, exclusive=False)
    half = offers.create(slug="half", name="Half", terms=terms, at=timezone.now())
    assert standing_coupons.settle("paid", {customer: half.pk}, at=timezone.now()) == 1
    if why == "margin":
        MarginGuard.objects.create(pk=1, share_of_list=Decimal(60))
    visitor = filled(world, member)
    visitor.get("/basket/")
    with CaptureQueriesContext(connection) as captured:
        page = visitor.get("/basket/")
    assert [query["sql"] for query in captured if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))] == []
    assert not [message for message in page.context["messages"] if "cannot be used" in str(message)]
    assert codes(world, visitor) == [first.code]
    if why == "margin":
        MarginGuard.objects.update(share_of_list=Decimal(10))
        visitor.get("/basket/")
        assert len(codes(world, visitor)) == 2, "there is room for it now"


def test_one_that_was_refused_keeps_no_other_out(world: OscarWorld, member: Any) -> None:
    """The first has been used as often as anybody may; the second is asked after it, for the same shipping."""
    own(member, free_shipping(per_customer=1))
    customer = Customer.objects.get(user=member).pk
    before = filled(world, member)
    before.get("/basket/")
    world.to_preview(before)
    assert world.place(before)["Location"] == "/checkout/thank-you/"
    terms = Terms(kind="free_shipping", valid_days=365, uses=100, exclusive=False)
    other = offers.create(slug="club", name="Club", terms=terms, at=timezone.now())
    assert standing_coupons.settle("paid", {customer: other.pk}, at=timezone.now()) == 1
    visitor = filled(world, member)
    visitor.get("/basket/")
    assert codes(world, visitor) == [Coupon.objects.get(source="standing:paid").code]
    with CaptureQueriesContext(connection) as captured:
        visitor.get("/basket/")
    assert [query["sql"] for query in captured if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))] == []


def test_where_it_takes_nothing_off_the_order_is_placed_at_the_first_press(world: OscarWorld, member: Any) -> None:
    coupon = own(member, free_shipping())
    visitor = filled(world, member)
    visitor.get("/basket/")
    assert codes(world, visitor) == [coupon.code]
    world.to_preview(visitor)
    visitor.post("/checkout/shipping-method/", {"method_code": "collect"})  # costs nothing

    answer = world.place(visitor)

    assert answer["Location"] == "/checkout/thank-you/"
    order = world.order(str(visitor.session["checkout_order_id"]))
    assert (order.shipping_incl_tax, order.discounts.count()) == (0, 0)
    coupon.refresh_from_db()
    assert coupon.used == 0
