from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Prompt(models.Model):
    """One prompt for one order: shown, and what the shopper said to it."""

    name = models.CharField(_("prompt"), max_length=40)
    order = models.CharField(_("order"), max_length=128)
    address_hash = models.CharField(_("address, hashed"), max_length=64, db_index=True)
    variant = models.CharField(_("variant"), max_length=20, blank=True)
    shown_at = models.DateTimeField(_("shown"))
    dismissed_at = models.DateTimeField(_("dismissed"), null=True, blank=True)
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    """Set by the one try that a placed order has."""

    class Meta:
        verbose_name = _("prompt")
        verbose_name_plural = _("prompts")
        constraints = [models.UniqueConstraint(fields=["name", "order"], name="retention_prompt_once_per_order")]
