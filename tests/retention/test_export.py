"""What a person gets who asks for their data: all of it, as a file that nobody keeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client

from retention.models import Customer, MailEvent, Preference
from retention.services import consent, customers, persons, profile, prompts, suppression, tokens
from retention.shop import LineData
from tests.retention.ground import guest, promise, tell
from tests.retention.shop import NOON, LocalShop

DAY = timedelta(days=1)


@pytest.fixture
def ada(shop: LocalShop, mails: None) -> Customer:
    """Somebody of whom the ground has a row in every table that is about people."""
    shop.place(
        "A1", email="Ada@example.com", first_name="Ada", last_name="Byron", postcode="SW1Y 4QU",
        lines=(LineData(reference="1", product="P1", title="Cup"),),
    )  # fmt: skip
    tell("A1")
    row = guest()
    consent.grant(row, purpose="marketing", basis="opt_in", source="form", text="Send me news", at=NOON)
    message = promise(row)
    MailEvent.objects.create(key="k", kind="bounced", message=message, detail="no mailbox", at=NOON, received_at=NOON)
    tokens.mint(purpose="claim", about=[(row.pk, "A1")], lasts=DAY, at=NOON)
    suppression.add("ada@example.com", scope="survey", reason="unsubscribed", at=NOON)
    prompts.note_shown(name="account", order="A1", email=row.email, at=NOON)
    Preference.objects.create(customer=row, every_days=7, changed_at=NOON)
    profile.give_birthday(row, month=12, day=10, at=NOON)
    row.refresh_from_db()
    return row


def test_the_export_holds_what_we_hold(ada: Customer) -> None:
    told = persons.export_person(ada)
    data = told["retention"]
    assert (data["email"], data["first_name"], data["last_name"], data["kind"]) == (
        "Ada@example.com", "Ada", "Byron", "guest",
    )  # fmt: skip
    [order] = data["orders"]
    assert (order["number"], order["postcode"], order["total_minor"], order["lines"][0]["title"]) == (
        "NA1", "SW1Y 4QU", 4000, "Cup",
    )  # fmt: skip
    assert [(said["basis"], said["text"], said["source"]) for said in data["consent"]] == [
        ("opt_in", "Send me news", "form")
    ]
    assert [message["mail"] for message in data["messages"]] == ["test.receipt"]
    assert [event["detail"] for event in data["mail_events"]] == ["no mailbox"]
    assert [link["purpose"] for link in data["links"]] == ["claim"]
    assert [(stop["scope"], stop["reason"]) for stop in data["not_written_to"]] == [("survey", "unsubscribed")]
    assert [prompt["name"] for prompt in data["prompts"]] == ["account"]
    assert "retention.OrderPlaced" in [fact["kind"] for fact in data["happened"]]
    assert data["spent"] == [{"currency": "EUR", "net_minor": 4000}]
    assert (told["retention.wishes"]["at_most_every_days"], told["retention.wishes"]["birthday"]) == (7, "12-10")


def test_no_secret_of_ours_is_in_it(ada: Customer) -> None:
    text = str(persons.export_person(ada))
    assert ada.address_hash not in text
    assert "digest" not in text


def test_a_member_gets_what_their_guests_row_had_too(ada: Customer, user: Callable[..., Any]) -> None:
    member = customers.for_user(user("ada@example.com"), at=NOON)
    customers.prove_address(member, at=NOON)
    data = persons.export_person(member)["retention"]
    assert [order["number"] for order in data["orders"]] == ["NA1"]
    assert [prompt["order"] for prompt in data["prompts"]] == ["A1"]
    kinds = [fact["kind"].partition(".")[2] for fact in data["happened"]]
    assert {"OrderPlaced", "ConsentGiven"} <= set(kinds), "of the guest"
    assert {"AccountOpened", "AddressProven"} <= set(kinds), "of the member"
    assert [row["first_name"] for row in data["earlier_rows"]] == ["Ada"]


def test_an_account_whose_address_nobody_has_proven_hears_of_no_prompt(ada: Customer, user: Callable[..., Any]) -> None:
    stranger = customers.for_user(user("ada@example.com"), at=NOON)
    data = persons.export_person(stranger)["retention"]
    assert (data["prompts"], data["not_written_to"]) == ([], [])
    assert [fact["kind"] for fact in data["happened"]] == ["retention.AccountOpened"]


@pytest.fixture
def client(ada: Customer) -> Client:
    person = get_user_model().objects.create_user(username="staff", email="s@example.com", is_staff=True)
    names = ["view_customer", "export_personal_data"]
    person.user_permissions.set(Permission.objects.filter(content_type__app_label="retention", codename__in=names))
    client = Client()
    client.force_login(person)
    return client


def test_staff_download_it_and_no_cache_keeps_it(ada: Customer, client: Client) -> None:
    answer = client.post(f"/admin/retention/customer/{ada.pk}/export/")
    assert answer["Content-Type"] == "application/json"
    assert answer["Content-Disposition"] == f'attachment; filename="customer-{ada.pk}.json"'
    assert "no-store" in answer["Cache-Control"]
    assert json.loads(answer.content)["retention"]["email"] == "Ada@example.com"


def test_staff_download_those_chosen_on_the_list(ada: Customer, client: Client) -> None:
    chosen = {"_selected_action": [ada.pk], "action": "export_chosen"}
    answer = client.post("/admin/retention/customer/", chosen)
    [told] = json.loads(answer.content)["people"]
    assert told["retention"]["email"] == "Ada@example.com"
    assert "no-store" in answer["Cache-Control"]


def test_the_command_writes_it_out(ada: Customer) -> None:
    for who in ("ADA@example.com", str(ada.pk)):
        out = StringIO()
        call_command("retention_person", "export", who, stdout=out)
        [told] = json.loads(out.getvalue())["people"]
        assert told["retention"]["orders"][0]["number"] == "NA1"
