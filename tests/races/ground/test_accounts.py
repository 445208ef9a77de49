"""Doors that two open at the same time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from retention.models import Customer, Message
from retention.services import delivery
from tests.races.together import all_well, together
from tests.retention.ground import tell
from tests.retention.post import link
from tests.retention.shop import LocalShop

pytestmark = pytest.mark.django_db(transaction=True)

GOOD = "correct horse battery"


def visitor(shop: LocalShop, reference: str, **given: Any) -> Client:
    shop.place(reference, **given)
    tell(reference)
    client = Client(raise_request_exception=False)
    session = client.session
    session["fake_order"] = reference
    session.save()
    return client


def test_a_form_that_is_sent_six_times_at_once_opens_one_account(shop: LocalShop) -> None:
    client = visitor(shop, "A1")
    clients = []
    for _ in range(6):
        copy = Client(raise_request_exception=False)
        copy.cookies.load(client.cookies.output(header=""))
        clients.append(copy)
    where = reverse("retention:open_account")
    answers = all_well(together(*[lambda c=c: c.post(where, {"password": GOOD}).status_code for c in clients]))
    assert answers == [302] * 6
    assert get_user_model().objects.count() == 1
    assert Customer.objects.filter(kind="member").count() == 1
    signed_in = [copy for copy in clients if copy.session.get("_auth_user_id")]
    assert len(signed_in) == 1


def test_of_two_orders_with_one_address_at_once_one_opens_the_account(shop: LocalShop) -> None:
    clients = [visitor(shop, reference) for reference in ("A1", "A2", "A3")]
    where = reverse("retention:open_account")
    all_well(together(*[lambda c=c: c.post(where, {"password": GOOD}).status_code for c in clients]))
    assert get_user_model().objects.count() == 1
    assert Counter(Message.objects.values_list("mail", flat=True)) == {
        "retention.prove_address": 1,
        "retention.sign_in": 2,
    }


def test_a_mailed_link_that_is_opened_twice_at_once_is_used_once(
    shop: LocalShop, mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = visitor(shop, "A1")
    client.post(reverse("retention:mail_account_link"))
    delivery.deliver(at=Message.objects.get().due_at)
    path = link(mailoutbox[0])
    clients = [Client(raise_request_exception=False) for _ in range(4)]
    answers = all_well(together(*[lambda c=c: c.post(path, {"password": GOOD}).status_code for c in clients]))
    assert Counter(answers) == {302: 1, 410: 3}
    assert get_user_model().objects.count() == 1


def test_it_is_one_account_whichever_door_is_first(shop: LocalShop, mailoutbox: list[Any]) -> None:
    first, second = visitor(shop, "A1"), visitor(shop, "A2")
    first.post(reverse("retention:mail_account_link"))
    delivery.deliver(at=Message.objects.get().due_at)
    path = link(mailoutbox[0])

    def by_mail() -> int:
        return Client(raise_request_exception=False).post(path, {"password": GOOD}).status_code

    def by_page() -> int:
        return second.post(reverse("retention:open_account"), {"password": GOOD}).status_code

    answers = all_well(together(by_mail, by_page))
    assert answers[1] == 302
    assert answers[0] in (302, 410)
    assert get_user_model().objects.count() == 1
