"""With django-anymail: sending by a provider's API, and its webhooks. A real HTTP door on the loopback."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from anymail.message import AnymailMessage
from anymail.signals import AnymailTrackingEvent, tracking
from django.apps import AppConfig, apps
from django.core import mail
from django.test import Client

from retention.contrib.anymail import receivers
from retention.models import Customer, MailEvent, Message, Suppression
from retention.services import delivery
from tests.retention.ground import promise
from tests.retention.mails import NEWS, RECEIPT
from tests.retention.provider import HANG_UP, Provider
from tests.retention.shop import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails")]

Make = Callable[..., Customer]
MINUTE = timedelta(minutes=1)
HOOK = "/anymail/postmark/tracking/"


def post(body: Any, *, secret: str = "shop:secret") -> int:
    """Let the provider tell. Returns the status that it gets."""
    told = body if isinstance(body, str) else json.dumps(body)
    header = f"Basic {base64.b64encode(secret.encode()).decode()}"
    answer = Client(enforce_csrf_checks=True).post(
        HOOK, told, content_type="application/json", headers={"Authorization": header}
    )
    return answer.status_code


def bounce(**given: Any) -> dict[str, Any]:
    return {
        "RecordType": "Bounce", "Type": "HardBounce", "ID": 42, "MessageID": "pm-1", "Email": "ada@example.com",
        "BouncedAt": "2026-03-10T12:01:00Z", "Description": "No such mailbox.",
        "Details": "smtp;550 5.1.1 ada@example.com unknown", "Metadata": {}, **given,
    }  # fmt: skip


@pytest.fixture
def news(customer: Make) -> Callable[..., Message]:
    def make(email: str = "ada@example.com", mail: str = NEWS) -> Message:
        message: Message = promise(customer(email, wants=("marketing",)), mail)
        return message

    return make


def became(message: Message) -> tuple[str, str]:
    message.refresh_from_db()
    return message.state, message.reason


def test_a_mail_keeps_the_providers_id_and_carries_ours(provider: Provider, news: Callable[..., Message]) -> None:
    message = news()
    assert delivery.deliver(at=NOON) == 1
    assert became(message) == ("sent", "")
    assert message.provider_id == "pm-1"
    [taken] = provider.taken
    assert taken["Metadata"] == {"retention_id": message.header_id.strip("<>")}
    headers = {header["Name"]: header["Value"] for header in taken["Headers"]}
    assert headers["Message-ID"] == message.header_id
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_webhook_with_its_secret_is_heard_once(provider: Provider, news: Callable[..., Message]) -> None:
    message = news()
    delivery.deliver(at=NOON)
    assert [post(bounce()) for _ in range(3)] == [200] * 3
    event = MailEvent.objects.get()
    assert (event.kind, event.message, event.provider) == ("bounced", message, "Postmark")
    assert event.detail == "bounced: bounced: No such mailbox.: smtp;550 5.1.1 … unknown"
    message.refresh_from_db()
    assert message.bounced_at == NOON + MINUTE
    assert Suppression.objects.get().reason == "bounced"


def test_a_webhook_without_the_secret_is_refused(provider: Provider, news: Callable[..., Message]) -> None:
    news()
    delivery.deliver(at=NOON)
    assert post(bounce(), secret="shop:guess") == 400
    assert MailEvent.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (bounce(Type="Transient"), "deferred"),
        (bounce(Type="SpamComplaint", RecordType="SpamComplaint"), "complained"),
        (bounce(Type="VirusNotification"), "other"),
        (bounce(Type="Blocked"), "rejected"),
        ({"RecordType": "Delivery", "MessageID": "pm-1", "DeliveredAt": "2026-03-10T12:01:00Z"}, "delivered"),
        ({"RecordType": "SubscriptionChange", "MessageID": "pm-1", "ChangedAt": "2026-03-10T12:01:00Z",
          "SuppressSending": True, "SuppressionReason": "ManualSuppression"}, "unsubscribed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_the_provider_tells(
    provider: Provider, news: Callable[..., Message], body: dict[str, Any], kind: str
) -> None:
    message = news()
    delivery.deliver(at=NOON)
    assert post(body) == 200
    assert list(MailEvent.objects.values_list("kind", "message")) == [(kind, message.pk)]
    reasons = {"complained": ["complained"], "unsubscribed": ["unsubscribed"]}.get(kind, [])
    assert list(Suppression.objects.values_list("reason", flat=True)) == reasons


@pytest.mark.parametrize(
    "body",
    [
        {"RecordType": "Open", "MessageID": "pm-1"},
        {"RecordType": "Delivery"},
        {"RecordType": "Delivery", "MessageID": ""},
        {"RecordType": "Delivery", "MessageID": None, "Metadata": None},
        {"RecordType": "Delivery", "MessageID": ["pm-1"], "Metadata": {"retention_id": {"a": 1}}},
        {"RecordType": "Nonsense"},
        {},
    ],
    ids=str,
)
def test_a_webhook_that_tells_nothing_we_keep_is_answered_and_changes_nothing(
    provider: Provider, news: Callable[..., Message], body: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    message = news()
    delivery.deliver(at=NOON)
    Message.objects.update(provider_id="")
    status = 0
    try:
        status = post(body)
    except (AttributeError, TypeError):
        status = 500  # Anymail itself stumbles: the provider is told to come again
    assert status in (200, 500)
    assert MailEvent.objects.filter(message__isnull=False).count() == 0
    assert became(message) == ("sent", "")
    assert "ada@" not in caplog.text


def test_an_event_finds_its_mail_by_our_name_when_the_providers_was_never_learned(
    provider: Provider, news: Callable[..., Message]
) -> None:
    """The answer to the send got lost, so the mail is in doubt; the provider took it all the same."""
    provider.answers = [HANG_UP]
    message = news()
    delivery.deliver(at=NOON)
    assert became(message) == ("unknown", "line broke")
    told = {"RecordType": "Delivery", "MessageID": "pm-9", "DeliveredAt": "2026-03-10T12:01:00Z"}
    assert post({**told, "Metadata": provider.taken[0]["Metadata"]}) == 200
    assert became(message) == ("sent", "")
    assert message.delivered_at == NOON + MINUTE


NO = json.dumps({"ErrorCode": 300, "Message": "Invalid 'To' address: 'ada@example.com'."})
DEAD = json.dumps(
    {
        "ErrorCode": 406,
        "Message": "You tried to send to a recipient that is inactive. "
        "Found inactive addresses: ada@example.com. Inactive recipients are ones that bounced.",
    }
)


@pytest.mark.parametrize(
    ("answer", "mail", "outcome"),
    [
        (HANG_UP, NEWS, [("unknown", "line broke"), ("due", "")]),
        (HANG_UP, RECEIPT, [("due", ""), ("due", "")]),
        ((200, "not JSON"), NEWS, [("unknown", "line broke"), ("due", "")]),
        ((200, '{"ErrorCode": 0}'), NEWS, [("unknown", "line broke"), ("due", "")]),
        ((500, "oh no"), NEWS, [("unknown", "line broke"), ("due", "")]),
        ((422, NO), NEWS, [("failed", "refused"), ("sent", "")]),
        ((422, DEAD), NEWS, [("failed", "refused"), ("sent", "")]),
        ((400, "{"), NEWS, [("failed", "refused"), ("sent", "")]),
        ((401, "{}"), NEWS, [("due", ""), ("due", "")]),
        ((429, "{}"), NEWS, [("due", ""), ("due", "")]),
    ],
    ids=str,
)
def test_what_a_provider_answers_and_what_becomes_of_this_mail_and_the_next(
    provider: Provider,
    news: Callable[..., Message],
    answer: tuple[int, str],
    mail: str,
    outcome: list[tuple[str, str]],
) -> None:
    provider.answers = [answer]
    first, second = news(mail=mail), news("ben@example.com", mail)
    delivery.deliver(at=NOON)
    assert [became(first), became(second)] == outcome
    assert "@" not in first.error
    delivery.deliver(at=NOON + 3 * MINUTE)
    assert became(second) == ("sent", "")
    assert len([taken for taken in provider.taken if taken["To"] == "ben@example.com"]) == 1


def test_a_provider_that_is_not_there_leaves_everything_due(
    provider: Provider, news: Callable[..., Message], settings: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        settings.ANYMAIL = {**settings.ANYMAIL, "POSTMARK_API_URL": f"http://127.0.0.1:{free.getsockname()[1]}/"}
    first, second = news(), news("ben@example.com")
    delivery.deliver(at=NOON)
    assert [became(first), became(second)] == [("due", "")] * 2
    settings.ANYMAIL = {**settings.ANYMAIL, "POSTMARK_API_URL": provider.url}
    delivery.deliver(at=NOON + 3 * MINUTE)
    assert [became(first), became(second)] == [("sent", "")] * 2


@pytest.mark.usefixtures("heard")
def test_anymails_own_test_backend_sends_with_our_name_on_it(
    news: Callable[..., Message], settings: Any, mailoutbox: list[Any]
) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
    message = news()
    delivery.deliver(at=NOON)
    assert became(message) == ("sent", "")
    assert message.provider_id == "0"
    assert mailoutbox[0].anymail_test_params["metadata"] == {"retention_id": message.header_id.strip("<>")}


@pytest.mark.usefixtures("heard")
def test_the_shops_own_mails_are_left_alone(settings: Any, mailoutbox: list[Any]) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
    AnymailMessage("Your order", "Thank you.", "shop@example.com", ["ada@example.com"]).send()
    assert "metadata" not in mail.outbox[0].anymail_test_params  # type: ignore[attr-defined]


@pytest.mark.usefixtures("heard")
def test_an_event_that_says_nothing_is_logged_without_personal_data(caplog: pytest.LogCaptureFixture) -> None:
    event = AnymailTrackingEvent(event_type="delivered", recipient="ada@example.com", metadata="nonsense")
    tracking.send(sender=object, event=event, esp_name="Test")
    assert "Test told us nothing that we can keep: no id of a mail" in caplog.text
    assert "@" not in caplog.text


def test_the_app_has_a_label_of_its_own_and_nothing_of_it_is_needed_without_anymail() -> None:
    config = AppConfig.create("retention.contrib.anymail")
    assert config.label == "retention_anymail"
    assert not apps.is_installed("anymail"), "the example shop has none, and everything else runs"
    assert receivers.KINDS.keys().isdisjoint({"opened", "clicked"})
