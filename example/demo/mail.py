"""The demo's mail server: a table."""

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from example.demo.models import RecordedMessage


class RecorderBackend(BaseEmailBackend):
    """Records each message as it would have gone over the wire."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Record the messages that have a recipient; return how many."""
        addressed = [message for message in email_messages if message.recipients()]
        for message in addressed:
            record(message).save()
        return len(addressed)


def record(message: EmailMessage) -> RecordedMessage:
    """Return the row for a message, not yet saved. Raises what its headers make Django raise."""
    wire = message.message()
    parts = {part.get_content_type(): part for part in wire.walk() if not part.is_multipart()}
    return RecordedMessage(
        to=", ".join(message.recipients()),
        subject=message.subject,
        text=_content(parts.get("text/plain")),
        html=_content(parts.get("text/html")),
        headers={name: str(value) for name, value in wire.items()},
        sent_at=timezone.now(),
    )


def _content(part) -> str:
    if part is None:
        return ""
    return part.get_payload(decode=True).decode(part.get_content_charset("utf-8"))
