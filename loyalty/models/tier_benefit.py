"""What a tier gives, and what was given for it."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Coupon, Offer
from loyalty.models.task import Task
from loyalty.models.tier import Tier
from retention.models import Customer


class BenefitKind(models.TextChoices):
    MULTIPLIER = "multiplier", _("more points for each order")
    COUPON = "coupon", _("a coupon on getting there")
    POINTS = "points", _("points on getting there")
    SHIPPING = "shipping", _("free shipping, always")
    EARLY = "early", _("early access")
    TASK = "task", _("something that staff arrange")


class TierBenefit(models.Model):
    """One thing that a tier gives. A higher tier gives only what is listed for it, too."""

    tier = models.ForeignKey(Tier, verbose_name=_("tier"), on_delete=models.CASCADE, related_name="benefits")
    kind = models.CharField(_("gives"), max_length=10, choices=BenefitKind)
    active = models.BooleanField(
        _("on"), default=True, help_text=_("Off: nobody gets it any more; what was given stays.")
    )
    multiplier = models.DecimalField(
        _("times the points"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("1.01")), MaxValueValidator(Decimal(100))],
    )
    points = models.PositiveIntegerField(_("points"), null=True, blank=True, validators=[MinValueValidator(1)])
    offer = models.ForeignKey(
        Offer,
        verbose_name=_("offer of the coupon"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # promised to whoever stands in the tier
        related_name="+",
    )
    words = models.CharField(
        _("in words"),
        max_length=200,
        blank=True,
        help_text=_("What the shopper reads and staff arrange, e.g. “an invitation to our summer evening”."),
    )
    due_days = models.PositiveSmallIntegerField(
        _("to arrange within days"), default=14, validators=[MinValueValidator(1)]
    )

    class Meta:
        verbose_name = _("benefit of a tier")
        verbose_name_plural = _("benefits of tiers")
        constraints = [
            models.UniqueConstraint(
                fields=["tier", "kind"],
                condition=Q(kind__in=["multiplier", "shipping", "early"]),
                name="loyalty_benefit_once_per_tier",
                violation_error_message=_("A tier gives this once."),
            ),
            models.CheckConstraint(
                condition=(
                    Q(kind="multiplier", multiplier__isnull=False, multiplier__gt=1)
                    | Q(kind="points", points__isnull=False, points__gte=1)
                    | Q(kind__in=["coupon", "shipping"], offer__isnull=False)
                    | Q(kind="early")
                    | (Q(kind="task") & ~Q(words=""))
                ),
                name="loyalty_benefit_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.words or self.get_kind_display()


class TierGrant(models.Model):
    """A benefit that one customer got by coming into a tier: points, a coupon, or a task for staff. It stays theirs."""

    benefit = models.ForeignKey(
        TierBenefit,
        verbose_name=_("benefit"),
        on_delete=models.PROTECT,  # who has had it does not get it again
        related_name="grants",
    )
    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), on_delete=models.CASCADE, related_name="tier_grants"
    )
    number = models.PositiveIntegerField(_("number"))
    """The customer's first, second, … of this benefit."""
    given_at = models.DateTimeField(_("given"))
    coupon = models.OneToOneField(
        Coupon, verbose_name=_("coupon"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    task = models.OneToOneField(
        Task, verbose_name=_("task"), null=True, blank=True, on_delete=models.PROTECT, related_name="tier_grant"
    )

    class Meta:
        verbose_name = _("given benefit of a tier")
        verbose_name_plural = _("given benefits of tiers")
        constraints = [
            models.UniqueConstraint(fields=["benefit", "customer", "number"], name="loyalty_grant_once"),
        ]
        indexes = [models.Index(fields=["customer", "benefit"], name="loyalty_grant_customer")]

    def __str__(self) -> str:
        return str(self.benefit)
