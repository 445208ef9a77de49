"""Several coupons of ours in Oscar: by its own form, on pieces that its own offers reduced, and for shipping."""

from contextlib import suppress
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from oscar.apps.partner import strategy
from oscar.core.loading import get_model

from retention.shop import CouponRejected
from retention.testing.contract.coupons import refusal, total
from retention.testing.contract.making import GUEST, coupon, filled
from retention.testing.contract.stacking import taken
from tests.oscar.world import OscarWorld


def site_offer(*, benefit: str = "Percentage", value: int | None = 50, pieces: int | None = None) -> Any:
    everything = get_model("offer", "Range").objects.create(name="All", includes_all_products=True)
    shipping = benefit.startswith("Shipping")
    return get_model("offer", "ConditionalOffer").objects.create(
        name="Sale",
        max_basket_applications=1,
        condition=get_model("offer", "Condition").objects.create(range=everything, type="Count", value=1),
        benefit=get_model("offer", "Benefit").objects.create(
            range=None if shipping else everything, type=benefit, value=value, max_affected_items=pieces
        ),
    )


def typed(visitor: Client, code: str) -> None:
    """Try a code by Oscar's own form."""
    assert visitor.post("/basket/vouchers/add/", {"code": code}).status_code == 302


def test_by_oscars_own_form_it_does_not_matter_either_which_code_was_typed_first(
    world: OscarWorld, settings: Any
) -> None:
    settings.RETENTION = {**settings.RETENTION, "COUPON_TRIES_PER_HOUR": 1000}
    codes = [
        coupon(world, "AMOUNT-CODE-01", offer="amount", kind="amount", value=Decimal("20.00")),
        coupon(world, "TENTH-CODE-001", offer="tenth", value=Decimal(10)),
        coupon(world, "SHIP-CODE-0001", offer="ship", kind="free_shipping", value=Decimal(0)),
        coupon(world, "PIECE-CODE-001", offer="piece", kind="free_product", value=Decimal(0), priority=20),
    ]
    product = world.add_product("Vase", Decimal("10.00"))
    for order in permutations(codes):
        visitor = world.visit()
        world.put(visitor, product, 2)
        for code in order:
            typed(visitor, code)
        # 2.00 of 20, then all that is left: for the piece nothing remains
        kept = set(world.ask(visitor, world.shop.get_cart).coupons)
        assert taken(world, visitor) == {"TENTH-CODE-001": "2.00", "AMOUNT-CODE-01": "18.00"}
        assert kept - {"PIECE-CODE-001"} == set(codes) - {"PIECE-CODE-001"}
        assert total(world, visitor) == Decimal("0.00")


def test_a_second_code_by_oscars_form_finds_what_is_there_for_it(world: OscarWorld) -> None:
    """Without our help Oscar lets the second take from what the first has left: here, nothing."""
    all_of_it = coupon(world, "AMOUNT-CODE-01", offer="amount", kind="amount", value=Decimal("20.00"))
    tenth = coupon(world, "TENTH-CODE-001", offer="tenth", value=Decimal(10))
    visitor = filled(world, price="20.00")
    for code in (all_of_it, tenth):
        typed(visitor, code)
    assert taken(world, visitor) == {"TENTH-CODE-001": "2.00", "AMOUNT-CODE-01": "18.00"}


def test_of_two_coupons_of_one_offer_only_the_older_counts(world: OscarWorld) -> None:
    """Oscar adds up what one offer gives, and would write it all down under one code."""
    older, newer = coupon(world, "OLDER-CODE-001"), coupon(world, "NEWER-CODE-001")
    for order in permutations((older, newer)):
        visitor = filled(world, price="10.00")
        for code in order:
            with suppress(CouponRejected):
                world.ask(visitor, world.shop.apply_coupon, code)
        basket = get_model("basket", "Basket").objects.latest("pk")
        basket.vouchers.add(*get_model("voucher", "Voucher").objects.all())  # as merging two baskets may do
        assert taken(world, visitor) == {older: "1.00"}
        world.to_preview(visitor, GUEST)
        assert world.place(visitor)["Location"] == "/checkout/preview/"
        assert set(world.ask(visitor, world.shop.get_cart).coupons) == {older}


@pytest.mark.parametrize(
    ("sale_goods", "off"),
    [(False, "10.00"), (True, "12.50")],
)
def test_of_three_pieces_one_of_which_is_reduced_the_other_two_are_no_sale_goods(
    world: OscarWorld, sale_goods: bool, off: str
) -> None:
    site_offer(pieces=1)
    visitor = filled(world, price="10.00", quantity=3)
    assert total(world, visitor) == Decimal("25.00")
    world.ask(visitor, world.shop.apply_coupon, coupon(world, value=Decimal(50), sale_goods=sale_goods))
    assert total(world, visitor) == Decimal("25.00") - Decimal(off)


def test_what_one_coupon_took_off_the_pieces_is_known_to_the_next(world: OscarWorld) -> None:
    site_offer(pieces=1)
    visitor = filled(world, price="10.00", quantity=3)
    for code in (
        coupon(world, "ALL-CODE-00001", offer="all", value=Decimal(10)),  # 0.50 of the reduced, 2.00 of the others
        coupon(world, "PLAIN-CODE-001", offer="plain", value=Decimal(50), sale_goods=False),  # of 18
    ):
        world.ask(visitor, world.shop.apply_coupon, code)
    assert taken(world, visitor) == {"ALL-CODE-00001": "2.50", "PLAIN-CODE-001": "9.00"}


