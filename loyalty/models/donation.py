"""What a shopper gave to a cause by points: money that the shop owes it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.models.claim import Claim
from loyalty.models.commented import Commented
from loyalty.models.giving import Cause
from retention.models import Customer


class Donation(Commented):
    """Worth of one claimed donation, as it stands now: 0 for one that was given back."""

    claim = models.ForeignKey(
        Claim,
        verbose_name=_("claimed reward"),
        on_delete=models.PROTECT,  # says which points were given
        related_name="donations",
        db_index=False,  # a constraint below is one
        db_comment="What was claimed.",
    )
    cause = models.ForeignKey(
        Cause,
        verbose_name=_("cause"),
        on_delete=models.PROTECT,  # this money is owed
        related_name="donations",
        db_index=False,  # an index below begins with it
        db_comment="Whom the shop owes it.",
    )
    customer = models.ForeignKey(
        Customer,
        verbose_name=_("customer"),
        on_delete=models.PROTECT,  # erasure empties the customer and keeps the row
        related_name="donations",
        db_comment="Whose points.",
    )
    points = models.BigIntegerField(_("points"), default=0, db_comment="What stands as spent.")
    worth = models.DecimalField(
        _("worth of a point"),
        max_digits=20,
        decimal_places=6,
        db_comment="When they were given, in units of the currency.",
    )
    currency = models.CharField(_("currency"), max_length=3, db_comment="ISO code.")
    amount_minor = models.BigIntegerField(
        _("amount, minor units"), default=0, db_comment="Points times worth, rounded down."
    )
    month = models.DateField(
        _("month"), db_comment="First day of the month in which they were given, in the shop's zone."
    )
    settled_at = models.DateTimeField(_("settled"), db_comment="When it was last written, UTC.")

    class Meta:
        verbose_name = _("donation of points")
        verbose_name_plural = _("donations of points")
        constraints = [
            models.UniqueConstraint(fields=["claim"], name="loyalty_donation_once_per_claim"),
            models.CheckConstraint(
                condition=Q(points__gte=0, amount_minor__gte=0), name="loyalty_donation_not_negative"
            ),
        ]
        indexes = [models.Index(fields=["cause", "currency", "month"], name="loyalty_donation_month")]

    def __str__(self) -> str:
        return f"{self.claim_id} {self.currency} {self.amount_minor}"
