"""What staff may see and do: a person's word goes through the services, and permissions stand apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from retention.models import Customer, Installation, Message, Order, ParkedFact, Signal, Text
from retention.services import facts, installation
from tests.retention.ground import promise, tell
from tests.retention.shop import NOON, LocalShop

pytestmark = pytest.mark.usefixtures("mails")

State = Message.State
STATUS = "/admin/retention/installation/"


@pytest.fixture
def staff(db: None) -> Callable[..., Client]:
    """Sign in a member of staff with these permissions of ours."""

    def make(*names: str) -> Client:
        person = get_user_model().objects.create_user(
            username=f"staff{len(names)}", email="s@example.com", is_staff=True
        )
        person.user_permissions.set(Permission.objects.filter(content_type__app_label="retention", codename__in=names))
        client = Client()
        client.force_login(person)
        return client

    return make


def page_of(customer: Customer) -> str:
    return f"/admin/retention/customer/{customer.pk}/change/"


def test_the_customers_page_shows_orders_messages_and_consent_on_one_page(
    shop: LocalShop, customer: Callable[..., Customer], staff: Callable[..., Client]
) -> None:
    ada = customer(wants=("marketing",))
    shop.place("A1", email="ada@example.com")
    tell("A1")
    promise(ada, key="one")
    page = staff("view_customer", "view_personal_data").get(page_of(ada)).content.decode()
    number = Order.objects.get().number
    for words in ("ada@example.com", "Orders", "Messages", "Consent", "opt-in", f"Order {number} placed"):
        assert words in page


def test_without_the_permission_no_address_is_shown_or_searched(
    customer: Callable[..., Customer], staff: Callable[..., Client]
) -> None:
    ada = customer()
    client = staff("view_customer")
    assert "ada@example.com" not in client.get(page_of(ada)).content.decode()
    found = client.get("/admin/retention/customer/", {"q": "ada"}).content.decode()
    assert "ada@example.com" not in found
    assert f"/admin/retention/customer/{ada.pk}/change/" not in found
    assert client.post(f"/admin/retention/customer/{ada.pk}/export/").status_code == 403
    assert client.post(f"/admin/retention/customer/{ada.pk}/erase/").status_code == 403
    assert client.get(STATUS).status_code == 403


def test_a_person_is_exported_and_forgotten_by_post_alone(
    customer: Callable[..., Customer], staff: Callable[..., Client]
) -> None:
    ada = customer()
    client = staff("view_customer", "export_personal_data", "erase_person")
    assert client.get(f"/admin/retention/customer/{ada.pk}/export/").status_code == 403
    data = json.loads(client.post(f"/admin/retention/customer/{ada.pk}/export/").content)
    assert data["retention"]["email"] == "ada@example.com"
    client.get(f"/admin/retention/customer/{ada.pk}/erase/")
    ada.refresh_from_db()
    assert ada.email == "ada@example.com"
    client.post(f"/admin/retention/customer/{ada.pk}/erase/")
    ada.refresh_from_db()
    assert (ada.email, ada.first_name, ada.erased_at is not None) == ("", "", True)


@pytest.mark.parametrize(
    ("state", "action", "then"),
    [
        (State.DUE, "cancel", State.CANCELLED),
        (State.FAILED, "send_again", State.DUE),
        (State.UNKNOWN, "it_left", State.SENT),
        (State.UNKNOWN, "it_did_not_leave", State.FAILED),
        (State.SENT, "send_again", State.SENT),
    ],
)
def test_a_messages_own_page_does_what_its_state_allows(
    state: str, action: str, then: str, customer: Callable[..., Customer], staff: Callable[..., Client]
) -> None:
    promise(customer(), key="one")
    message = Message.objects.get()
    Message.objects.update(state=state, sent_at=NOON if state == State.SENT else None)
    client = staff("view_message", "send_message")
    offered = client.get(f"/admin/retention/message/{message.pk}/change/").content.decode()
    assert (f"/do/{action}/" in offered) is (state != then)
    assert client.get(f"/admin/retention/message/{message.pk}/do/{action}/").status_code == 403
    client.post(f"/admin/retention/message/{message.pk}/do/{action}/")
    message.refresh_from_db()
    assert message.state == then


def test_who_may_only_look_at_messages_changes_none(
    customer: Callable[..., Customer], staff: Callable[..., Client]
) -> None:
    promise(customer(), key="one")
    message = Message.objects.get()
    client = staff("view_message")
    assert "/do/" not in client.get(f"/admin/retention/message/{message.pk}/change/").content.decode()
    assert client.post(f"/admin/retention/message/{message.pk}/do/cancel/").status_code == 403
    message.refresh_from_db()
    assert message.state == State.PLANNED


def test_one_switch_pauses_all_sending_and_one_lets_it_go_on(staff: Callable[..., Client]) -> None:
    client = staff("view_installation", "pause_sending")
    assert "Nothing has run" not in client.get(STATUS).content.decode()
    assert client.get(f"{STATUS}pause/").status_code == 403
    page = client.post(f"{STATUS}pause/", follow=True).content.decode()
    assert "All sending is paused" in page
    assert Installation.objects.get().paused_by == "staff2"
    client.post(f"{STATUS}resume/")
    assert Installation.objects.get().paused_at is None
    assert client.post(f"{STATUS}go-live/").status_code == 403


def test_going_live_is_stamped_once(staff: Callable[..., Client]) -> None:
    client = staff("view_installation", "go_live")
    client.post(f"{STATUS}go-live/")
    first = installation.get().live_since
    client.post(f"{STATUS}go-live/")
    assert installation.get().live_since == first


def test_what_is_broken_is_listed_with_its_cure(
    customer: Callable[..., Customer], staff: Callable[..., Client]
) -> None:
    promise(customer(), key="one")
    Message.objects.update(state=State.UNKNOWN)
    page = staff("view_installation").get(STATUS).content.decode()
    assert "1 message may have left or not" in page
    assert "choose “It left” or “Send again”" in page


def test_a_parked_fact_and_a_failed_signal_are_tried_again_from_admin(
    shop: LocalShop, staff: Callable[..., Client]
) -> None:
    shop.place("A1")
    tell("A1")
    facts.number()
    fact = facts.Fact.objects.order_by("pk").first()
    assert fact
    parked = ParkedFact.objects.create(subscriber="gone", fact=fact, traceback="…", parked_at=NOON)
    signal = Signal.objects.get()
    client = staff("view_parkedfact", "change_parkedfact", "view_signal", "change_signal")
    chosen = {"_selected_action": parked.pk, "action": "try_again"}
    page = client.post("/admin/retention/parkedfact/", chosen, follow=True).content.decode()
    assert "1 fact still fails." in page
    parked.refresh_from_db()
    assert (parked.tries, parked.resolved_at) == (2, None)
    client.post("/admin/retention/signal/", {"_selected_action": signal.pk, "action": "read_again"})
    signal.refresh_from_db()
    assert (signal.drained_at, signal.outcome) == (None, "")


def test_a_text_that_cannot_be_written_is_refused_with_the_reason(staff: Callable[..., Client]) -> None:
    client = staff("view_text", "add_text")
    words = {
        "mail": "retention.confirm_signup",
        "language": "en",
        "subject": "Please confirm",
        "preheader": "",
        "html": "<p>{{ secret_key }}</p>",
        "text": "Hello",
    }
    page = client.post("/admin/retention/text/add/", words)
    assert page.status_code == 200
    assert "secret_key" in page.content.decode()
    assert Text.objects.count() == 0
    client.post("/admin/retention/text/add/", {**words, "html": "<p>{{ link }}</p>"})
    assert Text.objects.get().html == "<p>{{ link }}</p>"


@pytest.mark.parametrize(
    "name",
    [
        *("customer", "order", "message", "fact", "subscription", "parkedfact", "heartbeat", "job", "signal"),
        *("consentevidence", "suppression", "checkoutchoice", "prompt", "text", "installation"),
    ],
)
def test_every_list_opens_empty(name: str, admin_client: Any) -> None:
    assert admin_client.get(f"/admin/retention/{name}/").status_code == 200
