"""A code that waits in the session is lost by nobody: whichever way the basket fills, and whoever signs in."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from oscar.core.loading import get_model

from retention.contrib.oscar import parking, redeeming
from retention.testing.contract.coupons import total
from retention.testing.contract.guards import watching
from retention.testing.contract.making import coupon, filled
from tests.oscar.world import PASSWORD, OscarWorld

EMAIL = "member@example.com"


def waiting(world: OscarWorld, **terms: Any) -> tuple[Client, str]:
    """Return a visitor with an empty basket, whose coupon waits, and its code."""
    visitor, code = world.visit(), coupon(world, **terms)
    world.ask(visitor, world.shop.apply_coupon, code)
    assert visitor.session[parking.KEY] == code
    return visitor, code


def parked(visitor: Client) -> str:
    return visitor.session.get(parking.KEY, "")


def said(page: Any) -> list[str]:
    return [str(message) for message in page.context["messages"]]


def sign_in(visitor: Client, **more: str) -> None:
    form = {"login-username": EMAIL, "login-password": PASSWORD, "login_submit": "1", **more}
    assert visitor.post("/accounts/login/", form).status_code == 302


def register(visitor: Client, **more: str) -> None:
    form = {
        "registration-email": EMAIL, "registration-password1": PASSWORD, "registration-password2": PASSWORD,
        "registration_submit": "1", **more,
    }  # fmt: skip
    assert visitor.post("/accounts/login/", form).status_code == 302


def test_after_signing_in_the_basket_that_was_left_gets_it_and_says_so(world: OscarWorld) -> None:
    filled(world, price="10.00", user=world.add_user(EMAIL))
    visitor, code = waiting(world)
    sign_in(visitor)
    page = visitor.get("/basket/")
    assert f"Your coupon {code} is in the basket." in said(page)
    assert (total(world, visitor), parked(visitor)) == (Decimal("9.00"), "")


def test_it_is_there_at_the_checkout_too_without_a_look_at_the_basket(world: OscarWorld) -> None:
    filled(world, price="10.00", user=world.add_user(EMAIL))
    visitor, _code = waiting(world)
    sign_in(visitor)
    assert "12.90" in world.to_preview(visitor).content.decode(), "10 less 10 percent, and 3.90 for the parcel"


def test_who_signs_in_without_a_basket_has_it_with_the_first_thing_they_buy(world: OscarWorld) -> None:
    world.add_user(EMAIL)
    visitor, code = waiting(world)
    sign_in(visitor)
    visitor.get("/basket/")
    assert parked(visitor) == code
    world.put(visitor, world.add_product("Cup", Decimal("10.00")))
    assert (total(world, visitor), parked(visitor)) == (Decimal("9.00"), "")


def test_who_registers_has_it_still(world: OscarWorld) -> None:
    visitor, _code = waiting(world)
    register(visitor)
    world.put(visitor, world.add_product("Cup", Decimal("10.00")))
    assert total(world, visitor) == Decimal("9.00")


def test_a_guests_basket_takes_its_coupon_along_into_the_members(world: OscarWorld) -> None:
    filled(world, price="30.00", user=world.add_user(EMAIL))
    visitor = filled(world, price="10.00")
    code = coupon(world, email=EMAIL)
    assert visitor.post("/basket/vouchers/add/", {"code": code}).status_code == 302
    sign_in(visitor)
    cart = world.ask(visitor, world.shop.get_cart)
    assert (cart.coupons, cart.total) == ((code,), Decimal("36.00"))


def test_who_registers_at_the_checkout_keeps_the_coupon_in_the_basket(world: OscarWorld) -> None:
    visitor = filled(world, price="10.00")
    code = coupon(world, email=EMAIL)
    visitor.post("/basket/vouchers/add/", {"code": code})
    page = visitor.post("/checkout/", {"username": EMAIL, "options": "new"})
    assert page["Location"].startswith("/accounts/register/")
    register(visitor, **{"registration-redirect_url": "/checkout/shipping-address/"})
    assert "12.90" in world.to_preview(visitor).content.decode()
    assert world.place(visitor)["Location"] == "/checkout/thank-you/"
    assert world.shop.coupon_status([code])[code].used == 1


def test_somebody_elses_code_is_taken_out_of_the_session_with_a_word(world: OscarWorld) -> None:
    owner = world.add_user("owner@example.com")
    filled(world, price="10.00", user=world.add_user(EMAIL))
    visitor, code = waiting(world, email="owner@example.com", user_id=owner.pk)
    sign_in(visitor)
    assert f"The code {code} cannot be used for this basket." in said(visitor.get("/basket/"))
    assert (total(world, visitor), parked(visitor)) == (Decimal("10.00"), "")


def test_more_of_the_same_by_the_baskets_own_form_ends_the_waiting_for_a_minimum(world: OscarWorld) -> None:
    """No signal of Oscar's tells of it."""
    visitor, code = waiting(world, minimum=Decimal("20.00"))
    world.put(visitor, world.add_product("Cup", Decimal("10.00")))
    assert parked(visitor) == code
    line = get_model("basket", "Line").objects.get()
    form = {
        "form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": str(line.pk), "form-0-quantity": "2",
    }  # fmt: skip
    assert visitor.post("/basket/", form, follow=True).status_code == 200
    assert (total(world, visitor), parked(visitor)) == (Decimal("18.00"), "")


def test_nothing_is_applied_while_an_order_is_placed(world: OscarWorld) -> None:
    """The shopper has read a total: it does not change under the button."""
    visitor = filled(world, price="10.00")
    world.to_preview(visitor, "ada@example.com")
    code = coupon(world)
    session = visitor.session
    session[parking.KEY] = code
    session.save()
    assert world.place(visitor)["Location"] == "/checkout/thank-you/"
    order = get_model("order", "Order").objects.get()
    assert (order.total_incl_tax, world.shop.coupon_status([code])[code].used) == (Decimal("13.90"), 0)


def test_where_nothing_waits_a_look_at_the_basket_costs_nothing_more(world: OscarWorld, settings: Any) -> None:
    visitor = filled(world, price="10.00")
    counts = []
    for middleware in (settings.MIDDLEWARE, [name for name in settings.MIDDLEWARE if "retention" not in name]):
        settings.MIDDLEWARE = middleware
        visitor.get("/basket/")
        with CaptureQueriesContext(connection) as queries:
            visitor.get("/basket/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_guards_no_to_a_code_that_waited_is_said(world: OscarWorld) -> None:
    visitor, code = waiting(world)
    with watching() as watch:
        watch.no.add(code)
        page = visitor.post(f"/basket/add/{world.add_product('Cup', Decimal('10.00'))}/", {"quantity": 1}, follow=True)
    assert f"The code {code} cannot be used for this basket." in said(page)
    assert (total(world, visitor), parked(visitor)) == (Decimal("10.00"), "")


def test_a_failure_of_ours_breaks_no_page(
    world: OscarWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    visitor, _code = waiting(world)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("something of ours")

    monkeypatch.setattr(redeeming, "apply", fail)
    world.put(visitor, world.add_product("Cup", Decimal("10.00")))
    assert visitor.get("/basket/").status_code == 200
    assert "could not be applied" in caplog.text
    monkeypatch.undo()
    visitor.get("/basket/")
    assert (total(world, visitor), parked(visitor)) == (Decimal("9.00"), "")
