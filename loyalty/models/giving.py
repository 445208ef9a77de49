"""What the shop gives to a cause, for each order and for points. Never the shopper's money."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.models import currency
from retention.models import Customer


class Cause(models.Model):
    """Whom the shop, or a shopper by points, gives to."""

    name = models.CharField(_("name"), max_length=100, unique=True, help_text=_("Shoppers see it."))
    words = models.CharField(
        _("what they do"), max_length=300, blank=True, help_text=_("Shoppers see it: a sentence or two.")
    )
    url = models.URLField(_("their page"), blank=True)
    active = models.BooleanField(
        _("active"), default=True, help_text=_("Off: orders placed from then on give nothing to it.")
    )
    show_total = models.BooleanField(
        _("show what the shop has given"),
        default=False,
        help_text=_("Shoppers see the sum of all orders beside that of their own."),
    )

    class Meta:
        verbose_name = _("cause")
        verbose_name_plural = _("causes")

    def __str__(self) -> str:
        return self.name


class PledgeQuerySet(models.QuerySet["Pledge"]):
    def current(self) -> PledgeQuerySet:
        return self.filter(ends_at=None)

    def in_force(self, *, at: datetime) -> PledgeQuerySet:
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=at), starts_at__lte=at)


class Pledge(models.Model):
    """How much an order in one currency gives to a cause, for a time. Never edited: a change begins another one."""

    cause = models.ForeignKey(
        Cause,
        verbose_name=_("cause"),
        on_delete=models.PROTECT,  # what was promised is kept
        related_name="pledges",
    )
    currency = models.CharField(
        _("currency"), max_length=3, validators=[currency.known], help_text=_("ISO code, e.g. EUR.")
    )
    amount_minor = models.BigIntegerField(_("for each order, minor units"), null=True, blank=True)
    percent = models.DecimalField(
        _("percent of the goods"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(100)],
    )
    starts_at = models.DateTimeField(_("for orders placed from"))
    ends_at = models.DateTimeField(_("until"), null=True, blank=True, editable=False)

    objects = PledgeQuerySet.as_manager()

    class Meta:
        verbose_name = _("pledge")
        verbose_name_plural = _("pledges")
        constraints = [
            models.UniqueConstraint(
                fields=["cause", "currency"], condition=Q(ends_at=None), name="loyalty_one_pledge_per_currency"
            ),
            models.CheckConstraint(
                condition=Q(amount_minor__isnull=False, amount_minor__gt=0, percent=None)
                | Q(amount_minor=None, percent__isnull=False, percent__gt=0, percent__lte=100),
                name="loyalty_pledge_is_one_sum",
                violation_error_message=_("Give either an amount or a percentage, above zero."),
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gte=F("starts_at")), name="loyalty_pledge_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return self.currency


class Contribution(models.Model):
    """What one order gives to one cause, as it stands now: 0 for one that was cancelled or paid back in full."""

    cause = models.ForeignKey(
        Cause,
        verbose_name=_("cause"),
        on_delete=models.PROTECT,  # this money is owed
        related_name="contributions",
        db_index=False,  # an index below begins with it
    )
    pledge = models.ForeignKey(
        Pledge,
        verbose_name=_("pledge"),
        on_delete=models.PROTECT,  # says by which version
        related_name="contributions",
    )
    order = models.CharField(_("order"), max_length=128)
    """The shop's reference."""
    customer = models.ForeignKey(
        Customer,
        verbose_name=_("customer"),
        on_delete=models.PROTECT,  # erasure empties the customer and keeps the row
        related_name="contributions",
    )
    currency = models.CharField(_("currency"), max_length=3)
    amount_minor = models.BigIntegerField(_("amount, minor units"), default=0)
    month = models.DateField(_("month"))
    """First day of the month in which the order was placed, in the shop's zone."""
    settled_at = models.DateTimeField(_("settled"))

    class Meta:
        verbose_name = _("contribution")
        verbose_name_plural = _("contributions")
        constraints = [
            models.UniqueConstraint(fields=["order", "cause"], name="loyalty_contribution_once_per_order"),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="loyalty_contribution_not_negative"),
        ]
        indexes = [
            models.Index(fields=["cause", "currency", "month"], name="loyalty_contribution_month"),
            models.Index(fields=["customer"], condition=Q(amount_minor__gt=0), name="loyalty_contribution_person"),
        ]

    def __str__(self) -> str:
        return self.order


class Payout(models.Model):
    """Money that staff have paid to a cause. What is owed is all that orders and points give, less what was paid."""

    cause = models.ForeignKey(
        Cause,
        verbose_name=_("cause"),
        on_delete=models.PROTECT,  # money went there
        related_name="payouts",
    )
    key = models.CharField(max_length=64, editable=False)
    """A form that is sent twice is one payout."""
    currency = models.CharField(_("currency"), max_length=3, validators=[currency.known])
    amount_minor = models.BigIntegerField(_("amount, minor units"))
    first_month = models.DateField(_("first month"))
    last_month = models.DateField(_("last month"))
    by = models.CharField(_("by"), max_length=150)
    note = models.CharField(_("note"), max_length=200, blank=True)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        constraints = [
            models.UniqueConstraint(fields=["key"], name="loyalty_payout_once_per_key"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="loyalty_payout_above_zero"),
            models.CheckConstraint(
                condition=Q(last_month__gte=F("first_month")), name="loyalty_payout_months_in_order"
            ),
            models.CheckConstraint(condition=~Q(by=""), name="loyalty_payout_has_an_author"),
        ]
        permissions = [("record_payout", _("Can record what was paid to a cause"))]

    def __str__(self) -> str:
        return f"{self.cause_id} {self.currency} {self.amount_minor}"
