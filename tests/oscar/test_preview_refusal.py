"""A coupon that can no longer be honored is refused before payment, with the new total."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone
from oscar.apps.checkout.signals import pre_payment
from oscar.apps.payment.exceptions import PaymentError
from oscar.core.loading import get_model

from campaigns.models import Coupon, Redemption
from campaigns.services import coupons, offers, redemptions
from campaigns.services.coupons import Wish
from campaigns.terms import Terms
from retention import registry
from retention.registry import CheckoutGuard
from retention.shop import CartData, CouponRejected
from retention.testing.contract.making import coupon
from retention.testing.settling import settle
from tests.oscar.world import OscarWorld


@pytest.fixture
def payments() -> Iterator[list[str]]:
    """Filled whenever Oscar comes to the point of taking money."""
    taken: list[str] = []

    def take(**_signal: Any) -> None:
        taken.append("payment")

    pre_payment.connect(take)
    yield taken
    pre_payment.disconnect(take)


@pytest.fixture
def guard() -> Iterator[Callable[..., None]]:
    """Register a guard for the length of a test."""

    def register(reserve: Callable[..., None]) -> None:
        registry.checkout_guards.add("test", CheckoutGuard(name="test", reserve=reserve))

    yield register
    registry.checkout_guards.remove("test")


def with_coupon(world: OscarWorld, code: str, *, user: Any = None) -> Client:
    visitor = world.visit(user)
    world.put(visitor, world.add_product("Cup", Decimal("20.00")))
    world.ask(visitor, world.shop.apply_coupon, code)
    return visitor


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_a_coupon_used_elsewhere_goes_back_to_the_preview_with_the_new_total(
    world: OscarWorld, payments: list[str]
) -> None:
    code = coupon(world)
    first, second = with_coupon(world, code), with_coupon(world, code)
    page = world.to_preview(second, "bert@example.com")
    assert "21.90" in page.content.decode(), "20 less 10 percent, and 3.90 for the parcel"
    world.to_preview(first, "ada@example.com")
    world.place(first)
    payments.clear()

    response = world.place(second)
    assert response["Location"] == "/checkout/preview/"
    [message] = said(response)
    assert code in message
    assert "Nothing has been charged" in message
    assert payments == []
    assert get_model("order", "Order").objects.count() == 1
    html = second.get("/checkout/preview/").content.decode()
    assert "23.90" in html
    assert "21.90" not in html
    assert code in html, "the message names it"

    assert world.place(second)["Location"] == "/checkout/thank-you/"
    assert payments == ["payment"]
    order = get_model("order", "Order").objects.latest("pk")
    assert order.total_incl_tax == Decimal("23.90")


def test_oscar_alone_would_have_taken_the_money_and_placed_nothing(
    world: OscarWorld, payments: list[str], settings: Any
) -> None:
    """The negative control: what the middleware is for."""
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "retention" not in name]
    code = coupon(world)
    first, second = with_coupon(world, code), with_coupon(world, code)
    for visitor, email in ((first, "ada@example.com"), (second, "bert@example.com")):
        world.to_preview(visitor, email)
        world.place(visitor)
    assert payments == ["payment", "payment"]
    assert get_model("order", "Order").objects.count() == 1


def test_a_guard_is_asked_with_cart_and_shopper_and_its_refusal_takes_the_coupon_out(
    world: OscarWorld, payments: list[str], guard: Callable[..., None]
) -> None:
    asked: list[tuple[CartData, str, int | None]] = []

    def refuse(request: Any, cart: CartData, *, email: str, user_id: int | None, at: Any) -> None:
        asked.append((cart, email, user_id))
        if cart.coupons:
            raise CouponRejected("budget", code=cart.coupons[0].lower())

    guard(refuse)
    code = coupon(world)
    visitor = with_coupon(world, code)
    world.to_preview(visitor, "Ada@Example.com")
    assert world.place(visitor)["Location"] == "/checkout/preview/"
    assert payments == []
    [(cart, email, user_id)] = asked
    assert (cart.coupons, cart.total, email, user_id) == ((code,), Decimal("18.00"), "Ada@example.com", None)
    assert world.place(visitor)["Location"] == "/checkout/thank-you/"
    assert asked[1][0].coupons == ()
    assert get_model("voucher", "VoucherApplication").objects.count() == 0


def test_a_refusal_of_a_code_that_is_not_in_the_basket_does_not_stop_the_order(
    world: OscarWorld, guard: Callable[..., None]
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise CouponRejected("lost", code="NOT-IN-THE-BASKET")

    guard(refuse)
    visitor = with_coupon(world, coupon(world))
    world.to_preview(visitor, "ada@example.com")
    assert world.place(visitor)["Location"] == "/checkout/thank-you/"


def test_a_coupon_that_takes_nothing_off_any_more_is_not_used_up(world: OscarWorld) -> None:
    code = coupon(world, minimum=Decimal("20.00"))
    visitor = with_coupon(world, code)
    line = get_model("basket", "Line").objects.get()
    world.put(visitor, world.add_product("Pad", Decimal("5.00")))
    line.delete()
    world.to_preview(visitor, "ada@example.com")
    assert world.place(visitor)["Location"] == "/checkout/preview/"
    assert world.place(visitor)["Location"] == "/checkout/thank-you/"
    assert world.shop.coupon_status([code])[code].used == 0


def test_a_voucher_of_the_merchants_own_is_left_to_oscar(world: OscarWorld) -> None:
    Voucher = get_model("voucher", "Voucher")
    visitor = world.visit()
    world.put(visitor, world.add_product("Cup", Decimal("20.00")))
    voucher = Voucher.objects.create(
        name="Theirs", code="THEIRS", usage="Multi-use",
        start_datetime=world.now().replace(year=2000), end_datetime=world.now().replace(year=2100),
    )  # fmt: skip
    get_model("basket", "Basket").objects.get().vouchers.add(voucher)
    world.to_preview(visitor, "ada@example.com")
    assert world.place(visitor)["Location"] == "/checkout/thank-you/"
    assert voucher.applications.count() == 1


def test_the_box_that_was_ticked_is_still_ticked_after_a_refusal(world: OscarWorld) -> None:
    code = coupon(world)
    first, second = with_coupon(world, code), with_coupon(world, code)
    for visitor, email in ((first, "ada@example.com"), (second, "bert@example.com")):
        world.to_preview(visitor, email)
    world.place(first)
    world.place(second, retention_opt_out_shown="1:en", retention_opt_out="1")
    [box] = [part for part in second.get("/checkout/preview/").content.decode().split("<") if 'type="checkbox"' in part]
    assert " checked" in box


# A coupon that dies between preview and payment


def call_off(world: OscarWorld, code: str) -> None:
    world.shop.disable_coupons([code])


def expire(world: OscarWorld, code: str) -> None:
    world.shop.extend_coupons([code], ends_at=world.now() - timedelta(seconds=1))


def make_the_goods_cheaper(world: OscarWorld, code: str) -> None:
    get_model("partner", "StockRecord").objects.update(price=Decimal("19.99"))


def use_elsewhere(world: OscarWorld, code: str) -> None:
    other = with_coupon(world, code)
    world.to_preview(other, "bert@example.com")
    assert world.place(other)["Location"] == "/checkout/thank-you/"


@pytest.mark.parametrize(
    ("die", "total"),
    [(call_off, "23.90"), (expire, "23.90"), (use_elsewhere, "23.90"), (make_the_goods_cheaper, "23.89")],
)
def test_whatever_it_dies_of_the_shopper_is_back_on_the_preview_and_nothing_is_charged(
    world: OscarWorld, payments: list[str], die: Callable[[OscarWorld, str], None], total: str
) -> None:
    code = coupon(world, minimum=Decimal("20.00"))
    visitor = with_coupon(world, code)
    assert "21.90" in world.to_preview(visitor, "ada@example.com").content.decode()
    die(world, code)
    payments.clear()
    orders = get_model("order", "Order").objects.count()

    response = world.place(visitor)
    assert response["Location"] == "/checkout/preview/"
    [message] = said(response)
    assert (code in message, "Nothing has been charged" in message) == (True, True)
    assert (payments, get_model("order", "Order").objects.count()) == ([], orders)
    html = visitor.get("/checkout/preview/").content.decode()
    assert (total in html, "21.90" in html) == (True, False)

    assert world.place(visitor)["Location"] == "/checkout/thank-you/"
    assert str(get_model("order", "Order").objects.latest("pk").total_incl_tax) == total
    used_by = get_model("voucher", "VoucherApplication").objects.filter(order=visitor.session["checkout_order_id"])
    assert used_by.count() == 0


# What is set aside


@pytest.fixture
def campaign() -> Coupon:
    """A coupon of a campaign: anybody's, and once."""
    terms = Terms(kind="percentage", percent=Decimal(10), valid_days=30)
    offer = offers.create(slug="spring", name="Spring", terms=terms, at=timezone.now())
    made = coupons.issue(Wish(key="spring", code="SPRING-FOR-ALL"), offer=offer, source="test", at=timezone.now())
    assert made is not None
    return made


