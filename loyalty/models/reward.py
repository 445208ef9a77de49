"""What points can be spent on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Offer
from loyalty.models.commented import Commented
from loyalty.models.giving import Cause


class RewardQuerySet(models.QuerySet["Reward"]):
    def on_offer(self, *, at: datetime) -> RewardQuerySet:
        """Switched on and within their time; also those whose stock is gone."""
        begun = Q(starts_at=None) | Q(starts_at__lte=at)
        return self.filter(begun, Q(ends_at=None) | Q(ends_at__gt=at), active=True)


class Reward(Commented):
    """Something that costs points. What has been claimed once keeps its terms: other terms are another reward."""

    class Kind(models.TextChoices):
        COUPON = "coupon", _("a coupon: an amount, a percentage, free shipping or a product")
        POINTS = "points", _("points off the basket, as many as the customer likes")
        DONATION = "donation", _("a donation to a cause")
        CUSTOM = "custom", _("something that staff see to: a partner's benefit, an event, a thing")

    name = models.CharField(_("name"), max_length=100, help_text=_("Shoppers see it."))
    words = models.CharField(
        _("in a sentence"), max_length=200, blank=True, help_text=_("What the shopper gets; of a donation, the cause.")
    )
    kind = models.CharField(_("gives"), max_length=8, choices=Kind, default=Kind.COUPON)
    cost = models.PositiveBigIntegerField(
        _("costs, points"),
        default=0,
        validators=[MaxValueValidator(10**12)],
        help_text=_("Of points off the basket: the fewest that can be used at once."),
    )
    offer = models.ForeignKey(
        Offer,
        verbose_name=_("offer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # coupons of it were paid for with points
        related_name="rewards",
        help_text=_("The coupon that is given is one of this offer. Points off the basket make an offer of their own."),
    )
    cause = models.ForeignKey(
        Cause,
        verbose_name=_("cause"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # what was given to it is owed
        related_name="rewards",
        help_text=_(
            "Of a donation alone: what the points are worth is owed to it, and counted and paid out with what orders "
            "give. Empty: the cause is what the sentence says, and nothing is counted."
        ),
        db_comment="To whom a donation goes; null: what the words say, or no donation.",
    )
    valid_days = models.PositiveSmallIntegerField(
        _("to be used within days"),
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(366)],
        help_text=_("If no order uses it by then, the points come back. For points off the basket a day will do."),
    )
    stock = models.PositiveIntegerField(
        _("how many there are"), null=True, blank=True, help_text=_("Empty: as many as are wanted.")
    )
    taken = models.PositiveIntegerField(_("taken"), default=0, editable=False)
    """Claims that take one of the stock."""
    per_person = models.PositiveSmallIntegerField(
        _("how often a person may have it"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Empty: as often as they like."),
    )
    starts_at = models.DateTimeField(_("on offer from"), null=True, blank=True)
    ends_at = models.DateTimeField(_("on offer until"), null=True, blank=True)
    condition = models.CharField(_("only for"), max_length=80, blank=True)
    """A registered condition's name; empty: everybody."""
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    active = models.BooleanField(
        _("on"), default=False, help_text=_("Off: nobody can claim it. What was claimed stays good.")
    )
    position = models.PositiveSmallIntegerField(_("place"), default=10, help_text=_("The lowest is shown first."))
    created_at = models.DateTimeField(_("made at"), editable=False)

    objects = RewardQuerySet.as_manager()

    class Meta:
        verbose_name = _("reward")
        verbose_name_plural = _("rewards")
        constraints = [
            models.CheckConstraint(
                condition=Q(cost__gt=0),
                name="loyalty_reward_costs_points",
                violation_error_message=_("A reward costs at least one point."),
            ),
            models.CheckConstraint(
                condition=~Q(kind="coupon") | Q(offer__isnull=False),
                name="loyalty_reward_has_offer",
                violation_error_message=_("Say of which offer the coupon is."),
            ),
            models.CheckConstraint(
                condition=Q(cause=None) | Q(kind="donation"),
                name="loyalty_reward_cause_of_donation",
                violation_error_message=_("Only a donation goes to a cause."),
            ),
            models.CheckConstraint(
                condition=Q(stock=None) | Q(taken__lte=F("stock")),
                name="loyalty_reward_within_stock",
                violation_error_message=_("More than that have been claimed already."),
            ),
            models.CheckConstraint(
                condition=Q(starts_at=None) | Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
                name="loyalty_reward_ends_after_start",
                violation_error_message=_("It ends before it begins."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """What is taken moves by conditional UPDATE alone: a copy from before must not write it back."""
        if not self._state.adding and kwargs.get("update_fields") is None:
            kwargs["update_fields"] = [
                field.name for field in self._meta.concrete_fields if field.name not in ("id", "taken")
            ]
        super().save(*args, **kwargs)
