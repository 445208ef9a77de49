"""What the merchant promises for buying."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class PendingFrom(models.TextChoices):
    PAID = "paid", _("the order is paid")
    FULFILLED = "fulfilled", _("the order is sent")


class RefundPolicy(models.TextChoices):
    PROPORTIONAL = "proportional", _("in proportion: half the money back, half the points back")
    RECOMPUTE = "recompute", _("anew: what is left of the order earns, the rest goes back")
    AMOUNT = "amount", _("by amount: each refund takes back what its amount would earn")


class DebtPolicy(models.TextChoices):
    OWE = "owe", _("may owe: the balance goes below zero, later points fill the hole")
    ZERO = "zero", _("down to zero: what was spent already is forgiven")
    PENDING = "pending", _("pending only: points that have opened are never taken back")


class Expires(models.TextChoices):
    NEVER = "never", _("never")
    DAYS = "days", _("so many days after they opened")
    MONTH = "month", _("at the end of the month, so many months after they opened")
    QUARTER = "quarter", _("at the end of the quarter, so many months after they opened")
    YEAR = "year", _("at the end of the year, so many months after they opened")
    INACTIVE = "inactive", _("all of them, when nothing was earned or spent for so many days")


class Programme(models.Model):
    """How orders become points. At most one is active; an award keeps the terms it was made under."""

    name = models.CharField(_("name"), max_length=100)
    active = models.BooleanField(
        _("active"),
        default=False,
        help_text=_("Orders earn only while it is active. Switched off, points that were earned stay."),
    )
    pending_days = models.PositiveSmallIntegerField(
        _("return window, days"),
        default=14,
        help_text=_("Points are shown as pending until the window has closed, then they open. 0: they open at once."),
    )
    pending_from = models.CharField(
        _("return window begins when"), max_length=10, choices=PendingFrom, default=PendingFrom.PAID
    )
    refund_policy = models.CharField(
        _("a refund takes points back"), max_length=12, choices=RefundPolicy, default=RefundPolicy.PROPORTIONAL
    )
    debt_policy = models.CharField(
        _("where the points were spent already"),
        max_length=8,
        choices=DebtPolicy,
        default=DebtPolicy.OWE,
        help_text=_("Only a refund, a cancellation or a correction by staff can ever lead below zero."),
    )
    expires = models.CharField(
        _("points end"),
        max_length=8,
        choices=Expires,
        default=Expires.NEVER,
        help_text=_("Switched on, points that stand already get one whole period first."),
    )
    expires_after = models.PositiveSmallIntegerField(
        _("after so many days or months"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(3660)],
    )
    expiry_since = models.DateTimeField(null=True, blank=True, editable=False)
    """Since when points end; stamped by the tick that first sees it."""
    award_history = models.BooleanField(
        _("old orders earn, too"),
        default=False,
        help_text=_("Orders from before the shop went live with us."),
    )

    class Meta:
        verbose_name = _("programme")
        verbose_name_plural = _("programmes")
        constraints = [
            models.UniqueConstraint(
                fields=["active"],
                condition=Q(active=True),
                name="loyalty_one_active_programme",
                violation_error_message=_("Another programme is active. Switch it off first."),
            ),
            models.CheckConstraint(condition=Q(pending_days__lte=366), name="loyalty_window_within_a_year"),
            models.CheckConstraint(
                condition=Q(expires="never") | Q(expires_after__isnull=False, expires_after__gte=1),
                name="loyalty_expiry_has_a_period",
                violation_error_message=_("Say after how many days or months points end."),
            ),
        ]

    def __str__(self) -> str:
        return self.name
