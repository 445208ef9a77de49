"""What an offer may give away in all: uses and money. Live, not versioned: it holds for coupons that are out, too."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models.offer import Offer
from campaigns.terms import Period
from retention import counts
from retention.money import show


class OfferLimit(models.Model):
    """One cap of an offer, over all its coupons and people."""

    class Measure(models.TextChoices):
        USES = "uses", _("uses")
        DISCOUNT = "discount", _("discount")

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="limits")
    measure = models.CharField(_("what is limited"), max_length=8, choices=Measure, default=Measure.USES)
    period = models.CharField(_("per"), max_length=5, choices=Period, default=Period.EVER)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    """Of a discount; empty for uses."""
    most = models.PositiveBigIntegerField(_("at most"))
    """Uses, or minor units."""

    class Meta:
        verbose_name = _("limit of an offer")
        verbose_name_plural = _("limits of offers")
        constraints = [
            models.UniqueConstraint(
                fields=["offer", "measure", "period", "currency"], name="campaigns_offer_limit_once"
            ),
            models.CheckConstraint(
                condition=Q(measure="uses", currency="") | Q(measure="discount") & ~Q(currency=""),
                name="campaigns_offer_limit_currency",
            ),
        ]

    def __str__(self) -> str:
        most = show(self.most, self.currency) if self.currency else counts.show(self.most)
        return f"{self.get_measure_display()}: {most}, {self.get_period_display()}"


class OfferTally(models.Model):
    """What reserved and committed uses have taken of a limit in one period."""

    limit = models.ForeignKey(OfferLimit, on_delete=models.CASCADE, related_name="tallies")
    window = models.DateField(_("period from"))
    """First day of the period in the shop's zone; 1970-01-01 for one that never ends."""
    taken = models.PositiveBigIntegerField(_("taken so far"), default=0)
    most = models.PositiveBigIntegerField(_("at most"))
    """The limit's, here too, so that a constraint can hold it."""

    class Meta:
        verbose_name = _("tally of a limit")
        verbose_name_plural = _("tallies of limits")
        constraints = [
            models.UniqueConstraint(fields=["limit", "window"], name="campaigns_offer_tally_once"),
            models.CheckConstraint(condition=Q(taken__lte=F("most")), name="campaigns_offer_tally_within_limit"),
        ]

    def __str__(self) -> str:
        return f"{self.window}: {self.taken} / {self.most}"
