"""What staff see and do, each by its permission; names and addresses by a permission of their own."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from retention.models import Customer, Message, Signal
from tests.api import people
from tests.api.people import NOON, V1, Shopper

SEES = "retention.view_personal_data"


def test_names_and_addresses_are_masked_without_the_permission(ada: Shopper) -> None:
    clerk = people.staff("clerk", "retention.view_customer", "retention.view_order", "retention.view_message")
    Message.objects.update(error=f"550 <{ada.user.email}> unknown")
    row = clerk.get(f"{V1}customers/{ada.customer.pk}/").json()
    assert (row["email"], row["first_name"], row["last_name"]) == ("•••", "•••", "")
    order = clerk.get(f"{V1}orders/{ada.orders[0].pk}/").json()
    assert (order["email"], order["postcode"], order["total"]) == ("•••", "•••", "12.50")
    for path in ("customers/", "orders/", "messages/"):
        assert ada.user.email not in clerk.get(V1 + path).content.decode()


def test_who_may_see_personal_data_sees_it(ada: Shopper) -> None:
    clerk = people.staff("clerk", "retention.view_customer", "retention.view_order", SEES)
    row = clerk.get(f"{V1}customers/{ada.customer.pk}/").json()
    assert (row["email"], row["first_name"]) == (ada.user.email, ada.mark)
    assert row["spends"] == [{"currency": "EUR", "net": "10.00"}]
    assert [(entry["purpose"], entry["granted"]) for entry in row["consents"]] == [("marketing", True)]
    assert clerk.get(f"{V1}orders/{ada.orders[0].pk}/").json()["postcode"] == f"1{ada.mark}"


def test_one_permission_does_not_open_the_next_door(ada: Shopper) -> None:
    clerk = people.staff("clerk", "retention.view_message", SEES)
    message = Message.objects.get()
    assert clerk.get(f"{V1}messages/{message.pk}/").status_code == 200
    for path in ("customers/", "orders/"):
        assert clerk.get(V1 + path).status_code == 403
    assert clerk.post(f"{V1}messages/{message.pk}/cancel/").status_code == 403
    assert Message.objects.get().state == Message.State.PLANNED


def test_staff_find_everybody_with_an_address_by_a_post(ada: Shopper, root: APIClient) -> None:
    guest = Customer.objects.create(
        kind=Customer.Kind.GUEST, email=ada.user.email, address=ada.user.email, created_at=NOON
    )
    found = root.post(f"{V1}customers/search/", {"email": f"  {ada.user.email.upper()} "}, format="json")
    assert [row["id"] for row in found.json()] == [guest.pk, ada.customer.pk]
    assert root.post(f"{V1}customers/search/", {"email": "no@example.com"}, format="json").json() == []
    in_url = root.get(f"{V1}customers/?email={ada.user.email}")
    assert (in_url.status_code, in_url.json()["fields"]["email"][0]["code"]) == (400, "unknown")


def test_a_search_by_address_needs_to_see_personal_data(ada: Shopper) -> None:
    clerk = people.staff("clerk", "retention.view_customer")
    answer = clerk.post(f"{V1}customers/search/", {"email": ada.user.email}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_a_message_is_called_off_once_by_a_named_person(ada: Shopper) -> None:
    clerk = people.staff("clerk", "retention.send_message")
    message = Message.objects.get()
    answer = clerk.post(f"{V1}messages/{message.pk}/cancel/")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert Message.objects.get().reason.startswith("cancelled by staff ")
    again = clerk.post(f"{V1}messages/{message.pk}/cancel/")
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("failed", 200), ("skipped", 200), ("unknown", 200), ("cancelled", 200),
        ("planned", 409), ("due", 409), ("claimed", 409), ("sending", 409), ("sent", 409),
    ],
)  # fmt: skip
def test_a_message_is_sent_again_only_from_where_it_ended_badly(
    ada: Shopper, root: APIClient, state: str, status: int
) -> None:
    Message.objects.update(state=state, owner="x", lease_until=NOON, sent_at=NOON)
    message = Message.objects.get()
    answer = root.post(f"{V1}messages/{message.pk}/resend/")
    assert answer.status_code == status
    assert Message.objects.get().state == ("due" if status == 200 else state)


def report(client: APIClient, **body: Any) -> Any:
    given = {"id": "evt-1", "kind": "order-changed", "order": "100001", **body}
    return client.post(f"{V1}events/", given, format="json")


def test_an_event_is_taken_down_once(db: None) -> None:
    shop = people.staff("shop", "retention.add_signal")
    assert [report(shop).json() for _ in range(3)] == [{"new": True}, {"new": False}, {"new": False}]
    signal = Signal.objects.get()
    assert (signal.kind, signal.reference, signal.external_id, signal.outcome) == (
        "order-changed", "100001", "evt-1", "",
    )  # fmt: skip


def test_the_same_event_with_another_body_is_refused_and_not_stored(db: None) -> None:
    shop = people.staff("shop", "retention.add_signal")
    report(shop)
    answer = report(shop, order="100002")
    assert (answer.status_code, answer.json()["code"]) == (409, "event_reused")
    assert [signal.reference for signal in Signal.objects.all()] == ["100001"]


@pytest.mark.parametrize("missing", ["id", "kind", "order"])
def test_an_event_without_id_kind_or_order_is_none(db: None, missing: str) -> None:
    shop = people.staff("shop", "retention.add_signal")
    answer = report(shop, **{missing: ""})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [missing])
    assert Signal.objects.count() == 0
