"""What the shop told us and we have not looked at yet."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Signal(models.Model):
    """One row per signal of the host. It carries no news, only where to look."""

    class Outcome(models.TextChoices):
        WAITING = "", _("waiting")
        READ = "read", _("read")
        UNKNOWN = "unknown", _("the shop has no such order")
        FAILED = "failed", _("could not be read")

    kind = models.CharField(_("kind"), max_length=40)
    reference = models.CharField(_("order"), max_length=128)
    external_id = models.CharField(_("event id"), max_length=128, blank=True)
    body_hash = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(_("received"), auto_now_add=True)
    drained_at = models.DateTimeField(_("read"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=8, choices=Outcome, blank=True, default=Outcome.WAITING)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    retry_at = models.DateTimeField(_("tried again"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("signal")
        verbose_name_plural = _("signals")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "external_id"], condition=~Q(external_id=""), name="retention_signal_once_per_event"
            )
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(drained_at=None), name="retention_signal_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"
