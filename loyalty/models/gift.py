"""A gift on every so many orders."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Offer
from loyalty.models import currency
from retention.models import Customer


class Gives(models.TextChoices):
    """What a present is."""

    COUPON = "coupon", _("a coupon of an offer")
    POINTS = "points", _("points")
    TASK = "task", _("something that staff put into the parcel")


GIVES_ONE = (
    Q(gives="coupon", offer__isnull=False, points=None, thing="")
    | Q(gives="points", offer=None, points__isnull=False, points__gte=1, thing="")
    | (Q(gives="task", offer=None, points=None) & ~Q(thing=""))
)
"""Just what its kind needs. A comparison with NULL would let a row pass, so it is asked for apart."""


class GiftPlan(models.Model):
    """A promise: every so many orders bring a gift. What exactly, its versions say."""

    name = models.CharField(_("name"), max_length=100, help_text=_("Shoppers see it, but not that of a surprise."))
    surprise = models.BooleanField(
        _("a surprise"),
        default=False,
        help_text=_("Shoppers read that there are surprises, and neither when nor what."),
    )
    count_before = models.BooleanField(
        _("orders of before count"),
        default=False,
        help_text=_("Orders from before it began count towards the first gift, and only towards that one."),
    )
    created_at = models.DateTimeField(_("made"), editable=False)

    class Meta:
        verbose_name = _("gift on every so many orders")
        verbose_name_plural = _("gifts on every so many orders")

    def __str__(self) -> str:
        return self.name


class GiftVersion(models.Model):
    """What a plan promised for a time. Never edited: a change begins another one, for rounds that begin from then on.

    Orders placed while none is in force do not count.
    """

    plan = models.ForeignKey(
        GiftPlan,
        verbose_name=_("gift"),
        on_delete=models.PROTECT,  # what was promised is kept
        related_name="versions",
    )
    every = models.PositiveIntegerField(
        _("every so many orders"), validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    gives = models.CharField(_("gives"), max_length=6, choices=Gives, default=Gives.COUPON)
    offer = models.ForeignKey(
        Offer,
        verbose_name=_("offer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # gifts are still to be given by it
        related_name="+",
    )
    points = models.PositiveIntegerField(_("points"), null=True, blank=True)
    thing = models.CharField(_("what staff put into the parcel"), max_length=150, blank=True)
    starts_at = models.DateTimeField(_("for orders placed from"))
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)
    made_by = models.CharField(_("by"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("version of a gift")
        verbose_name_plural = _("versions of gifts")
        constraints = [
            models.UniqueConstraint(
                fields=["plan"], condition=Q(ends_at=None), name="loyalty_one_gift_version_in_force"
            ),
            models.CheckConstraint(
                condition=Q(every__gte=1),
                name="loyalty_gift_every_from_one",
                violation_error_message=_("Every how many orders? At least 1."),
            ),
            models.CheckConstraint(condition=GIVES_ONE, name="loyalty_gift_gives_one_thing"),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gte=F("starts_at")), name="loyalty_gift_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return str(self.every)


class GiftMinimum(models.Model):
    """From which worth of goods on an order counts, in one currency. Where there are any, no other currency counts."""

    version = models.ForeignKey(GiftVersion, on_delete=models.CASCADE, related_name="minimums")
    currency = models.CharField(_("currency"), max_length=3, validators=[currency.known])
    minimum_minor = models.BigIntegerField(_("goods worth at least, minor units"), default=0)

    class Meta:
        verbose_name = _("least order")
        verbose_name_plural = _("least orders")
        constraints = [
            models.UniqueConstraint(fields=["version", "currency"], name="loyalty_gift_minimum_once"),
            models.CheckConstraint(condition=Q(minimum_minor__gte=0), name="loyalty_gift_minimum_not_negative"),
        ]

    def __str__(self) -> str:
        return self.currency


class GiftProgress(models.Model):
    """How far one customer is with one plan, as last counted; the row that is locked while it is counted again."""

    plan = models.ForeignKey(GiftPlan, on_delete=models.CASCADE, related_name="progress")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="gift_progress")
    orders = models.PositiveIntegerField(_("orders that count"), default=0)
    towards = models.PositiveIntegerField(_("orders towards the next gift"), default=0)
    every = models.PositiveIntegerField(_("orders of the present round"), null=True, blank=True)
    """None: no round has begun; the next order begins one under the version of its day."""
    rounds = models.PositiveIntegerField(_("rounds completed"), default=0)
    standing = models.PositiveIntegerField(_("gifts that stand"), default=0)
    """May be more than the rounds: what was used stays, and makes up for a round to come."""
    counted_at = models.DateTimeField(_("counted"))

    class Meta:
        verbose_name = _("way to a gift")
        verbose_name_plural = _("ways to gifts")
        constraints = [models.UniqueConstraint(fields=["plan", "customer"], name="loyalty_gift_progress_once")]
