from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Heartbeat(models.Model):
    """When a tick last ran, and what went wrong if something did."""

    name = models.CharField(_("tick"), max_length=80, unique=True)
    at = models.DateTimeField(_("last run"))
    took_ms = models.PositiveIntegerField(_("took, ms"), default=0)
    did = models.PositiveIntegerField(_("items"), default=0)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.name
