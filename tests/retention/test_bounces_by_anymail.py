"""Which bounces end an address: what a provider says for good, and nothing that passes. Read by Anymail's views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent
from anymail.webhooks.amazon_ses import AmazonSESTrackingWebhookView
from anymail.webhooks.brevo import BrevoTrackingWebhookView
from anymail.webhooks.mailersend import MailerSendTrackingWebhookView
from anymail.webhooks.mailgun import MailgunTrackingWebhookView
from anymail.webhooks.mailjet import MailjetTrackingWebhookView
from anymail.webhooks.mailtrap import MailtrapTrackingWebhookView
from anymail.webhooks.mandrill import MandrillCombinedWebhookView
from anymail.webhooks.postmark import PostmarkTrackingWebhookView
from anymail.webhooks.resend import ResendTrackingWebhookView
from anymail.webhooks.sparkpost import SparkPostTrackingWebhookView
from anymail.webhooks.unisender_go import UnisenderGoTrackingWebhookView
from django.http import QueryDict
from django.test import RequestFactory

from retention.contrib.anymail import receivers
from retention.models import Customer, MailEvent, Message, Suppression
from tests.retention.ground import promise
from tests.retention.mails import NEWS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails")]

ADA = "ada@example.com"
Read = tuple[str, AnymailTrackingEvent]


def read(view: Any, raw: Any, *more: Any, by: str = "esp_to_anymail_event") -> Read:
    """Return the provider's name, and what Anymail makes of its raw event; the view's door stays closed."""
    return view.esp_name, getattr(object.__new__(view), by)(raw, *more)


def ses(kind: str, detail: str) -> Read:
    bounce = {"bounceType": kind, "bounceSubType": detail, "bouncedRecipients": [{"emailAddress": ADA}]}
    raw = {"notificationType": "Bounce", "mail": {"messageId": "1"}, "bounce": bounce}
    view = AmazonSESTrackingWebhookView
    return view.esp_name, object.__new__(view).esp_to_anymail_events(raw, {"MessageId": "e1"})[0]


def postmark(**raw: Any) -> Read:
    return read(PostmarkTrackingWebhookView, {"RecordType": "Bounce", "MessageID": "1", "Email": ADA, **raw})


def brevo(event: str) -> Read:
    return read(BrevoTrackingWebhookView, {"event": event, "email": ADA, "message-id": "1"})


def mandrill(event: str) -> Read:
    raw = {"event": event, "_id": "1", "ts": 1, "msg": {"email": ADA}}
    return read(MandrillCombinedWebhookView, raw, by="mandrill_tracking_to_anymail_event")


def mailersend(kind: str) -> Read:
    email = {"message": {"id": "1"}, "recipient": {"email": ADA}}
    data = {"type": kind, "created_at": "2026-03-10T12:01:00Z", "email": email, "morph": {"object": "recipient_bounce"}}
    return read(MailerSendTrackingWebhookView, {"data": data})


def sparkpost(bounce_class: str, kind: str = "bounce") -> Read:
    event = {"type": kind, "bounce_class": bounce_class, "transmission_id": "1", "raw_rcpt_to": ADA}
    return read(SparkPostTrackingWebhookView, "message_event", event, {"msys": {"message_event": event}})


def mailgun(severity: str, reason: str = "bounce") -> Read:
    event = {
        "event": "failed", "severity": severity, "reason": reason, "timestamp": 1, "recipient": ADA,
        "message": {"headers": {"message-id": "1"}}, "delivery-status": {},
    }  # fmt: skip
    return read(MailgunTrackingWebhookView, {"event-data": event})


def old_mailgun(event: str, code: str) -> Read:
    raw = QueryDict(mutable=True)
    raw.update({"event": event, "code": code, "recipient": ADA, "Message-Id": "1", "timestamp": "1"})
    return read(MailgunTrackingWebhookView, raw, by="mailgun_legacy_to_anymail_event")


def mailjet(error: str, *, hard: bool) -> Read:
    return read(
        MailjetTrackingWebhookView,
        {
            "event": "bounce",
            "error": error,
            "hard_bounce": hard,
            "MessageID": 1,
            "email": ADA,
            "time": 1,
            "Payload": "{}",
        },
    )


def mailtrap(event: str) -> Read:
    return read(MailtrapTrackingWebhookView, {"event": event, "message_id": "1", "email": ADA, "timestamp": 1})


def resend(kind: str, words: str) -> Read:
    data = {"email_id": "1", "to": [ADA], "bounce": {"type": kind, "message": words}}
    raw = {"type": "email.bounced", "created_at": "2026-03-10T12:01:00Z", "data": data}
    return read(ResendTrackingWebhookView, raw, RequestFactory().post("/"))


def unisender(status: str) -> Read:
    raw = {
        "email": ADA, "status": "hard_bounced", "job_id": "1", "event_time": "2026-03-10 12:01:00",
        "delivery_info": {"delivery_status": status},
    }  # fmt: skip
    return read(UnisenderGoTrackingWebhookView, raw)


def become(read: Read) -> tuple[str, list[str]]:
    """Return what we call it, and the reasons for which the address is suppressed."""
    provider, event = read
    event.message_id = "1"
    receivers.hear(sender=object, event=event, esp_name=provider)
    reasons = list(Suppression.objects.values_list("reason", flat=True))
    return MailEvent.objects.get().kind, reasons


@pytest.fixture(autouse=True)
def sent(customer: Callable[..., Customer], mails: None) -> Message:
    message: Message = promise(customer(ADA), NEWS)
    Message.objects.update(provider_id="1", state="sent", sent_at=message.due_at)
    return message


WORDS = "The recipient's email provider sent a bounce message because the recipient's inbox was full."

FOR_GOOD: dict[str, Callable[[], Read]] = {
    "SES": lambda: ses("Permanent", "General"),
    "SES, suppressed": lambda: ses("Permanent", "OnAccountSuppressionList"),
    "Postmark": lambda: postmark(Type="HardBounce"),
    "Postmark, suppressed": lambda: postmark(RecordType="SubscriptionChange", SuppressionReason="HardBounce"),
    "Brevo": lambda: brevo("hard_bounce"),
    "Brevo, no address": lambda: brevo("invalid_email"),
    "Mandrill": lambda: mandrill("hard_bounce"),
    "MailerSend": lambda: mailersend("hard_bounced"),
    "SparkPost, no such": lambda: sparkpost("10"),
    "SparkPost, nobody": lambda: sparkpost("30", "out_of_band"),
    "Mailgun": lambda: mailgun("permanent"),
    "Mailgun, older": lambda: old_mailgun("bounced", "550"),
    "Mailjet": lambda: mailjet("user unknown", hard=True),
    "Mailtrap": lambda: mailtrap("bounce"),
    "Resend": lambda: resend("Permanent", "The recipient's email provider sent a hard bounce message."),
    "Unisender Go": lambda: unisender("err_user_unknown"),
}

PASSING: dict[str, Callable[[], Read]] = {
    "SES, anything": lambda: ses("Transient", "General"),
    "SES, full": lambda: ses("Transient", "MailboxFull"),
    "SES, unclear": lambda: ses("Undetermined", "Undetermined"),
    "Postmark": lambda: postmark(Type="SoftBounce"),
    "Postmark, new word": lambda: postmark(Type="Perplexed"),
    "Postmark, no word": lambda: postmark(),
    "Brevo": lambda: brevo("soft_bounce"),
    "Mandrill": lambda: mandrill("soft_bounce"),
    "MailerSend": lambda: mailersend("soft_bounced"),
    "SparkPost, soft": lambda: sparkpost("20"),
    "SparkPost, DNS": lambda: sparkpost("21"),
    "SparkPost, full": lambda: sparkpost("22"),
    "SparkPost, large": lambda: sparkpost("23"),
    "SparkPost, anything": lambda: sparkpost("40"),
    "SparkPost, blocked": lambda: sparkpost("50"),
    "SparkPost, passing": lambda: sparkpost("70", "out_of_band"),
    "Mailgun, generic": lambda: mailgun("permanent", "generic"),
    "Mailgun, older": lambda: old_mailgun("bounced", "452"),
    "Mailjet": lambda: mailjet("quota exceeded", hard=False),
    "Resend": lambda: resend("Transient", WORDS),
    "Unisender Go, full": lambda: unisender("err_mailbox_full"),
    "Postal": lambda: ("Postal", AnymailTrackingEvent(event_type="bounced", reject_reason="bounced", esp_event={})),
    "a provider we do not know": lambda: ("Elsewhere", brevo("hard_bounce")[1]),
    "nonsense": lambda: ("Brevo", AnymailTrackingEvent(event_type="bounced", esp_event=["bounce"], reject_reason=None)),
}


@pytest.mark.parametrize("name", FOR_GOOD)
def test_a_bounce_for_good_ends_the_address(name: str) -> None:
    assert become(FOR_GOOD[name]()) == ("bounced", ["bounced"])


@pytest.mark.parametrize("name", PASSING)
def test_a_bounce_that_passes_ends_nothing(name: str, sent: Message) -> None:
    assert become(PASSING[name]()) == ("other", [])
    sent.refresh_from_db()
    assert sent.bounced_at is None
