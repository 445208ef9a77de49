"""A search engine for a shop of a few shelves: it asks the catalogue's tables, so nothing is indexed.

Haystack's own "simple" engine ignores fields, and Oscar's catalogue pages filter by field.
"""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q
from haystack.backends import BaseEngine, SearchNode
from haystack.backends.simple_backend import SimpleSearchBackend, SimpleSearchQuery
from haystack.models import SearchResult
from oscar.core.loading import get_model

ORDER = {
    "price": "stockrecords__price",
    "rating": "rating",
    "date_created": "date_created",
    "title_exact": "title",
}


class Query(SimpleSearchQuery):
    def build_query(self) -> Q:
        """Return the conditions of a search, which Oscar only ever joins by "and"."""
        found = Q()
        for field, value in _leaves(self.query_filter):
            if field == "category":
                found &= Q(categories__in=value)
            elif field == "content":
                for word in str(value).split():
                    found &= Q(title__icontains=word) | Q(description__icontains=word) | Q(upc__iexact=word)
        return found


class Backend(SimpleSearchBackend):
    def search(
        self,
        query_string: Q,
        *,
        sort_by: list[str] | None = None,
        start_offset: int = 0,
        end_offset: int | None = None,
        result_class: type[SearchResult] | None = None,
        **unused: Any,
    ) -> dict[str, Any]:
        """Return the public products that match, and how many there are."""
        order = [sign + ORDER[name] for sign, name in map(_signed, sort_by or ()) if name in ORDER]
        products = get_model("catalogue", "Product").objects.browsable().filter(query_string)
        # Joins (categories, prices) may bring a product twice.
        pks = list(dict.fromkeys(products.order_by(*order, "pk").values_list("pk", flat=True)))
        make = result_class or SearchResult
        return {
            "hits": len(pks),
            "results": [make("catalogue", "product", pk, 0) for pk in pks[start_offset:end_offset]],
        }


class Engine(BaseEngine):
    backend = Backend
    query = Query


def _signed(name: str) -> tuple[str, str]:
    return ("-", name[1:]) if name.startswith("-") else ("", name)


def _leaves(node: SearchNode) -> Iterator[tuple[str, Any]]:
    for child in node.children:
        if isinstance(child, SearchNode):
            yield from _leaves(child)
        else:
            yield child[0].partition("__")[0], child[1]
