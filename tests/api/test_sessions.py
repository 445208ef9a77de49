"""The shop's own session, where CSRF is asked for, and tokens, where it is not."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from rest_framework.test import APIClient

from tests.api.people import V1, Shopper
from tests.api.routes import all_routes
from tests.api.test_two_shoppers import MINE


@pytest.fixture
def browser(ada: Shopper) -> APIClient:
    """Ada's browser: a session cookie, and CSRF checked as in production."""
    client = APIClient(enforce_csrf_checks=True)
    assert client.login(username=ada.user.email, password="a long password")
    return client


def test_a_session_reads(browser: APIClient, ada: Shopper) -> None:
    assert browser.get(f"{V1}me/").json()["email"] == ada.user.email


@pytest.mark.parametrize("path", [route.path for route in all_routes() if route.is_mine and route.methods != ["get"]])
def test_a_session_writes_nothing_without_the_csrf_token(browser: APIClient, path: str, ada: Shopper) -> None:
    [route] = [route for route in all_routes() if route.path == path]
    for method in set(route.methods) - {"get"}:
        answer = getattr(browser, method)(route.url(**MINE[path](ada)), {}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


def test_a_session_writes_with_the_csrf_token(browser: APIClient, ada: Shopper) -> None:
    browser.get(f"{V1}docs/")
    token = browser.cookies["csrftoken"].value
    answer = browser.patch(f"{V1}me/", {"first_name": "A"}, format="json", headers={"X-CSRFToken": token})
    assert answer.json()["first_name"] == "A"


def test_a_form_of_another_site_changes_nothing(browser: APIClient, ada: Shopper) -> None:
    for content_type in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        answer = browser.post(f"{V1}me/proof/", "csrfmiddlewaretoken=x", content_type=content_type)
        assert answer.status_code in (400, 403, 415)
    assert ada.customer.messages.count() == 1


def test_an_account_that_was_switched_off_gets_nothing(ada: Shopper, browser: APIClient) -> None:
    ada.user.is_active = False
    ada.user.save()
    assert browser.get(f"{V1}me/").status_code == 401
    assert ada.client.get(f"{V1}me/").status_code == 401


def test_a_merchant_may_name_classes_of_their_own(ada: Shopper, browser: APIClient, settings: Any) -> None:
    settings.RETENTION = {
        **settings.RETENTION,
        "API_AUTHENTICATION": ["rest_framework.authentication.BasicAuthentication"],
    }
    assert ada.client.get(f"{V1}me/").status_code == 401
    assert browser.get(f"{V1}me/").status_code == 401
    basic = APIClient()
    answer = basic.get(f"{V1}me/")
    assert answer["WWW-Authenticate"] == 'Basic realm="api"'


def test_without_the_app_of_tokens_sessions_are_enough(
    ada: Shopper, browser: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = apps.is_installed
    monkeypatch.setattr(apps, "is_installed", lambda name: name != "rest_framework.authtoken" and installed(name))
    assert browser.get(f"{V1}me/").status_code == 200
    answer = ada.client.get(f"{V1}me/")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Session")
