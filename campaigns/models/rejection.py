"""What was refused, for staff: which coupon, why, and where; and guesses at codes."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from campaigns.models.coupon import Coupon
from campaigns.reasons import Reason


class Rejection(models.Model):
    """A coupon of ours that a basket did not get. Kept for some weeks; says nothing of who shopped."""

    class Where(models.TextChoices):
        FORM = "form", _("basket")
        LINK = "link", _("link")
        CHECKOUT = "checkout", _("checkout")
        API = "api", _("API")

    coupon = models.ForeignKey(Coupon, verbose_name=_("coupon"), on_delete=models.CASCADE, related_name="rejections")
    reason = models.CharField(_("reason"), max_length=20, choices=Reason)
    detail = models.CharField(_("detail"), max_length=200, blank=True)
    where = models.CharField(_("where"), max_length=8, choices=Where)
    cart = models.CharField(_("basket"), max_length=128, blank=True)
    at = models.DateTimeField(_("at"), db_index=True)

    class Meta:
        verbose_name = _("refusal")
        verbose_name_plural = _("refusals")
        indexes = [models.Index(fields=["coupon", "-at"], name="campaigns_rejection_coupon")]

    def __str__(self) -> str:
        return self.get_reason_display()


class Guess(models.Model):
    """Tries of codes that do not exist, by hour and by the prefix of one of our offers: staff see a campaign attacked.

    Only counted and shown: a block by prefix would let anybody lock a merchant's campaign.
    """

    prefix = models.CharField(_("prefix"), max_length=12, blank=True)
    """Empty for codes with no prefix of ours."""
    hour = models.DateTimeField(_("hour"))
    count = models.PositiveIntegerField(_("tries"), default=0)

    class Meta:
        verbose_name = _("guesses at codes")
        verbose_name_plural = _("guesses at codes")
        constraints = [models.UniqueConstraint(fields=["prefix", "hour"], name="campaigns_guess_once_an_hour")]

    def __str__(self) -> str:
        return f"{self.prefix or '-'}: {self.count}"
