"""Products with variants, pictures, and none left."""

from decimal import Decimal

from oscar.core.loading import get_model

from tests.oscar.world import OscarWorld


def test_a_variant_has_its_parents_picture_and_categories(world: OscarWorld) -> None:
    Product = get_model("catalogue", "Product")
    parent = Product.objects.get(pk=world.add_product("Cup", Decimal("10.00"), category="Clay"))
    parent.stockrecords.all().delete()
    parent.structure = "parent"
    parent.save()
    get_model("catalogue", "ProductImage").objects.create(product=parent, original="products/cup.png")
    small = Product.objects.create(structure="child", parent=parent, title="Small cup")
    get_model("partner", "StockRecord").objects.create(
        product=small, partner=get_model("partner", "Partner").objects.get(), partner_sku="small",
        price_currency="EUR", price=Decimal("8.00"), num_in_stock=3,
    )  # fmt: skip
    found = world.shop.get_products([str(parent.pk), str(small.pk)])
    child = found[str(small.pk)]
    assert (child.title, child.price, child.in_stock) == ("Small cup", Decimal("8.00"), True)
    assert child.picture == "/media/products/cup.png"
    assert child.categories == ("clay",)
    above = found[str(parent.pk)]
    assert (above.price, above.currency, above.in_stock) == (Decimal("8.00"), "EUR", True)


def test_nothing_left_and_not_on_sale_are_not_in_stock(world: OscarWorld) -> None:
    cup = world.add_product("Cup", Decimal("10.00"))
    get_model("partner", "StockRecord").objects.update(num_in_stock=0)
    assert world.shop.get_products([cup])[cup].in_stock is False
    get_model("partner", "StockRecord").objects.update(num_in_stock=5)
    get_model("catalogue", "Product").objects.update(is_public=False)
    assert world.shop.get_products([cup])[cup].in_stock is False


def test_a_product_without_a_price_can_be_read(world: OscarWorld) -> None:
    cup = world.add_product("Cup", Decimal("10.00"))
    get_model("partner", "StockRecord").objects.all().delete()
    product = world.shop.get_products([cup])[cup]
    assert (product.price, product.currency, product.in_stock, product.picture) == (None, "", False, "")
