"""Who stands in which tier, and how they came there."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.models.tier import Metric, Tier
from retention.models import Customer


class Membership(models.Model):
    """A customer's tier as last computed. Where tiers have a term it is a promise, and is not computed from nothing."""

    customer = models.OneToOneField(
        Customer, verbose_name=_("customer"), on_delete=models.CASCADE, related_name="membership"
    )
    tier = models.ForeignKey(
        Tier,
        verbose_name=_("tier"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # a tier with people in it is not deleted under them
        related_name="memberships",
    )
    """None: below the first."""
    last_tier = models.ForeignKey(
        Tier, null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    """The tier before the last computing that changed this row; other than ``tier`` if that one moved them."""
    qualified_minor = models.BigIntegerField(_("what counts"), default=0)
    """Minor units, orders or points, by the table."""
    since = models.DateTimeField(_("since"))
    held_until = models.DateTimeField(_("kept until"), null=True, blank=True)
    """The end of the term; without terms, when the customer fell below what keeps the tier. None: neither.

    The grace of the table comes on top.
    """
    warned_for = models.DateTimeField(null=True, blank=True, editable=False)
    """The loss that the customer has been told of."""

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")

    def __str__(self) -> str:
        return str(self.tier or "")


class TierMove(models.Model):
    """One move from tier to tier, kept for the customer's story."""

    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), on_delete=models.CASCADE, related_name="tier_moves"
    )
    old_name = models.CharField(_("from"), max_length=60, blank=True)
    new_name = models.CharField(_("to"), max_length=60, blank=True)
    """Names as they were then; empty: below the first."""
    new_tier = models.ForeignKey(
        Tier, null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    """The tier of ``new_name``, whatever it is called by now; None: below the first, or it was deleted."""
    metric = models.CharField(_("what counted"), max_length=8, choices=Metric, default=Metric.SPEND)
    qualified_minor = models.BigIntegerField(_("how much counted"))
    """Minor units, orders or points, by ``metric``."""
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("tier move")
        verbose_name_plural = _("tier moves")
        indexes = [models.Index(fields=["customer", "at"], name="loyalty_move_customer")]

    def __str__(self) -> str:
        return f"{self.old_name} → {self.new_name}"
