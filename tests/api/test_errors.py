"""Refusals look alike and have stable codes, whatever the merchant's own REST_FRAMEWORK says."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.api import people
from tests.api.people import V1, Shopper


def test_a_refusal_has_code_detail_and_fields(ada: Shopper) -> None:
    answer = ada.client.patch(f"{V1}me/", {"language": "xx", "first_name": "x" * 151}, format="json")
    assert answer.status_code == 400
    assert answer.json() == {
        "code": "invalid",
        "detail": "Something in the request is not valid.",
        "fields": {
            "first_name": [{"code": "max_length", "message": "Ensure this field has no more than 150 characters."}],
            "language": [{"code": "invalid_choice", "message": '"xx" is not a valid choice.'}],
        },
    }


def test_a_body_that_is_no_object_is_named_so(ada: Shopper) -> None:
    answer = ada.client.patch(f"{V1}me/", [1], format="json")
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["non_field_errors"]


@pytest.mark.parametrize(
    ("method", "path", "given", "status", "code"),
    [
        ("get", "me/orders/99/", {}, 404, "not_found"),
        ("get", "no/such/thing/", {}, 404, "not_found"),
        ("post", "no/such/thing/", {}, 404, "not_found"),
        ("get", "", {}, 404, "not_found"),
        ("get", "me/orders/x/", {}, 404, "not_found"),
        ("delete", "me/", {}, 405, "method_not_allowed"),
        ("options", "me/", {}, 405, "method_not_allowed"),
        ("get", "me/orders/?cursor=nonsense", {}, 400, "bad_cursor"),
        ("get", "me/orders/?page_size=0", {}, 400, "invalid"),
        ("patch", "me/", {"data": "{", "content_type": "application/json"}, 400, "parse_error"),
        ("patch", "me/", {"data": "a=b", "content_type": "text/plain"}, 415, "unsupported_media_type"),
        ("put", "me/consent/fax/", {"data": "{}", "content_type": "application/json"}, 404, "not_found"),
    ],
)
def test_codes_are_stable(ada: Shopper, method: str, path: str, given: dict[str, Any], status: int, code: str) -> None:
    answer = getattr(ada.client, method)(V1 + path, **given)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"code", "detail", "fields"}


def test_a_wrong_token_is_refused_as_such(db: None) -> None:
    client = APIClient()
    for token in ("0" * 40, "x y", "\x00", "ü"):
        answer = client.get(f"{V1}me/", headers={"Authorization": f"Token {token}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "authentication_failed")


def test_the_text_is_in_the_requests_language_and_the_code_is_not(ada: Shopper) -> None:
    answer = ada.client.get(f"{V1}me/orders/99/", headers={"Accept-Language": "es"})
    assert answer.json()["code"] == "not_found"
    assert answer.json()["detail"] == "No encontrado."


def test_a_body_beyond_the_limit_is_too_large(ada: Shopper, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = ada.client.patch(f"{V1}me/", {"first_name": "x" * 100}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_answers_are_not_kept_by_anybody_on_the_way(ada: Shopper, nobody: APIClient) -> None:
    assert ada.client.get(f"{V1}me/")["Cache-Control"] == "private, no-store"
    assert nobody.get(f"{V1}me/")["Cache-Control"] == "private, no-store"


def test_a_merchants_defaults_are_not_ours(ada: Shopper, settings: Any) -> None:
    settings.REST_FRAMEWORK = {
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.BrowsableAPIRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.MultiPartParser"],
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
        "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning",
        "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
        "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
        "DEFAULT_FILTER_BACKENDS": ["rest_framework.filters.SearchFilter"],
        "DEFAULT_METADATA_CLASS": "rest_framework.metadata.SimpleMetadata",
        "EXCEPTION_HANDLER": "nowhere.to.be.found",
        "URL_FORMAT_OVERRIDE": "format",
        "COERCE_DECIMAL_TO_STRING": False,
        "NON_FIELD_ERRORS_KEY": "whole",
    }
    answer = ada.client.get(f"{V1}me/orders/", headers={"Accept": "text/html"})
    assert answer["Content-Type"] == "application/json"
    assert list(answer.json()) == ["next", "results"]
    assert answer.json()["results"][0]["total"] == "12.50"
    assert ada.client.patch(f"{V1}me/", {"first_name": "A"}, format="json").status_code == 200
    assert ada.client.get(f"{V1}me/orders/99/").json()["code"] == "not_found"
    assert people.client().get(f"{V1}me/").status_code == 401


def test_a_fault_of_ours_is_reported_and_not_dressed_up(ada: Shopper, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("retention.services.profile.change", broken)
    with pytest.raises(ZeroDivisionError):
        ada.client.patch(f"{V1}me/", {"first_name": "A"}, format="json")
