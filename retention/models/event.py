from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from retention.models.message import Message


class MailEvent(models.Model):
    """What a mail provider says became of a mail. Append-only; the same event again is one row."""

    class Kind(models.TextChoices):
        DELIVERED = "delivered", _("delivered")
        BOUNCED = "bounced", _("hard bounce")
        DEFERRED = "deferred", _("not taken for now")
        COMPLAINED = "complained", _("complaint")
        UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
        REJECTED = "rejected", _("refused by the provider")
        OTHER = "other", _("something else")

    key = models.CharField(max_length=64, unique=True, editable=False)
    """Hash of the provider and its event id, or of the event itself where it brings none."""
    kind = models.CharField(_("what happened"), max_length=12, choices=Kind)
    message = models.ForeignKey(
        Message, verbose_name=_("message"), null=True, blank=True, on_delete=models.PROTECT, related_name="events"
    )
    """None: a mail that we do not know."""
    provider = models.CharField(_("provider"), max_length=40, blank=True)
    detail = models.CharField(_("detail"), max_length=300, blank=True)
    """The provider's own words, without addresses."""
    at = models.DateTimeField(_("at"))
    received_at = models.DateTimeField(_("received"))

    class Meta:
        verbose_name = _("event of a mail")
        verbose_name_plural = _("events of mails")
        indexes = [models.Index(fields=["kind", "at"], name="retention_event_kind")]
