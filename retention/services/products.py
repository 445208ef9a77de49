"""Goods in a mail: what the shop says of them now, as primitive values in the reader's language."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urljoin

from retention.conf import conf
from retention.mail import Asked
from retention.money import show, to_minor
from retention.services import companions
from retention.shop import ProductData, get_shop

SHOWN = 4
"""Companions shown in one mail."""
LOOKED_AT = 12
"""Companions asked about, since some will be out of stock."""

Row = dict[str, str]


def chosen(asked: Sequence[Asked], at: object = None) -> dict[int, dict[str, Any]]:
    """Return by key the goods that the text shows, those in stock."""
    known = _known({product for one in asked for product in one.products})
    return {one.key: {"products": _rows(one.products, known, one.language)} for one in asked}


def together(asked: Sequence[Asked], at: object = None) -> dict[int, dict[str, Any]]:
    """Return by key what is often bought with what somebody has bought, in stock, the best few."""
    found = companions.of_customers({one.customer for one in asked}, limit=LOOKED_AT)
    known = _known({product for products in found.values() for product in products})
    return {
        one.key: {"companions": _rows(found.get(one.customer, ()), known, one.language, limit=SHOWN)} for one in asked
    }


def _known(references: Collection[str]) -> Mapping[str, ProductData]:
    return get_shop().get_products(sorted(references)) if references else {}


def _rows(
    references: Sequence[str], known: Mapping[str, ProductData], language: str, *, limit: int | None = None
) -> list[Row] | None:
    """Return goods as a text shows them, None where there are none: in Liquid an empty list is true."""
    found = [known[one] for one in references if one in known and known[one].in_stock and known[one].url]
    return [_row(product, language) for product in found[:limit]] or None


def _row(product: ProductData, language: str) -> Row:
    priced = product.price is not None and product.currency
    return {
        "title": product.title,
        "url": _absolute(product.url),
        "image": _absolute(product.picture) if product.picture else "",
        "price": show(to_minor(product.price, product.currency), product.currency, language) if priced else "",  # type: ignore[arg-type]
    }


def _absolute(url: str) -> str:
    """Return the URL of a page or picture; the shop may say a path only, or leave out the scheme."""
    return urljoin(conf.BASE_URL.rstrip("/") + "/", url)
