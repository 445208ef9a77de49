"""What an offer is for, in words: products by their titles, categories as the shop names them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.terms import Goods, Kind, Terms
from retention import enumeration
from retention.shop import Capability, get_shop_or_none

SHOWN = 3
"""Names that a shopper reads before "… more"."""
LISTED = 20
"""Names that staff read before "… more"."""

Titles = Mapping[str, str]
"""Product → its title; a product that the shop does not have is left out."""


def titles(terms: Iterable[Terms]) -> Titles | None:
    """Return the titles of all products that these terms name: the shop is asked once, or not at all.

    None where the shop has no catalogue.
    """
    goods = [one.goods for one in terms]
    return titles_of({product for one in goods for product in (*one.only_products, *one.never_products)})


def titles_of(products: Collection[str]) -> Titles | None:
    if not products:
        return {}
    shop = get_shop_or_none()
    if shop is None or Capability.CATALOGUE not in shop.capabilities:
        return None
    return {reference: product.title for reference, product in shop.get_products(sorted(products)).items()}


# For shoppers


def free(goods: Goods, known: Titles) -> str:
    """Return what is free, e.g. "One of these free: Cup or Bowl"; products that are gone are not named."""
    names = _names(goods.only_products, goods.only_categories, known)
    if not names:
        return _("A free product")
    if len(names) == 1 and not goods.only_categories:
        return _("Free: %(product)s") % {"product": names[0]}
    return _("One of these free: %(names)s") % {"names": _either(names)}


def limits(terms: Terms, known: Titles) -> Iterator[str]:
    """Yield which goods a coupon is only, or never, for; what a free product may be is said by ``free``."""
    goods = terms.goods
    if terms.kind != Kind.FREE_PRODUCT and (only := _names(goods.only_products, goods.only_categories, known)):
        yield _("only for: %(names)s") % {"names": _either(only)}
    if never := _names(goods.never_products, goods.never_categories, known):
        yield _("not for: %(names)s") % {"names": _either(never)}


def _names(products: Iterable[str], categories: Iterable[str], known: Titles) -> list[str]:
    return [
        *(known[product] for product in products if product in known),
        *(_("anything in “%(category)s”") % {"category": _spoken(category)} for category in categories),
    ]


def _spoken(category: str) -> str:
    """Return the last part of a category's name as people write it: ``clay/tea-pots`` is "tea pots"."""
    return category.rpartition("/")[2].replace("-", " ")


def _either(names: list[str]) -> str:
    more = len(names) - SHOWN
    if more > 1:  # "1 more" takes as much room as its name
        names = [*names[:SHOWN], ngettext("%(n)s more", "%(n)s more", more) % {"n": more}]
    return enumeration.either(names)


# For staff


def sentences(terms: Terms, known: Titles | None) -> Iterator[str]:
    """Yield what is in and what is out; ``known`` is None where the shop was not asked for titles."""
    goods = terms.goods
    only = _listed(goods.only_products, goods.only_categories, known)
    never = _listed(goods.never_products, goods.never_categories, known)
    if terms.kind == Kind.FREE_PRODUCT:
        yield _("One piece is free, the cheapest in the basket of these: %(goods)s.") % {"goods": only or "–"}
        if never:
            yield _("Never free: %(goods)s.") % {"goods": never}
        return
    if only:
        yield _("Only for these: %(goods)s.") % {"goods": only}
    if never:
        yield _("Never for these: %(goods)s.") % {"goods": never}
    if goods and any(money.minimum for money in terms.money):
        yield _("Only the goods that it is for count for the minimum.")


def _listed(products: Collection[str], categories: Collection[str], known: Titles | None) -> str:
    names = [
        *(_product(product, known) for product in products),
        *(_("category %(category)s") % {"category": category} for category in categories),
    ]
    more = len(names) - LISTED
    if more > 0:
        names = [*names[:LISTED], ngettext("%(n)s more", "%(n)s more", more) % {"n": more}]
    return enumeration.listed(names)


def _product(product: str, known: Titles | None) -> str:
    if known is None:
        return product
    if product not in known:
        return _("%(reference)s (the shop has no such product)") % {"reference": product}
    return f"{known[product]} ({product})"
