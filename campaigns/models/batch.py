"""Codes made in bulk, for whoever gets one: on leaflets, in parcels, for a partner."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from campaigns.models.offer import Offer


class CouponBatch(models.Model):
    """An order to make so many codes of an offer; its job says how far that is."""

    offer = models.ForeignKey(
        Offer,
        verbose_name=_("offer"),
        on_delete=models.PROTECT,  # its coupons are out
        related_name="batches",
    )
    name = models.CharField(_("what for"), max_length=100)
    count = models.PositiveIntegerField(_("how many"))
    prefix = models.CharField(_("prefix of codes"), max_length=12, blank=True)
    job = models.OneToOneField("retention.Job", verbose_name=_("job"), on_delete=models.PROTECT, related_name="+")
    made_by = models.CharField(_("by"), max_length=150, blank=True)
    created_at = models.DateTimeField(_("made"))

    class Meta:
        verbose_name = _("batch of codes")
        verbose_name_plural = _("batches of codes")
        constraints = [
            models.CheckConstraint(condition=models.Q(count__gte=1, count__lte=1_000_000), name="campaigns_batch_size")
        ]
        permissions = [("export_codes", _("Can download codes"))]

    def __str__(self) -> str:
        return self.name
