from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Companion(models.Model):
    """A product that was bought in one order with another, and in how many; the best few of each, computed nightly."""

    product = models.CharField(_("product"), max_length=128)
    other = models.CharField(_("bought with it"), max_length=128)
    orders = models.PositiveIntegerField(_("orders"))
    rank = models.PositiveSmallIntegerField(_("rank"))

    class Meta:
        verbose_name = _("bought together")
        verbose_name_plural = _("bought together")
        constraints = [models.UniqueConstraint(fields=["product", "other"], name="retention_companion_once")]
        indexes = [models.Index(fields=["product", "rank"], name="retention_companion_rank")]