def states() -> list[str]:
    return list(Redemption.objects.order_by("pk").values_list("state", flat=True))


def fail_to_pay(world: OscarWorld, visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press the button; the bank says no."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise PaymentError("the bank says no")

    with monkeypatch.context() as bank:
        bank.setattr("oscar.apps.checkout.views.PaymentDetailsView.handle_payment", refuse)
        assert "no payment has been taken" in world.place(visitor).content.decode()


def test_what_a_failed_payment_set_aside_is_the_shoppers_at_the_next_try(
    world: OscarWorld, campaign: Coupon, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = with_coupon(world, campaign.code)
    world.to_preview(visitor, "ada@example.com")
    fail_to_pay(world, visitor, monkeypatch)
    assert (states(), Coupon.objects.get().used) == (["reserved"], 1)
    other = with_coupon(world, campaign.code)
    world.to_preview(other, "bert@example.com")
    assert world.place(other)["Location"] == "/checkout/preview/"

    assert world.place(visitor)["Location"] == "/checkout/thank-you/"
    settle(at=timezone.now())
    assert (states(), Coupon.objects.get().used) == (["committed"], 1)


def test_nothing_stays_set_aside_after_the_lease_whatever_became_of_the_coupon(
    world: OscarWorld, campaign: Coupon, monkeypatch: pytest.MonkeyPatch, payments: list[str]
) -> None:
    visitor = with_coupon(world, campaign.code)
    world.to_preview(visitor, "ada@example.com")
    fail_to_pay(world, visitor, monkeypatch)
    coupons.void([campaign], reason="leaked", at=timezone.now())
    payments.clear()
    assert world.place(visitor)["Location"] == "/checkout/preview/"
    assert payments == []

    redemptions.release_leases(at=timezone.now() + timedelta(minutes=31))
    assert (states(), Coupon.objects.get().used) == (["released"], 0)
    assert world.place(visitor)["Location"] == "/checkout/thank-you/"
    settle(at=timezone.now())
    assert (states(), Coupon.objects.get().used) == (["released"], 0)


def test_a_guests_reservation_follows_them_into_their_account(
    world: OscarWorld, campaign: Coupon, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = world.add_user("ada@example.com")
    left_behind = world.visit(user)
    world.put(left_behind, world.add_product("Bowl", Decimal("30.00")))
    visitor = with_coupon(world, campaign.code)
    guests = world.ask(visitor, world.shop.get_cart).reference
    world.to_preview(visitor, "ada@work.example.com")
    fail_to_pay(world, visitor, monkeypatch)
    assert list(Redemption.objects.values_list("cart", "state")) == [(guests, "reserved")]

    world.sign_in(visitor, user)
    cart = world.ask(visitor, world.shop.get_cart)
    assert (cart.reference != guests, cart.coupons, cart.total) == (True, (campaign.code,), Decimal("45.00"))
    world.to_preview(visitor)
    assert world.place(visitor)["Location"] == "/checkout/thank-you/"
    settle(at=timezone.now())
    order = str(visitor.session["checkout_order_id"])
    # what it took off the guest's goods alone was given back for what it takes off all of them
    assert list(Redemption.objects.order_by("pk").values_list("order", "state", "discount_minor")) == [
        ("", "released", 200),
        (order, "committed", 500),
    ]
    assert Coupon.objects.get().used == 1
