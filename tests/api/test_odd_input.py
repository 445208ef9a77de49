"""Whatever is sent, the answer is a refusal with a code, never a fault of ours."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from rest_framework.test import APIClient

from retention.api.base import Listing
from tests.api import people
from tests.api.people import V1, Shopper
from tests.api.routes import Route, all_routes

NUMBERS = ["0", "1", "-1", "1.5", "1e400", str(2**31), str(2**63 - 1), str(2**63), "9" * 5000, "NaN", "٣", "0x10"]
WORDS = ["", " ", "\x00", "\ufeff", "é", "💥", "%", "'\";--", "../", "a" * 5000, "null", "true", "[]", "{}", "\ud800"]
TIMES = [
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-02-30", "2026-13-01T00:00", "now", "1", "-1",
    "2026-03-02T12:00:00+99:99", "20260302", "2026-W10-1", "T12:00", "2026-03-29T02:30:00",
]  # fmt: skip
CURSORS = [
    "a", "é", "=", "====", "AAAA", "\x00", "bnVsbA", "W10", "9" * 5000,
    *(
        base64.urlsafe_b64encode(text.encode()).decode()
        for text in (
            "null", "[]", "{}", "1", "[1]", "[1,1]", '["x",1]', "[null,null]", "[true]", f"[{10**400}]", f"[{2**63}]",
            "[1e999]", "[-1]", '["0001-01-01T00:00:00+23:59",1]', '["9999-12-31T23:59:59-23:59",1]',
            '["2026-03-02T12:00:00",1]', '["2026-03-02T12:00:00+00:00","1"]', '["2026-03-02T12:00:00+00:00",1,1]',
            '["2026-03-02T12:00:00+00:00\\u0000",1]', "[" * 100_000, "[NaN]", '[[1],[1]]',
        )
    ),
]  # fmt: skip
VALUES = [
    None, True, 0, -1, 1.5, 10**400, 2**63, "", " ", "\x00", "\ud800", "💥", "a" * 10_000, [], {}, [[]], {"a": {}},
    [None], "2026-02-30", "NaN", float("1e308"),
]  # fmt: skip
BODIES = [
    b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b"NaN", b'{"a": NaN}', b"[" * 100_000, b'{"a":' * 50_000,
    b"9" * 5000, b'{"a": 1, "a": 2}', b"\xef\xbb\xbf{}", b'{"granted": "\\ud800"}', b"\x00", b'{"\\u0000": 1}',
]  # fmt: skip

ROUTES = all_routes()
LISTS = [route.path for route in ROUTES if "get" in route.methods and "<" not in route.path]
WRITES = [(route.path, method) for route in ROUTES for method in route.methods if method != "get"]
FILTERS = [
    (route.path, name, kind)
    for route in ROUTES
    if getattr(route.view, "filterset_class", None)
    for name, kind in route.view.filterset_class.base_filters.items()
]


def client_of(route: Route, ada: Shopper, root: APIClient) -> APIClient:
    return ada.client if route.is_mine else root


def route_of(path: str) -> Route:
    return next(route for route in ROUTES if route.path == path)


def harmless(answer: Any, said: Any) -> None:
    """The answer is JSON and not a fault; a refusal has its three parts; the database is still there."""
    assert answer.status_code < 500, said
    if answer.status_code >= 400:
        assert set(answer.json()) == {"code", "detail", "fields"}, said
    elif answer.content:
        answer.json()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@pytest.fixture(autouse=True)
def no_limits(settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "API_WRITES_PER_MINUTE": 10**6, "API_EVENTS_PER_MINUTE": 10**6}


@pytest.mark.parametrize("path", [route.path for route in ROUTES if "<int:" in route.path])
def test_odd_ids(path: str, ada: Shopper, root: APIClient) -> None:
    route = route_of(path)
    for number in NUMBERS:
        url = route.url(**{name: number for name in ("pk", "customer") if f":{name}>" in path})
        for method in route.methods:
            answer = getattr(client_of(route, ada, root), method)(url)
            harmless(answer, url)
            if method == "get" and number not in ("0", "1"):
                assert answer.status_code == 404, url


@pytest.mark.parametrize("path", [route.path for route in ROUTES if "<slug:" in route.path])
def test_odd_words_in_paths(path: str, ada: Shopper, root: APIClient) -> None:
    route = route_of(path)
    for word in [*WORDS[:-1], "UNKNOWN", "a" * 300]:
        url = route.url(**{name: quote(word, safe="") for name in ("purpose", "name") if f":{name}>" in path})
        for method in route.methods:
            answer = getattr(client_of(route, ada, root), method)(url, {"granted": False}, format="json")
            harmless(answer, url)
            assert answer.status_code in (404, 405), url


@pytest.mark.parametrize("path", LISTS)
def test_odd_cursors_and_page_sizes(path: str, ada: Shopper, root: APIClient) -> None:
    route = route_of(path)
    client = client_of(route, ada, root)
    for cursor in CURSORS:
        answer = client.get(f"{route.url()}?cursor={quote(cursor)}")
        harmless(answer, cursor)
        if issubclass(route.view, Listing) and answer.status_code != 200:
            assert answer.json()["code"] == "bad_cursor"
    for size in [*NUMBERS, *WORDS[:-1], "201"]:
        answer = client.get(f"{route.url()}?page_size={quote(size)}")
        harmless(answer, size)
        if issubclass(route.view, Listing) and size not in ("1", ""):
            assert answer.status_code == 400, size


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, name, _ in FILTERS])
def test_odd_filters(path: str, name: str, ada: Shopper, root: APIClient) -> None:
    route = route_of(path)
    for word in [*NUMBERS, *WORDS[:-1], *TIMES]:
        harmless(client_of(route, ada, root).get(f"{route.url()}?{name}={quote(word)}"), (name, word))
    harmless(client_of(route, ada, root).get(f"{route.url()}?{name}=%ff%fe&{name}=1"), name)


def test_the_filters_refuse_what_cannot_be_compared(root: APIClient) -> None:
    for query in ("customer=x", "customer=-1", f"customer={2**63}", "placed_from=now", "cancelled=maybe",
                  "placed_from=0001-01-01T00:00:00%2B23:59", "number=%00", f"number={'x' * 201}"):  # fmt: skip
        answer = root.get(f"{V1}orders/?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), query
        assert list(answer.json()["fields"]) == [query.partition("=")[0]]


@pytest.mark.parametrize(("path", "method"), WRITES)
def test_odd_bodies(path: str, method: str, ada: Shopper, root: APIClient) -> None:
    route = route_of(path)
    url = route.url(**{name: value for name, value in VARIABLES.items() if f":{name}>" in path})
    client = client_of(route, ada, root)
    for body in BODIES:
        harmless(client.generic(method.upper(), url, body, content_type="application/json"), body[:40])
    for content_type in ("", "application/json; charset=base64", "application/json; charset=utf-16", "x", "a/b",
                         "application/json; charset=zlib", "application/json; charset=rot13", "multipart/form-data",
                         "multipart/form-data; boundary=é", "application/x-www-form-urlencoded"):  # fmt: skip
        answer = client.generic(method.upper(), url, b'{"granted": false}', content_type=content_type)
        harmless(answer, content_type)


VARIABLES = {"pk": 1, "customer": 1, "purpose": "marketing", "name": "prove-address"}

FIELDS = {
    "me/": ["first_name", "language"],
    "me/consent/<slug:purpose>/": ["granted", "text", "text_version"],
    "me/claims/": ["reward", "points", "currency"],
    "customers/search/": ["email"],
    "events/": ["id", "kind", "order"],
    "coupons/<int:pk>/extend/": ["until"],
    "coupons/<int:pk>/void/": ["reason"],
    "coupons/check/": ["code", "currency", "worth", "shipping", "email", "user", "cart", "origin", "session"],
    "coupons/commit/": ["order", "cart", "codes"],
    "coupons/release/": ["order"],
    "coupons/reserve/": ["codes", "currency", "lines", "shipping", "email", "user", "cart", "origin", "session"],
    "cases/": ["customer", "order", "note"],
    "points/<int:customer>/correct/": ["points", "reason"],
    "customers/<int:pk>/reviews/": ["product", "review"],
    "me/points/promise/": ["currency", "lines"],
    "referrals/": ["order", "code", "address", "coupon"],
    "referrals/open/": ["code", "visit"],
    "referrals/<int:pk>/decide/": ["approve", "reason"],
}
"""What the writes take."""


@pytest.mark.parametrize(("path", "method"), [write for write in WRITES if write[0] in FIELDS])
def test_odd_values_in_fields(path: str, method: str, ada: Shopper, root: APIClient) -> None:
    route = route_of(path)
    values = VARIABLES | {"customer": ada.customer.pk, "pk": ada.customer.coupons.get().pk}
    url = route.url(**{name: value for name, value in values.items() if f":{name}>" in path})
    good = {
        "granted": False, "id": "1", "kind": "changed", "order": "1", "email": "a@example.com", "code": "X",
        "worth": "1", "currency": "EUR", "customer": ada.customer.pk, "points": 1, "reason": "kind", "cart": "1",
        "codes": ["X"], "lines": [{"price": "1"}], "reward": 7, "product": "p1", "review": "r1",
    }  # fmt: skip
    for field in FIELDS[path]:
        for value in VALUES:
            known = {name: good[name] for name in FIELDS[path] if name in good}
            if path == "me/points/promise/":
                known["lines"] = [{"product": "p1", "amount": "1"}]
            body = json.dumps({**known, field: value})
            answer = getattr(client_of(route, ada, root), method)(url, body, content_type="application/json")
            harmless(answer, (field, str(value)[:40]))


def test_every_write_that_takes_a_body_is_swept(db: None) -> None:
    document = people.client().get(f"{V1}schema/").json()
    taking = {
        path.removeprefix(V1)
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if "requestBody" in operation
    }
    assert {path.replace("{", "<").replace("}", ">") for path in taking} == {
        path.replace("<slug:", "<").replace("<int:", "<").replace("<pk>", "<id>") for path in FIELDS
    }


def test_odd_headers(ada: Shopper) -> None:
    for headers in (
        {"Accept": "x"}, {"Accept": "text/html"}, {"Accept": "application/json; q=é"}, {"Accept-Language": "x" * 5000},
        {"X-Forwarded-For": "é, \x00"}, {"If-None-Match": "*"}, {"Range": "bytes=0-1"},
        {"X-HTTP-Method-Override": "DELETE"},
    ):  # fmt: skip
        answer = ada.client.get(f"{V1}me/orders/", headers=headers)
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/json"
