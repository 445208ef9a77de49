"""Products as mails and pages show them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from retention.testing.contract.making import counting
from retention.testing.world import World


@pytest.mark.django_db
class CatalogueContract:
    """For a shop with CATALOGUE."""

    def test_a_product_is_read_with_what_a_mail_shows_of_it(self, world: World) -> None:
        cup = world.add_product("Cup", Decimal("12.50"), category="clay")
        found = world.shop.get_products([cup, "987654321", "no product"])
        assert list(found) == [cup]
        product = found[cup]
        assert (product.title, product.price, product.currency) == ("Cup", Decimal("12.50"), world.currency)
        assert product.in_stock
        assert product.url.startswith("/")
        assert product.categories

    def test_many_products_take_as_many_queries_as_one(self, world: World) -> None:
        products = [world.add_product(f"Cup {number}", Decimal("10.00"), category="clay") for number in range(5)]
        world.shop.get_products(products)
        with counting() as one:
            world.shop.get_products(products[:1])
        with counting() as many:
            assert len(world.shop.get_products(products)) == 5
        assert len(many) == len(one)
