"""What a paid membership is: a product of the shop that lasts for some months, and what it gives."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Offer
from loyalty.models.commented import Commented


class Plan(models.Model):
    """A paid membership as the merchant edits it. A term that runs keeps the length and the factor it began with."""

    name = models.CharField(_("name"), max_length=60, unique=True, help_text=_("Members see it, e.g. “Club”."))
    active = models.BooleanField(
        _("on sale"),
        default=True,
        help_text=_(
            "Off: orders placed while it is off bring nobody a membership, not even later. Who has paid for it keeps "
            "it to the end."
        ),
    )
    product = models.CharField(
        _("product"),
        max_length=128,
        blank=True,
        help_text=_("As the shop names it. Whoever pays for it becomes a member. Empty: only staff can give it."),
    )
    months = models.PositiveSmallIntegerField(
        _("months"),
        default=12,
        validators=[MinValueValidator(1), MaxValueValidator(120)],
        help_text=_("How long one piece of the product lasts: 12 for a year, 1 for a month."),
    )
    multiplier = models.DecimalField(
        _("points, times"),
        max_digits=5,
        decimal_places=2,
        default=Decimal(1),
        validators=[MinValueValidator(Decimal(1)), MaxValueValidator(Decimal(100))],
        help_text=_("Orders of members earn so many times the points. 1: as everybody's."),
    )
    free_shipping = models.ForeignKey(
        Offer,
        verbose_name=_("free shipping by the offer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # members were promised it
        related_name="+",
        help_text=_("Each member has a coupon of it as long as they are one, and the shop puts it in by itself."),
    )
    gift = models.ForeignKey(
        Offer,
        verbose_name=_("gift on joining by the offer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("A coupon of it once, with the first term."),
    )
    notice_days = models.PositiveSmallIntegerField(
        _("told before the end, days"),
        default=14,
        validators=[MinValueValidator(1), MaxValueValidator(90)],
        help_text=_("By a mail with a link to the product. Nothing is ever charged by itself."),
    )
    count_history = models.BooleanField(
        _("old orders count, too"),
        default=False,
        help_text=_("Orders from before the shop went live with us: they were paid for, after all."),
    )

    class Meta:
        verbose_name = _("paid membership")
        verbose_name_plural = _("paid memberships")
        constraints = [
            models.UniqueConstraint(
                fields=["product"],
                condition=~Q(product=""),
                name="loyalty_one_plan_per_product",
                violation_error_message=_("Another paid membership is sold by this product."),
            ),
            models.CheckConstraint(
                condition=Q(months__gte=1, months__lte=120),
                name="loyalty_plan_lasts",
                violation_error_message=_("A paid membership lasts at least a month, and at most ten years."),
            ),
            models.CheckConstraint(
                condition=Q(multiplier__gte=1),
                name="loyalty_plan_takes_no_points",
                violation_error_message=_("Members do not earn less than everybody: give 1 or more."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PlanPause(Commented):
    """A time when a paid membership was off sale. ``loyalty.services.plan_pauses`` writes it."""

    plan = models.ForeignKey(
        Plan,
        verbose_name=_("paid membership"),
        on_delete=models.CASCADE,
        related_name="pauses",
        db_comment="What was off sale.",
    )
    began_at = models.DateTimeField(
        _("off from"), null=True, blank=True, db_comment="UTC; null: nobody knows of a time when it was on before."
    )
    ended_at = models.DateTimeField(_("off until"), null=True, blank=True, db_comment="UTC; null: it is still off.")

    class Meta:
        verbose_name = _("time off sale")
        verbose_name_plural = _("times off sale")
        constraints = [
            models.UniqueConstraint(
                fields=["plan"], condition=Q(ended_at=None), name="loyalty_plan_pause_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(began_at=None) | Q(ended_at=None) | Q(ended_at__gte=F("began_at")),
                name="loyalty_plan_pause_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} {self.began_at} {self.ended_at}"

    def covers(self, at: datetime) -> bool:
        return (self.began_at is None or self.began_at <= at) and (self.ended_at is None or at < self.ended_at)
