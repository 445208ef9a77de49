"""The append-only log of what happened, and how far each subscriber has read it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Fact(models.Model):
    """Anyone inserts a fact without a lock and without a position; a tick numbers the committed ones.

    Payloads hold ids and amounts, never an address or a name: erasure must not rewrite the log.
    """

    kind = models.CharField(_("kind"), max_length=60)
    payload = models.JSONField(_("payload"))
    customer = models.BigIntegerField(_("customer"), null=True, blank=True)
    happened_at = models.DateTimeField(_("happened"))
    position = models.BigIntegerField(_("position"), null=True, blank=True, unique=True, editable=False)

    class Meta:
        verbose_name = _("fact")
        verbose_name_plural = _("facts")
        indexes = [
            models.Index(fields=["id"], condition=Q(position=None), name="retention_fact_unnumbered"),
            models.Index(fields=["customer", "happened_at"], name="retention_fact_customer"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"


class Subscription(models.Model):
    """How far one subscriber has read."""

    name = models.CharField(_("subscriber"), max_length=80, unique=True)
    position = models.BigIntegerField(_("position"), default=0)
    moved_at = models.DateTimeField(_("moved"), null=True, blank=True)

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")

    def __str__(self) -> str:
        return self.name


class ParkedFact(models.Model):
    """A fact that one subscriber could not take; the others went on."""

    subscriber = models.CharField(_("subscriber"), max_length=80)
    fact = models.ForeignKey(Fact, verbose_name=_("fact"), on_delete=models.PROTECT, related_name="parked")
    traceback = models.TextField(_("traceback"))
    parked_at = models.DateTimeField(_("parked"))
    tries = models.PositiveIntegerField(_("tries"), default=1)
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)

    class Meta:
        verbose_name = _("parked fact")
        verbose_name_plural = _("parked facts")
        constraints = [models.UniqueConstraint(fields=["subscriber", "fact"], name="retention_parked_once")]

    def __str__(self) -> str:
        return f"{self.subscriber}: {self.fact_id}"
