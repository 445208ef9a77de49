"""The OpenAPI document is valid, whole, and speaks of nothing but our API."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from tests.api.people import V1
from tests.api.routes import all_routes


@pytest.fixture
def document(nobody: APIClient) -> Any:
    answer = nobody.get(f"{V1}schema/")
    assert answer.status_code == 200
    return answer.json()


def test_the_schema_is_valid_without_a_warning(tmp_path: Path) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", file=str(tmp_path / "schema.yml"))


def test_every_route_and_method_is_described_and_nothing_else(document: Any) -> None:
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    known = {
        (V1 + re.sub(r"<\w+:(\w+)>", lambda found: "{" + found[1].replace("pk", "id") + "}", route.path), method)
        for route in all_routes()
        for method in route.methods
    }
    assert described == known


def test_every_operation_says_how_it_refuses_and_who_may(document: Any) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            codes = {"400", "401", "403"} | ({"404"} if "{" in path else set())
            if method != "get":
                codes |= {"409", "413", "415", "422", "429"}
            assert codes <= set(operation["responses"]), (path, method)
            assert operation["security"] == [{"tokenAuth": []}, {"session": []}], (path, method)
            assert operation["summary"], (path, method)
            keys = [one["name"] for one in operation.get("parameters", []) if one["in"] == "header"]
            assert keys == ([] if method == "get" else ["Idempotency-Key"]), (path, method)


def test_a_merchants_own_spectacular_settings_change_neither_title_nor_paths(
    document: Any, settings: Any, nobody: APIClient
) -> None:
    assert document["info"]["title"] == "django-retention"
    assert all(path.startswith(V1) for path in document["paths"])


def test_the_page_asks_no_other_server_and_has_nothing_inline(client: Client) -> None:
    page = client.get(f"{V1}docs/").content.decode()
    assert "drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js" in page
    assert not re.search(r"""(src|href)=["'](https?:)?//""", page)
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert "<style" not in page
    assert " style=" not in page
    assert "onload" not in page


def test_what_the_page_loads_is_there(client: Client) -> None:
    page = client.get(f"{V1}docs/").content.decode()
    found = re.findall(r"""(?:src|href)=["']/static/([^"']+)["']""", page)
    assert len(found) == 3
    for name in found:
        assert finders.find(name), name
