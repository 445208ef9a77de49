from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Attempt(models.Model):
    """How often somebody tried something within a window; counted by one conditional UPDATE."""

    scope = models.CharField(_("scope"), max_length=40)
    who_hash = models.CharField(_("who, hashed"), max_length=64)
    window = models.BigIntegerField(_("window"))
    """Number of the window since the epoch."""
    count = models.PositiveIntegerField(_("attempts"), default=0)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        constraints = [models.UniqueConstraint(fields=["scope", "who_hash", "window"], name="retention_attempt_window")]
