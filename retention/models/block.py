from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Block(models.Model):
    """How often somebody has tried something lately, and until when they may not: longer each time."""

    scope = models.CharField(_("scope"), max_length=40)
    who_hash = models.CharField(_("who, hashed"), max_length=64)
    tries = models.PositiveIntegerField(_("tries"), default=0)
    """In the present window."""
    window_ends_at = models.DateTimeField(_("counted until"))
    level = models.PositiveSmallIntegerField(_("blocks in a row"), default=0)
    blocked_until = models.DateTimeField(_("blocked until"), null=True, blank=True)

    class Meta:
        verbose_name = _("block")
        verbose_name_plural = _("blocks")
        indexes = [models.Index(fields=["window_ends_at"], name="retention_block_ended")]
        constraints = [
            models.UniqueConstraint(fields=["scope", "who_hash"], name="retention_block_once"),
            models.CheckConstraint(condition=Q(level=0) | Q(blocked_until__isnull=False), name="retention_block_since"),
        ]
