"""Which goods a coupon is for: products, categories with everything below them, and what is out whatever else is said.

Oscar's Range cannot say it: it knows excluded categories only where it includes all products, and forgets the variants
of an excluded product there. So we decide by ourselves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from retention.contrib.oscar.categories import by_slug, holding


@dataclass(frozen=True, kw_only=True, slots=True)
class Goods:
    """References of products and ids of categories, as text. A variant counts as its parent, too."""

    everything: bool = True
    """Whether nothing is named that it is only for."""
    products: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    never_products: frozenset[str] = frozenset()
    never_categories: frozenset[str] = frozenset()

    @classmethod
    def find(
        cls,
        *,
        products: Collection[str],
        categories: Collection[str],
        excluded_products: Collection[str],
        excluded_categories: Collection[str],
    ) -> Goods:
        """Return the goods as the catalogue is now: a category that is renamed later stays the same one.

        A name that the shop does not have stands for nothing, not for everything. Three queries where categories
        are named.
        """
        named = {*categories, *excluded_categories}
        found = by_slug(named) if named else {}
        return cls(
            everything=not (products or categories),
            products=frozenset(products),
            categories=frozenset(str(found[slug]) for slug in categories if slug in found),
            never_products=frozenset(excluded_products),
            never_categories=frozenset(str(found[slug]) for slug in excluded_categories if slug in found),
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Goods:
        """Return goods as ``to_json`` stored them; nothing stored: everything."""
        lists = {name: frozenset(found) for name, found in data.items() if name != "everything"}
        return cls(everything=data.get("everything", True), **lists)

    def to_json(self) -> dict[str, Any]:
        return {
            "everything": self.everything,
            "products": sorted(self.products),
            "categories": sorted(self.categories),
            "never_products": sorted(self.never_products),
            "never_categories": sorted(self.never_categories),
        }

    @property
    def asked_categories(self) -> frozenset[str]:
        return self.categories | self.never_categories

    def match(self, products: Collection[str], kept_in: Collection[str]) -> bool:
        """Whether a product, given with its parent, that stands in or below these categories is meant."""
        if not self.never_products.isdisjoint(products) or not self.never_categories.isdisjoint(kept_in):
            return False
        return self.everything or not (self.products.isdisjoint(products) and self.categories.isdisjoint(kept_in))


class Shelves:
    """Where the goods of a basket stand, as far as some coupons ask. Two queries, none where no category is asked."""

    def __init__(self, lines: Collection[Any], asked: Collection[str]) -> None:
        products = {pk for line in lines for pk in _family(line.product)}
        self._kept_in = holding(products, asked) if asked else {}

    def has(self, goods: Goods, line: Any) -> bool:
        """Whether a line is of these goods."""
        family = _family(line.product)
        kept_in = {category for pk in family for category in self._kept_in.get(pk, ())}
        return goods.match({str(pk) for pk in family}, kept_in)


def _family(product: Any) -> list[Any]:
    return [product.pk, product.parent_id] if product.parent_id else [product.pk]
