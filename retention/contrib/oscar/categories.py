"""Categories as words: the slugs from the root down, e.g. ``clay/cups``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from retention.contrib.oscar import host


def of_products(products: Collection[int]) -> dict[int, tuple[str, ...]]:
    """Return product id → its categories and everything above them, sorted. A variant has its parent's.

    Four queries, however many products.
    """
    Product = host.product()
    parents = dict(Product._default_manager.filter(pk__in=products).values_list("pk", "parent_id"))
    links = Product.categories.through._default_manager.filter(
        product_id__in={*parents, *filter(None, parents.values())}
    ).values_list("product_id", "category_id")
    direct: dict[int, set[int]] = defaultdict(set)
    for product, category in links:
        direct[product].add(category)
    lines = with_ancestors({category for found in direct.values() for category in found})
    return {
        product: tuple(sorted({slug for category in direct[product] or direct[parent] for slug in lines[category]}))
        for product, parent in parents.items()
    }


def with_ancestors(categories: Collection[int]) -> dict[int, tuple[str, ...]]:
    """Return category id → the full slugs from the root down to it, itself last."""
    Category = host.category()
    step = Category.steplen
    paths = dict(Category._default_manager.filter(pk__in=categories).values_list("pk", "path"))
    above = {path[:end] for path in paths.values() for end in range(step, len(path) + 1, step)}
    slugs = dict(Category._default_manager.filter(path__in=above).values_list("path", "slug"))
    return {pk: tuple(_full_slugs(path, step, slugs)) for pk, path in paths.items()}


def _full_slugs(path: str, step: int, slugs: dict[str, str]) -> Iterable[str]:
    slug = ""
    for end in range(step, len(path) + 1, step):
        slug = f"{slug}/{slugs[path[:end]]}".lstrip("/")
        yield slug


def by_slug(full_slugs: Iterable[str]) -> dict[str, int]:
    """Return full slug → id of the category; one that the shop does not have is left out. Three queries."""
    wanted = set(full_slugs)
    last = {slug.rpartition("/")[2] for slug in wanted}
    near = host.category()._default_manager.filter(slug__in=last).values_list("pk", flat=True)
    return {line[-1]: pk for pk, line in with_ancestors(list(near)).items() if line[-1] in wanted}


def holding(products: Collection[Any], categories: Collection[str]) -> dict[Any, set[str]]:
    """Return product id → those of these categories, ids as text, that it stands in or below. Two queries."""
    Category = host.category()
    step = Category.steplen
    rows = Category._default_manager.filter(pk__in=host.keys(Category, categories)).values_list("path", "pk")
    ids = {path: str(pk) for path, pk in rows}
    links = host.product().categories.through._default_manager.filter(product_id__in=products)
    found: dict[Any, set[str]] = defaultdict(set)
    for product, path in links.values_list("product_id", "category__path"):
        above = (path[:end] for end in range(step, len(path) + 1, step))
        found[product] |= {ids[part] for part in above if part in ids}
    return found
