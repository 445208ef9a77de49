"""Mail scanners open every link: no mail of the ground carries one that changes something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse

from retention import registry
from retention.models import Customer
from retention.services import accounts, customers, signup
from tests.retention.ground import promise, tell
from tests.retention.mails import NEWS, QUESTION
from tests.retention.post import fetch, links, rows
from tests.retention.shop import NOON, LocalShop

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def every_mail(
    shop: LocalShop, mails: None, customer: Callable[..., Customer], user: Callable[..., Any], mailoutbox: Any
) -> list[EmailMessage]:
    """One of each mail that the ground can send, and of the two purposes that can be left."""
    shop.place("A1")
    shop.place("B1", email="ben@example.com")
    tell("A1", "B1")
    ben = user("ben@example.com")
    accounts.ask_link(order=shop.orders["A1"], at=NOON)
    accounts.ask_proof(customers.for_user(user("cy@example.com"), at=NOON), at=NOON)
    accounts._mail_sign_in(shop.orders["B1"], at=NOON)
    signup.ask(email="dee@example.com", source="test", language="en", origin="192.0.2.1", at=NOON)
    eve = customer("eve@example.com", wants=("marketing",))
    promise(eve, NEWS)
    promise(eve, QUESTION)
    assert ben.pk
    return fetch(mailoutbox, NOON)


def test_get_and_head_of_every_link_of_every_mail_twenty_times_change_no_row(every_mail: list[EmailMessage]) -> None:
    shipped = {name for name in registry.mails.names() if name.startswith("retention.")}
    assert len(every_mail) == len(shipped) + 2, "a mail of the ground is missing here"
    paths = [path for mail in every_mail for path in links(mail)]
    # news and the question carry two: to leave, and to choose
    assert len(paths) == len(every_mail) + 2, "each carries one link of ours"
    before = rows()
    for path in paths:
        client = Client()
        for _ in range(20):
            assert client.get(path).status_code == 200
            assert client.head(path).status_code == 200
    assert rows() == before


@pytest.mark.parametrize(
    "name",
    ["open_account", "dismiss_account", "mail_account_link", "link_again"],
)
def test_what_changes_something_is_not_for_get(shop: LocalShop, name: str) -> None:
    assert Client().get(reverse(f"retention:{name}")).status_code == 405
    assert Client().head(reverse(f"retention:{name}")).status_code == 405


def test_no_page_of_ours_can_be_kept_by_a_proxy(every_mail: list[EmailMessage]) -> None:
    for mail in every_mail:
        for path in links(mail):
            assert "no-store" in Client().get(path)["Cache-Control"]
