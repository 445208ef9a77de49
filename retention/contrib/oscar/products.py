"""The catalogue."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any

from oscar.core.loading import get_class

from retention.contrib.oscar import categories, host
from retention.shop import ProductData


def get(references: Collection[str]) -> dict[str, ProductData]:
    """Return the products by reference; one that the shop does not have is left out. Prices are a stranger's."""
    Product = host.product()
    found = list(
        Product._default_manager.filter(pk__in=host.keys(Product, references))
        .select_related("product_class", "parent__product_class")
        .prefetch_related("images", "parent__images", "stockrecords", "children__stockrecords")
    )
    known = categories.of_products([product.pk for product in found])
    strategy = get_class("partner.strategy", "Selector")().strategy()
    return {str(product.pk): _data(product, strategy, known[product.pk]) for product in found}


def _data(product: Any, strategy: Any, kept_in: tuple[str, ...]) -> ProductData:
    info = strategy.fetch_for_parent(product) if product.is_parent else strategy.fetch_for_product(product)
    price = info.price
    # where the tax is not known yet, the price is without it
    tax = price.tax if price.exists and price.is_tax_known else Decimal(0)
    return ProductData(
        reference=str(product.pk),
        title=product.get_title(),
        url=product.get_absolute_url(),
        picture=_picture([product, *([product.parent] if product.is_child else [])]),
        price=(price.incl_tax if price.is_tax_known else price.excl_tax) if price.exists else None,
        tax=tax if price.exists else None,
        currency=(price.currency or "") if price.exists else "",
        in_stock=bool(product.is_public and info.availability.is_available_to_buy),
        categories=kept_in,
    )


def _picture(products: Iterable[Any]) -> str:
    for product in products:
        for image in sorted(product.images.all(), key=lambda image: image.display_order):
            return str(image.original.url)
    return ""
