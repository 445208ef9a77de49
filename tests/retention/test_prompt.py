"""The prompt on the thank-you page: for whom, and never in the way of the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import HttpRequest
from django.template import Context, Template
from django.test import RequestFactory

from retention import registry
from retention.models import Prompt
from retention.registry import Gain
from retention.services import prompts
from retention.shop import OrderData
from tests.retention.shop import NOON, LocalShop


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def request_of(shop: LocalShop, rf: RequestFactory) -> Callable[..., HttpRequest]:
    """A request of the thank-you page in the session that placed an order."""

    def make(reference: str = "A1", user: Any = None, **given: Any) -> HttpRequest:
        if reference:
            shop.place(reference, **given)
        request = rf.get("/thank-you/")
        request.session = {"fake_order": reference}  # type: ignore[assignment]
        request.user = user or AnonymousUser()
        return request

    return make


def page(request: HttpRequest) -> str:
    return Template("{% load retention %}before{% retention_prompt %}after").render(Context({"request": request}))


def test_a_guest_with_an_order_is_asked_for_one_thing(request_of: Callable[..., HttpRequest]) -> None:
    shown = page(request_of())
    assert shown.count('type="password"') == 1
    assert "Save this order in an account" in shown
    assert "No, thank you" in shown
    assert shown.startswith("before")
    assert shown.endswith("after")
    assert list(Prompt.objects.values_list("order", "shown_at", "accepted_at")) == [("A1", NOON, None)]


def test_what_an_account_gives_is_asked_of_every_app_and_never_of_our_tables(
    request_of: Callable[..., HttpRequest],
) -> None:
    asked: list[OrderData] = []

    def points(order: OrderData) -> Sequence[Gain]:
        asked.append(order)
        return [Gain(text="<b>40 points</b>", order=2, headline="claim 40 points"), Gain(text="a coupon", order=1)]

    registry.gains.add("test", points)
    shown = page(request_of())
    assert [order.reference for order in asked] == ["A1"], "the order was not read into our tables yet"
    assert "Save this order and claim 40 points" in shown
    assert "&lt;b&gt;40 points" in shown
    assert shown.index("a coupon") < shown.index("40 points&lt;")


@pytest.mark.parametrize(
    ("reference", "given"),
    [("", {}), ("A1", {"email": ""}), ("A1", {"user_id": 7})],
    ids=["no order", "no address", "a member's order"],
)
def test_who_is_not_asked(request_of: Callable[..., HttpRequest], reference: str, given: dict[str, Any]) -> None:
    assert page(request_of(reference, **given)) == "beforeafter"
    assert Prompt.objects.count() == 0


def test_who_is_signed_in_is_not_asked(request_of: Callable[..., HttpRequest], user: Callable[..., Any]) -> None:
    assert page(request_of(user=user("ben@example.com"))) == "beforeafter"


def test_after_a_no_it_is_not_shown_for_another_order_of_the_address(request_of: Callable[..., HttpRequest]) -> None:
    prompts.dismiss(name=prompts.ACCOUNT, order="A0", email="ada@example.com", at=NOON)
    assert page(request_of()) == "beforeafter"


def broken_app(order: OrderData) -> Sequence[Gain]:
    raise RuntimeError("no programme")


def broken_query(**given: Any) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")
    return True


def test_an_app_that_fails_takes_the_prompt_away_and_not_the_page(
    request_of: Callable[..., HttpRequest], caplog: pytest.LogCaptureFixture
) -> None:
    registry.gains.add("test", broken_app)
    assert page(request_of()) == "beforeafter"
    assert [record.getMessage() for record in caplog.records] == ["the account prompt could not be shown"]


def test_a_query_that_fails_leaves_the_shops_transaction_usable(
    request_of: Callable[..., HttpRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test itself is in a transaction, as a page is with ATOMIC_REQUESTS."""
    monkeypatch.setattr(prompts, "wanted", broken_query)
    assert page(request_of()) == "beforeafter"
    assert Prompt.objects.count() == 0, "this query would fail"


@pytest.mark.django_db(transaction=True)
def test_it_is_shown_outside_a_transaction_too(request_of: Callable[..., HttpRequest]) -> None:
    assert connection.get_autocommit()
    assert page(request_of()).count('type="password"') == 1


def test_the_sign_up_form_stands_in_any_template(shop: LocalShop, rf: RequestFactory) -> None:
    request = rf.get("/")
    said = Template('{% load retention %}{% retention_signup source="footer" %}').render(Context({"request": request}))
    assert 'name="email"' in said
    assert 'value="footer"' in said
    assert "Send me offers and news by e-mail." in said
    assert "<script" not in said
    assert "style=" not in said
