"""The page of the reference says what the code says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.test import APIClient

from retention.api import errors
from tests.api.people import V1
from tests.api.routes import Route, all_routes

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "api.md"


def test_every_route_is_on_the_page_with_its_permission_and_words(nobody: APIClient) -> None:
    paths = nobody.get(f"{V1}schema/").json()["paths"]
    found = re.findall(r"^\| `(?:GET|POST|PUT|PATCH|DELETE) .*$", PAGE.read_text(), re.MULTILINE)
    expected = rows(paths, staff=False) + rows(paths, staff=True)
    assert found == expected, "paste this:\n" + "\n".join(expected)


def rows(paths: Any, *, staff: bool) -> list[str]:
    """Return the rows of the shopper's table, or of the staff's."""
    return [
        row(route, method, paths[_described(route)][method]["summary"])
        for route in all_routes()
        if route.is_staff == staff
        for method in route.methods
    ]


def row(route: Route, method: str, summary: str) -> str:
    request = f"`{method.upper()} {_described(route).removeprefix(V1)}`"
    needed = f" `{route.view.needs[method.upper()]}` |" if route.is_staff else ""  # type: ignore[attr-defined]
    return f"| {request} |{needed} {summary} |"


def _described(route: Route) -> str:
    return V1 + re.sub(r"<\w+:(\w+)>", lambda found: "{" + found[1].replace("pk", "id") + "}", route.path)


def test_every_code_of_ours_is_on_the_page() -> None:
    page = PAGE.read_text()
    ours = {
        kind.default_code
        for kind in _kinds(APIException)
        if kind.__module__.split(".")[0] in ("retention", "campaigns", "loyalty") and kind is not errors.Conflict
    }
    assert len(ours) >= 12
    assert {code for code in ours if f"`{code}`" not in page} == set()


def _kinds(base: type[Any]) -> list[type[Any]]:
    return [kind for direct in base.__subclasses__() for kind in (direct, *_kinds(direct))]
