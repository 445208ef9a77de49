"""Oscar's models, looked up late: a shop may have forked any of them, and none is ready at import."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from oscar.core.loading import get_model


def order() -> Any:
    return get_model("order", "Order")


def voucher() -> Any:
    return get_model("voucher", "Voucher")


def voucher_application() -> Any:
    return get_model("voucher", "VoucherApplication")


def offer() -> Any:
    return get_model("offer", "ConditionalOffer")


def condition() -> Any:
    return get_model("offer", "Condition")


def benefit() -> Any:
    return get_model("offer", "Benefit")


def product_range() -> Any:
    return get_model("offer", "Range")


def basket() -> Any:
    return get_model("basket", "Basket")


def product() -> Any:
    return get_model("catalogue", "Product")


def category() -> Any:
    return get_model("catalogue", "Category")


def keys(model: Any, references: Iterable[str]) -> list[Any]:
    """Return the primary keys that these references name; one that cannot be a key of the model is left out."""
    found = []
    for reference in references:
        try:
            found.append(model._meta.pk.to_python(reference))
        except ValidationError:
            continue
    return found
