"""The outbox: what is owed to somebody by mail, and what became of it."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from retention.models.customer import Customer

OVER = ["sent", "unknown", "failed", "skipped", "cancelled"]
"""States in which nothing happens to a mail any more unless somebody wants it."""


class MessageQuerySet(models.QuerySet["Message"]):
    def waiting(self) -> MessageQuerySet:
        """Not sent yet and still to be sent."""
        return self.filter(state__in=[Message.State.PLANNED, Message.State.DUE])

    def due(self, *, at: datetime) -> MessageQuerySet:
        return self.filter(state=Message.State.DUE, due_at__lte=at)


class Message(models.Model):
    """An e-mail is a row before it is sent.

    ``planned → due → claimed → sending → sent | unknown | failed | skipped | cancelled``; each arrow is
    a conditional UPDATE in ``retention.services.outbox`` or ``delivery`` that must hit one row.
    Rendered bodies are not kept.
    """

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        DUE = "due", _("due")
        CLAIMED = "claimed", _("claimed")
        SENDING = "sending", _("sending")
        SENT = "sent", _("sent")
        UNKNOWN = "unknown", _("unknown")
        """A sender died or the line broke in mid-send: it may have left or not."""
        FAILED = "failed", _("failed")
        SKIPPED = "skipped", _("skipped")
        CANCELLED = "cancelled", _("cancelled")

    class Purpose(models.TextChoices):
        MARKETING = "marketing", _("marketing")
        SURVEY = "survey", _("survey")
        SERVICE = "service", _("service")

    key = models.CharField(_("key"), max_length=200)
    """The same promise twice is one mail."""
    mail = models.CharField(_("mail"), max_length=80)
    """Name of the registered ``Mail``."""
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose)
    at_least_once = models.BooleanField(_("at least once"), default=False)
    customer = models.ForeignKey(
        Customer,
        verbose_name=_("customer"),
        on_delete=models.PROTECT,  # what was promised to whom is kept
        related_name="messages",
        db_index=False,  # it leads another
    )
    order = models.CharField(_("order"), max_length=128, blank=True)
    values = models.JSONField(_("values"), default=dict)
    """Primitives from which the mail is rendered: ids and amounts, no personal data."""
    source = models.CharField(_("source"), max_length=120, blank=True)
    """Where it came from, e.g. ``journey:next-order``."""
    topic = models.CharField(_("topic"), max_length=40, blank=True)
    """Slug of the topic that a person may have left out."""
    priority = models.SmallIntegerField(_("priority"), default=0)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PLANNED)
    reason = models.CharField(_("reason"), max_length=80, blank=True)
    error = models.TextField(_("error"), blank=True)
    due_at = models.DateTimeField(_("due"))
    due_date = models.DateField(null=True, blank=True, editable=False)
    due_time = models.TimeField(null=True, blank=True, editable=False)
    due_zone = models.CharField(max_length=64, blank=True, editable=False)
    """Local date, time and zone, resolved late, where the mail is due at a time of the recipient's day."""
    owner = models.CharField(max_length=32, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    header_id = models.CharField(_("Message-ID"), max_length=200, blank=True)
    provider_id = models.CharField(_("provider's id"), max_length=200, blank=True)
    """The id by which a mail provider's events name it, where the provider gives one of its own."""
    created_at = models.DateTimeField(_("created"))
    changed_at = models.DateTimeField(_("changed"))
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    started_at = models.DateTimeField(_("last attempt"), null=True, blank=True)
    """When it was last handed to the line, whatever came of it; frequency caps count it."""
    deferred = models.CharField(_("waits for"), max_length=40, blank=True)
    """Why it was put off last: quiet hours, a cap, a rate."""
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    bounced_at = models.DateTimeField(_("bounced"), null=True, blank=True)
    complained_at = models.DateTimeField(_("complained of"), null=True, blank=True)

    written_in: str = ""
    """The language that it is being written in; no column: known once it is rendered, and then to ``build``."""

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        # each costs time whenever a mail goes on by one state, and it goes on by four
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="planned"), name="retention_message_planned"),
            models.Index(fields=["-priority", "due_at", "id"], condition=Q(state="due"), name="retention_message_due"),
            models.Index(
                fields=["lease_until"], condition=Q(state__in=["claimed", "sending"]), name="retention_message_leased"
            ),
            models.Index(fields=["state", "changed_at"], condition=Q(state__in=OVER), name="retention_message_over"),
            models.Index(fields=["customer", "started_at"], name="retention_message_customer"),
            models.Index(fields=["header_id"], condition=~Q(header_id=""), name="retention_message_header"),
            models.Index(fields=["provider_id"], condition=~Q(provider_id=""), name="retention_message_provider"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="retention_message_once"),
            models.CheckConstraint(
                condition=~Q(state__in=["claimed", "sending"]) | (~Q(owner="") & Q(lease_until__isnull=False)),
                name="retention_message_claimed_by_someone",
            ),
            models.CheckConstraint(
                condition=~Q(state="sent") | Q(sent_at__isnull=False), name="retention_message_sent_has_time"
            ),
        ]
        permissions = [("send_message", _("Can resend and cancel messages"))]

    def __str__(self) -> str:
        return f"{self.mail} #{self.pk}"
