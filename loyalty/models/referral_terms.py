"""What the merchant promises for bringing a friend."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Offer
from loyalty.models.programme import PendingFrom


class ReferralTerms(models.Model):
    """How a recommendation is rewarded. At most one is active; a referral keeps what it came under."""

    name = models.CharField(_("name"), max_length=100)
    active = models.BooleanField(
        _("active"),
        default=False,
        help_text=_("Links work only while it is active. Friends who came before are rewarded all the same."),
    )
    friend_offer = models.ForeignKey(
        Offer,
        verbose_name=_("the friend's coupon, by the offer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Given at once. Make it one for first orders only. Empty: the friend gets no coupon."),
    )
    friend_points = models.PositiveIntegerField(
        _("the friend's points"),
        default=0,
        validators=[MaxValueValidator(1_000_000)],
        help_text=_("Given together with the reward, to a friend with an account. 0: none."),
    )
    points = models.PositiveIntegerField(
        _("points for who brought the friend"),
        default=0,
        validators=[MaxValueValidator(1_000_000)],
    )
    reward_offer = models.ForeignKey(
        Offer,
        verbose_name=_("or a coupon, by the offer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    window_days = models.PositiveSmallIntegerField(
        _("return window, days"),
        default=14,
        validators=[MaxValueValidator(366)],
        help_text=_("The reward comes when the friend's order has outlived it."),
    )
    window_from = models.CharField(_("it begins when"), max_length=10, choices=PendingFrom, default=PendingFrom.PAID)
    link_days = models.PositiveSmallIntegerField(
        _("a link counts for days"),
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(90)],
        help_text=_("The friend orders within so many days, in the same browser."),
    )
    most_per_month = models.PositiveIntegerField(
        _("most rewards a month"),
        null=True,
        blank=True,
        default=10,
        validators=[MinValueValidator(1)],
        help_text=_("For one customer, by the shop's calendar. Empty: no limit."),
    )
    most_ever = models.PositiveIntegerField(
        _("most rewards ever"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("For one customer. Empty: no limit."),
    )
    network_orders = models.PositiveSmallIntegerField(
        _("friends from one network"),
        default=3,
        validators=[MinValueValidator(2)],
        help_text=_("From so many on staff are asked before anything is rewarded."),
    )
    network_days = models.PositiveSmallIntegerField(
        _("within days"),
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(90)],
        help_text=_("After so many days we forget from which network a friend came."),
    )
    burst_orders = models.PositiveSmallIntegerField(
        _("friends of one customer"),
        default=5,
        validators=[MinValueValidator(2)],
        help_text=_("From so many on staff are asked."),
    )
    burst_hours = models.PositiveSmallIntegerField(
        _("within hours"), default=24, validators=[MinValueValidator(1), MaxValueValidator(720)]
    )

    class Meta:
        verbose_name = _("referral terms")
        verbose_name_plural = _("referral terms")
        constraints = [
            models.UniqueConstraint(
                fields=["active"],
                condition=Q(active=True),
                name="loyalty_one_active_referral_terms",
                violation_error_message=_("Other referral terms are active. Switch them off first."),
            ),
            models.CheckConstraint(
                condition=Q(points=0) | Q(reward_offer=None),
                name="loyalty_referral_one_reward",
                violation_error_message=_("Give points or a coupon, not both."),
            ),
            models.CheckConstraint(
                condition=Q(active=False) | Q(points__gt=0) | Q(reward_offer__isnull=False),
                name="loyalty_referral_gives_something",
                violation_error_message=_("Say what who brings a friend gets: points or a coupon."),
            ),
        ]

    def __str__(self) -> str:
        return self.name
