"""What an amount earns."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.models import currency
from loyalty.models.programme import Programme


class RateQuerySet(models.QuerySet["Rate"]):
    def current(self) -> RateQuerySet:
        return self.filter(superseded_at=None)


class Rate(models.Model):
    """Points per unit of one currency, from a time on. One that has awarded is superseded, never edited."""

    programme = models.ForeignKey(
        Programme,
        verbose_name=_("programme"),
        on_delete=models.PROTECT,  # awards say by which rate they were made
        related_name="rates",
    )
    currency = models.CharField(
        _("currency"), max_length=3, validators=[currency.known], help_text=_("ISO code, e.g. EUR.")
    )
    points = models.DecimalField(
        _("points per unit"),
        max_digits=12,
        decimal_places=4,
        help_text=_("For one unit of the currency, e.g. for 1.00 EUR; rounded down once per order."),
    )
    worth = models.DecimalField(
        _("worth of a point"),
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        help_text=_("In units of the currency, e.g. 0.01. Empty: points are not shown as money."),
    )
    starts_at = models.DateTimeField(
        _("for orders placed from"),
        help_text=_("The first rate of a currency is also that of earlier orders."),
    )
    superseded_at = models.DateTimeField(_("until"), null=True, blank=True, editable=False)

    objects = RateQuerySet.as_manager()

    class Meta:
        verbose_name = _("rate")
        verbose_name_plural = _("rates")
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "currency"], condition=Q(superseded_at=None), name="loyalty_one_rate_per_currency"
            ),
            models.CheckConstraint(
                condition=Q(points__gt=0),
                name="loyalty_rate_above_zero",
                violation_error_message=_("A rate of zero earns nothing. Give no rate for the currency instead."),
            ),
            models.CheckConstraint(condition=Q(worth=None) | Q(worth__gt=0), name="loyalty_worth_above_zero"),
            models.CheckConstraint(
                condition=Q(superseded_at=None) | Q(superseded_at__gte=models.F("starts_at")),
                name="loyalty_rate_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.points.normalize():f} / 1 {self.currency}"
