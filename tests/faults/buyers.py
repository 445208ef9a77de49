"""Guests at Oscar's real checkout who have only to press the button."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module

from django.conf import settings
from django.core.signing import Signer
from django.test import Client
from oscar.core.loading import get_model

from tests.oscar.world import OscarWorld


class Buyers:
    """One guest goes through the checkout's pages; the others have the same in session and basket."""

    def __init__(self, world: OscarWorld) -> None:
        self.world = world
        product = world.add_product("Cup", Decimal("10.00"))
        get_model("partner", "StockRecord").objects.filter(product=product).update(num_in_stock=1_000_000)
        first = world.visit()
        world.put(first, product)
        page = world.to_preview(first, "ada@example.com")
        self.session = dict(first.session.items())
        self.lines = list(get_model("basket", "Line").objects.filter(basket=page.wsgi_request.basket))
        assert self.lines

    def one(self) -> Client:
        """Return a guest on the preview page."""
        basket = get_model("basket", "Basket").objects.create()
        for line in self.lines:
            line.pk, line.basket = None, basket
            line.save(force_insert=True)
        session = import_module(settings.SESSION_ENGINE).SessionStore()
        session.update(self.session)
        session.save()
        client = Client()
        client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
        client.cookies[settings.OSCAR_BASKET_COOKIE_OPEN] = Signer().sign(basket.pk)
        return client

    def buy(self, buyer: Client, **fields: str) -> bool:
        """Press the button. Returns whether the order was placed."""
        response = self.world.place(buyer, **fields)
        return bool(response.status_code == 302 and response["Location"] == "/checkout/thank-you/")
