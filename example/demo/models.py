from typing import Any

from django.db import models


class RecordedMessageQuerySet(models.QuerySet["RecordedMessage"]):
    def search(self, words: str) -> "RecordedMessageQuerySet":
        """Those with every one of the words in address or subject."""
        found = self
        for word in words.split():
            found = found.filter(models.Q(to__icontains=word) | models.Q(subject__icontains=word))
        return found


class RecordedMessage(models.Model):
    """A mail that was sent: handed to the transport, here a table instead of a mail server."""

    to = models.TextField()
    subject = models.TextField()
    text = models.TextField()
    html = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    sent_at = models.DateTimeField()

    objects = RecordedMessageQuerySet.as_manager()

    def __str__(self) -> str:
        return self.subject

    def as_json(self) -> dict[str, Any]:
        """Return the message as the outbox shows it to programs; the time is UTC, ISO 8601."""
        return {
            "id": self.pk,
            "to": self.to,
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "headers": self.headers,
            "sent_at": self.sent_at.isoformat(),
        }
