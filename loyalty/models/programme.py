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


class Basis(models.TextChoices):
    GROSS = "gross", _("the goods after discounts, tax included")
    NET = "net", _("the goods after discounts, without tax")


class ShownAs(models.TextChoices):
    POINTS = "points", _("points")
    MONEY = "money", _("money, by what a point is worth")


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
    basis = models.CharField(
        _("points are earned on"),
        max_length=5,
        choices=Basis,
        default=Basis.GROSS,
        help_text=_("Shipping never earns. Points are rounded down, once for each order."),
    )
    spent_counts = models.BooleanField(
        _("what points pay for earns, too"),
        default=True,
        help_text=_("Otherwise only what is paid in money earns."),
    )
    shown_as = models.CharField(
        _("shoppers see"),
        max_length=6,
        choices=ShownAs,
        default=ShownAs.POINTS,
        help_text=_("Money needs a worth of a point in each rate; a currency without one shows points."),
    )
    cap_day = models.PositiveBigIntegerField(
        _("at most a day"), null=True, blank=True, help_text=_("Points for one member. Empty: no limit.")
    )
    cap_month = models.PositiveBigIntegerField(
        _("at most a month"), null=True, blank=True, help_text=_("By the shop’s calendar. Empty: no limit.")
    )
    cap_total = models.PositiveBigIntegerField(
        _("at most in all"),
        null=True,
        blank=True,
        help_text=_("For one member, as long as the programme runs. Empty: no limit."),
    )
    cap_orders = models.BooleanField(
        _("these limits hold for what orders earn, too"),
        default=False,
        help_text=_("Otherwise they hold for actions and for what rules add to the rate."),
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
    history_spends = models.PositiveIntegerField(
        _("old orders spend, too"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_(
            "So many points just before each order from before going live, where the balance has them: to see what a "
            "programme would have cost. Empty: old orders spend nothing."
        ),
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
            models.CheckConstraint(
                condition=Q(history_spends=None) | Q(history_spends__gte=1), name="loyalty_history_spends_a_point"
            ),
        ]

    def __str__(self) -> str:
        return self.name
