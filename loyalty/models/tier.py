"""Which spend makes which tier."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.models import currency


class TierTable(models.Model):
    """A ladder of tiers on the net spend of a rolling window, in one currency. At most one is active."""

    name = models.CharField(_("name"), max_length=100)
    active = models.BooleanField(_("active"), default=False)
    currency = models.CharField(
        _("currency"),
        max_length=3,
        validators=[currency.known],
        help_text=_("ISO code. Orders in other currencies do not count."),
    )
    window_days = models.PositiveSmallIntegerField(
        _("window, days"), default=365, help_text=_("Orders placed within so many days count, less their refunds.")
    )
    computed_at = models.DateTimeField(_("computed"), null=True, blank=True, editable=False)
    stale = models.BooleanField(default=True, editable=False)
    """Changed since everybody's tier was computed; the next tick does it."""

    class Meta:
        verbose_name = _("tier table")
        verbose_name_plural = _("tier tables")
        constraints = [
            models.UniqueConstraint(
                fields=["active"],
                condition=Q(active=True),
                name="loyalty_one_active_table",
                violation_error_message=_("Another tier table is active. Switch it off first."),
            ),
            models.CheckConstraint(
                condition=Q(window_days__gte=1),
                name="loyalty_window_of_a_day",
                violation_error_message=_("The window has at least one day."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Tier(models.Model):
    """One rung: who has spent ``threshold_minor`` within the window stands on it."""

    table = models.ForeignKey(TierTable, verbose_name=_("table"), on_delete=models.CASCADE, related_name="tiers")
    rank = models.PositiveSmallIntegerField(_("rank"), help_text=_("1 is the lowest."))
    name = models.CharField(_("name"), max_length=60)
    threshold_minor = models.BigIntegerField(_("spend, minor units"))

    class Meta:
        verbose_name = _("tier")
        verbose_name_plural = _("tiers")
        constraints = [
            models.UniqueConstraint(fields=["table", "rank"], name="loyalty_tier_once_per_rank"),
            models.UniqueConstraint(fields=["table", "name"], name="loyalty_tier_once_per_name"),
            models.UniqueConstraint(fields=["table", "threshold_minor"], name="loyalty_tier_once_per_threshold"),
            models.CheckConstraint(condition=Q(threshold_minor__gte=0), name="loyalty_threshold_not_negative"),
            models.CheckConstraint(condition=Q(rank__gte=1), name="loyalty_rank_from_one"),
        ]

    def __str__(self) -> str:
        return self.name
