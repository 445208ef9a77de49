"""The one row about this installation."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Installation(models.Model):
    """Since when it is live, whether sending is paused, the last number given to a fact."""

    live_since = models.DateTimeField(_("live since"), null=True, blank=True)
    paused_at = models.DateTimeField(_("sending paused"), null=True, blank=True)
    paused_by = models.CharField(_("paused by"), max_length=150, blank=True)
    consents_settled_at = models.DateTimeField(_("earlier consents settled"), null=True, blank=True)
    consents_settled_by = models.CharField(_("settled by"), max_length=150, blank=True)
    """Who imported what people had said elsewhere, or said that there is nothing to import."""
    last_position = models.BigIntegerField(default=0, editable=False)
    swept_until = models.DateTimeField(_("swept until"), null=True, blank=True)

    class Meta:
        verbose_name = _("installation")
        verbose_name_plural = _("is everything well?")
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="retention_one_installation")]
        permissions = [("pause_sending", _("Can pause all sending")), ("go_live", _("Can go live"))]

    def __str__(self) -> str:
        return str(_("installation"))