def test_two_free_pieces_are_two_pieces(world: OscarWorld) -> None:
    visitor = filled(world, price="10.00", quantity=3)
    for number in (1, 2):
        code = coupon(world, f"PIECE-CODE-{number}", offer=f"piece {number}", kind="free_product", value=Decimal(0))
        world.ask(visitor, world.shop.apply_coupon, code)
    assert taken(world, visitor) == {"PIECE-CODE-1": "10.00", "PIECE-CODE-2": "10.00"}
    assert total(world, visitor) == Decimal("10.00")


def test_the_free_piece_is_the_reduced_one_where_that_costs_least(world: OscarWorld) -> None:
    site_offer(pieces=1)
    free: dict[str, Any] = {"kind": "free_product", "value": Decimal(0)}
    visitor = filled(world, price="10.00", quantity=3)
    world.ask(visitor, world.shop.apply_coupon, coupon(world, "PIECE-CODE-001", offer="one", **free))
    assert taken(world, visitor) == {"PIECE-CODE-001": "5.00"}
    world.ask(visitor, world.shop.apply_coupon, coupon(world, "PIECE-CODE-002", offer="two", sale_goods=False, **free))
    assert taken(world, visitor) == {"PIECE-CODE-001": "5.00", "PIECE-CODE-002": "10.00"}


def test_a_voucher_of_the_merchants_own_makes_sale_goods_too(world: OscarWorld) -> None:
    offer = site_offer(value=20)
    get_model("offer", "ConditionalOffer").objects.update(offer_type="Voucher")
    theirs = get_model("voucher", "Voucher").objects.create(
        name="Theirs", code="THEIRS", start_datetime=world.now().replace(year=2000),
        end_datetime=world.now().replace(year=2100),
    )  # fmt: skip
    theirs.offers.add(offer)
    visitor = filled(world, price="10.00")
    typed(visitor, "THEIRS")
    assert total(world, visitor) == Decimal("8.00")
    assert refusal(world, visitor, coupon(world, sale_goods=False)) == "no_discount"
    world.ask(visitor, world.shop.apply_coupon, coupon(world, "OTHER-CODE-001", offer="other"))
    assert taken(world, visitor) == {"THEIRS": "2.00", "OTHER-CODE-001": "0.80"}


@pytest.mark.parametrize("offers_incl_tax", [False, True])
def test_with_tax_a_cart_says_what_the_shopper_saves(
    world: OscarWorld, settings: Any, monkeypatch: pytest.MonkeyPatch, offers_incl_tax: bool
) -> None:
    settings.OSCAR_OFFERS_INCL_TAX = offers_incl_tax
    monkeypatch.setattr(strategy.Selector, "strategy", lambda self, request=None, **_more: strategy.UK(request))
    visitor = filled(world, price="20.00", quantity=2)  # 48 with tax
    for code in (
        coupon(world, "TENTH-CODE-001", offer="tenth"),
        coupon(world, "AMOUNT-CODE-01", offer="amount", kind="amount", value=Decimal("5.01")),
    ):
        world.ask(visitor, world.shop.apply_coupon, code)
    assert taken(world, visitor) == {"TENTH-CODE-001": "4.80", "AMOUNT-CODE-01": "5.01"}
    cart = world.ask(visitor, world.shop.get_cart)
    assert cart is not None
    assert (cart.total, [line.left for line in cart.lines]) == (Decimal("38.19"), [Decimal("38.19")])


def test_what_the_shop_gives_off_shipping_already_is_not_given_by_a_coupon(world: OscarWorld) -> None:
    site_offer(benefit="Shipping percentage", value=50)
    visitor = filled(world, price="10.00")
    code = coupon(world, kind="free_shipping", value=Decimal(0))
    assert refusal(world, visitor, code) == "no_discount"
    reference = world.checkout(visitor, GUEST)
    assert world.shop.get_orders([reference])[reference].shipping == Decimal("1.95")
    assert world.shop.coupon_status([code])[code].used == 0


def test_free_shipping_is_not_used_up_where_the_parcel_costs_nothing(world: OscarWorld) -> None:
    code = coupon(world, kind="free_shipping", value=Decimal(0))
    visitor = filled(world, price="10.00")
    world.ask(visitor, world.shop.apply_coupon, code)
    world.to_preview(visitor, GUEST)
    visitor.post("/checkout/shipping-method/", {"method_code": "collect"})
    response = world.place(visitor)
    assert response["Location"] == "/checkout/preview/"
    assert code in str(next(iter(get_messages(response.wsgi_request))))
    assert world.place(visitor)["Location"] == "/checkout/thank-you/"
    assert world.shop.coupon_status([code])[code].used == 0


def test_what_free_shipping_saves_is_known_once_the_session_knows_where_and_how(world: OscarWorld) -> None:
    code = coupon(world, kind="free_shipping", value=Decimal(0))
    visitor = filled(world, price="10.00")
    world.ask(visitor, world.shop.apply_coupon, code)
    assert taken(world, visitor) == {}
    world.to_preview(visitor, GUEST)
    assert taken(world, visitor) == {code: "3.90"}


def test_a_shop_that_cannot_say_what_shipping_costs_breaks_nothing(
    world: OscarWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    code = coupon(world, kind="free_shipping", value=Decimal(0))
    visitor = filled(world, price="10.00")
    world.ask(visitor, world.shop.apply_coupon, code)
    world.to_preview(visitor, GUEST)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("the carrier does not answer")

    monkeypatch.setattr("oscar.apps.shipping.repository.Repository.get_shipping_methods", fail)
    assert taken(world, visitor) == {}
    assert "could not be found out" in caplog.text
