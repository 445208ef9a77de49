"""Every route of the API as the URLconf has it, so that none can be forgotten by a test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLResolver, get_resolver

from retention.api.base import Mine, Staff, View
from tests.api.people import V1

OPEN = {"schema/", ""}
"""What anybody may ask: the document, and the answer to what does not exist."""


@dataclass(frozen=True)
class Route:
    path: str
    """Behind the version, with ``<int:pk>`` and the like as they stand."""
    view: type[View]

    @property
    def methods(self) -> list[str]:
        return [name for name in ("get", "post", "put", "patch", "delete") if hasattr(self.view, name)]

    @property
    def is_mine(self) -> bool:
        return issubclass(self.view, Mine)

    @property
    def is_staff(self) -> bool:
        return issubclass(self.view, Staff)

    def url(self, **values: Any) -> str:
        path = self.path
        for name, value in values.items():
            for kind in ("int", "slug", "str"):
                path = path.replace(f"<{kind}:{name}>", str(value))
        assert "<" not in path, f"say what stands for the variables of {path}"
        return V1 + path


def all_routes() -> list[Route]:
    """Return every route that a view of ours answers."""
    found = [Route(path.removeprefix(V1.lstrip("/")), view) for path, view in _walk(get_resolver(), "")]
    return sorted((route for route in found if route.path not in OPEN), key=lambda route: route.path)


def _walk(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, type[View]]]:
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern, path)
            continue
        view = getattr(pattern.callback, "cls", None)
        if isinstance(view, type) and issubclass(view, View):
            yield path, view
