"""The parts that every shop's marketing mail can give: goods of the text, and what is bought together."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from retention import registry
from retention.mail import Part, Products
from retention.services import products

PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAMvGugAAACwAAAAAAQABAAACAkQBADs="
"""A picture of one gray point: a sample asks no server for anything."""


def _sample(title: Any, price: str) -> dict[str, Any]:
    return {"title": title, "url": "https://shop.example/", "image": PIXEL, "price": price}


SAMPLES = [_sample(_("A cup with a long name that goes over two lines"), "€19.00"), _sample(_("A bowl"), "€34.50")]

PRODUCTS = Part(
    name="retention.products",
    label=_("Goods that you choose for this text"),
    values={"products": _("list of goods, each with “title”, “url”, “image” and “price”; only what is in stock")},
    body=[Products(rows="products", when="products")],
    build=products.chosen,
    samples={"products": SAMPLES},
)

COMPANIONS = Part(
    name="retention.companions",
    label=_("Bought with what they bought"),
    values={
        "companions": _(
            "list of up to four goods that others bought together with this person's, each with “title”, “url”, "
            "“image” and “price”; only what is in stock and they do not have"
        )
    },
    body=[Products(rows="companions", when="companions")],
    build=products.together,
    samples={"companions": SAMPLES},
)


def load() -> None:
    """Register the parts."""
    for part in (PRODUCTS, COMPANIONS):
        registry.mail_parts.add(part.name, part)
