"""Who stands in which tier, and how they came there."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.models.tier import Tier
from retention.models import Customer


class Membership(models.Model):
    """A customer's tier as last computed; may be dropped and computed again."""

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
    qualified_minor = models.BigIntegerField(_("spend that counts, minor units"), default=0)
    since = models.DateTimeField(_("since"))

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
    qualified_minor = models.BigIntegerField(_("spend that counts, minor units"))
    currency = models.CharField(_("currency"), max_length=3)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("tier move")
        verbose_name_plural = _("tier moves")
        indexes = [models.Index(fields=["customer", "at"], name="loyalty_move_customer")]

    def __str__(self) -> str:
        return f"{self.old_name} → {self.new_name}"
