"""What Oscar has no column for: the terms of our coupons. Ids of the host's rows, never foreign keys to them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class SharedOffer(models.Model):
    """What all coupons of one offer promise, and the rows in Oscar (offer, condition, benefit) that they share."""

    key = models.CharField(max_length=64, unique=True, editable=False)
    """Hash of the offer's reference and of every rule: other rules are another row."""
    reference = models.CharField(_("offer"), max_length=128, db_index=True)
    kind = models.CharField(_("kind"), max_length=20, default="")
    value = models.DecimalField(_("value"), max_digits=12, decimal_places=2, default=0)
    """Percent, or an amount in the currency, tax included."""
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    minimum = models.DecimalField(_("minimum"), max_digits=12, decimal_places=2, null=True, blank=True)
    goods = models.JSONField(_("goods"), default=dict)
    """What it is for, as ``goods.Goods`` stores it."""
    exclusive = models.BooleanField(_("not together with another coupon"), default=False)
    sale_goods = models.BooleanField(_("also for reduced goods"), default=True)
    priority = models.PositiveSmallIntegerField(_("priority"), default=10)
    offer_id = models.BigIntegerField(_("Oscar's offer"))
    condition_id = models.BigIntegerField(_("Oscar's condition"), db_index=True)
    benefit_id = models.BigIntegerField(_("Oscar's benefit"))

    class Meta:
        verbose_name = _("offer in Oscar")
        verbose_name_plural = _("offers in Oscar")

    def __str__(self) -> str:
        return self.reference


class CouponTerms(models.Model):
    """Whose a voucher of ours is, and how often it may be used: Oscar's vouchers have no owner."""

    code = models.CharField(_("code"), max_length=128, unique=True)
    shared = models.ForeignKey(SharedOffer, verbose_name=_("offer"), on_delete=models.CASCADE, related_name="coupons")
    owner_key = models.CharField(_("owner, hashed"), max_length=64, blank=True)
    """HMAC of the folded address; empty for a code that anybody may use."""
    user_id = models.BigIntegerField(_("user"), null=True, blank=True)
    uses = models.PositiveIntegerField(_("uses"), default=1)
    """How many orders may use it; 0 for as many as like."""
    value = models.DecimalField(_("its own amount"), max_digits=12, decimal_places=2, null=True, blank=True)
    """What it takes off, tax included, where the coupons of one offer differ in it; None: as the offer says."""

    class Meta:
        verbose_name = _("terms of a coupon")
        verbose_name_plural = _("terms of coupons")

    def __str__(self) -> str:
        return self.code

    @property
    def is_owned(self) -> bool:
        return bool(self.owner_key) or self.user_id is not None
