"""Which bounces are for good: to Anymail a full mailbox is the same as none at all, in the raw event it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anymail.signals import AnymailTrackingEvent, RejectReason

REASONS = (None, "", RejectReason.BOUNCED, RejectReason.INVALID)
"""Reasons of a bounce that can mean that there is no such mailbox; a block says nothing about the address."""

GONE = ("err_user_unknown", "err_user_inactive", "err_mailbox_discarded", "err_domain_inactive")
"""Unisender Go says "hard" of a full mailbox, too."""


def is_hard(event: AnymailTrackingEvent, provider: str) -> bool:
    """Whether this bounce says that the address is no good; False where that is unclear."""
    says = SAYS.get(provider)
    return says is not None and event.reject_reason in REASONS and says(event.esp_event)


def _at(raw: Any, *path: str) -> str:
    """Return what a raw event has at a path; empty where there is no such place."""
    for name in path:
        try:
            raw = raw[name]
        except (KeyError, TypeError, IndexError, AttributeError):
            return ""
    return str(raw) if isinstance(raw, str | int) else ""


def _postmark(raw: Any) -> bool:
    """A change of a suppression has no type but a reason."""
    return "HardBounce" in (_at(raw, "Type"), _at(raw, "SuppressionReason"))


def _mandrill(raw: Any) -> bool:
    return (_at(raw, "event") or _at(raw, "type")) == "hard_bounce"


def _mailgun(raw: Any) -> bool:
    """Older webhooks are forms, in which only what is for good is called bounced."""
    if _at(raw, "event-data", "event"):
        return _at(raw, "event-data", "severity") == "permanent"
    return _at(raw, "event") == "bounced" and _at(raw, "code").startswith("5")


def _brevo(raw: Any) -> bool:
    return _at(raw, "event") in ("hard_bounce", "invalid_email")


SAYS: dict[str, Callable[[Any], bool]] = {
    "Amazon SES": lambda raw: _at(raw, "bounce", "bounceType") == "Permanent",
    "Brevo": _brevo,
    "MailerSend": lambda raw: _at(raw, "data", "type") == "hard_bounced",
    "Mailgun": _mailgun,
    "Mailjet": lambda raw: _at(raw, "hard_bounce") in ("True", "1", "true"),
    "Mailtrap": lambda raw: _at(raw, "event") == "bounce",
    "Mandrill": _mandrill,
    "Postmark": _postmark,
    "Resend": lambda raw: _at(raw, "data", "bounce", "type") == "Permanent",
    "SendGrid": lambda raw: _at(raw, "type") == "bounce" and not _at(raw, "status").startswith("4"),
    "SendinBlue": _brevo,  # as it was called
    "SparkPost": lambda raw: _at(raw, "msys", "message_event", "bounce_class") in ("10", "30"),
    "Unisender Go": lambda raw: _at(raw, "delivery_info", "delivery_status") in GONE,
}
"""Anymail's name of a provider → whether its raw event of a bounce says that it is for good."""
