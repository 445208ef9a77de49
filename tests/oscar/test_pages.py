"""What we add to Oscar's own pages, and that the rest of them is unharmed."""

from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.template.loader import render_to_string

from retention.testing.contract.making import GUEST, order
from tests.oscar.world import OscarWorld


def test_the_thank_you_page_is_oscars_with_our_prompt_in_it(world: OscarWorld) -> None:
    visitor = world.visit()
    world.put(visitor, world.add_product("Cup", Decimal("10.00")))
    world.checkout(visitor, GUEST)
    html = visitor.get("/checkout/thank-you/").content.decode()
    assert "Your order has been placed" in html
    assert 'id="retention-prompt-title"' in html
    assert html.index("Your order has been placed") < html.index('id="retention-prompt-title"')
    assert "Items purchased" in html
    assert "Track" in html or "track" in html


def test_a_prompt_that_fails_leaves_the_page_as_it_was(
    world: OscarWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("broken")

    visitor = world.visit()
    world.put(visitor, world.add_product("Cup", Decimal("10.00")))
    world.checkout(visitor, GUEST)
    monkeypatch.setattr("retention.services.prompts.wanted", fail)
    page = visitor.get("/checkout/thank-you/")
    assert page.status_code == 200
    assert "Your order has been placed" in page.content.decode()
    assert "could not be shown" in caplog.text


def test_the_account_pages_have_a_way_to_ours(world: OscarWorld) -> None:
    user = world.add_user(GUEST)
    html = world.visit(user).get("/accounts/profile/").content.decode()
    assert 'href="/retention/account/"' in html
    assert "Points and coupons" in html
    assert "Address Book" in html


def test_our_page_stands_in_the_shops_own_frame(world: OscarWorld) -> None:
    page = world.visit(world.add_user(GUEST)).get("/retention/account/")
    assert page.status_code == 200
    html = page.content.decode()
    assert "oscar/css/styles.css" in html
    assert html.count("<h1") == 1


def test_the_preview_page_has_no_script_or_style_of_ours_inline(world: OscarWorld) -> None:
    html = render_to_string(
        "retention_oscar/opt_out.html",
        {"words": {"sentence": "s", "label": "l"}, "form": "f", "shown": "x", "name": "n"},
    )
    assert "<script" not in html
    assert "style=" not in html
    assert " checked" not in html


def test_a_guests_order_page_opens_with_the_link_that_we_make(world: OscarWorld) -> None:
    reference = order(world)
    data = world.shop.get_orders([reference])[reference]
    visitor = world.visit()
    asked = visitor.get(world.shop.order_url(data), follow=True)
    [(form, _status)] = asked.redirect_chain
    page = visitor.post(form, {"email": data.email}, follow=True)
    assert page.redirect_chain == [(world.shop.order_url(data), 302)]
    assert page.status_code == 200
    assert data.number in unescape(page.content.decode())


def test_addresses_of_pages_exist(world: OscarWorld) -> None:
    user = world.add_user(GUEST)
    for url in (world.shop.cart_url(), world.shop.home_url()):
        assert world.visit(user).get(url).status_code == 200
    assert world.visit(user).get(world.shop.account_url(), follow=True).status_code == 200
    assert world.visit().get(world.shop.thank_you_url()).status_code == 302
