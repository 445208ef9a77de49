from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models.batch import CouponBatch
from campaigns.models.offer import Offer, OfferVersion
from campaigns.terms import Money, Terms
from retention.models import Customer


class CouponQuerySet(models.QuerySet["Coupon"]):
    def outstanding(self, *, at: datetime) -> CouponQuerySet:
        """Neither void nor expired nor used up; one that has not begun yet, too."""
        return self.filter(Q(max_uses=None) | Q(used__lt=F("max_uses")), state=Coupon.State.ISSUED, expires_at__gt=at)

    def redeemable(self, *, at: datetime) -> CouponQuerySet:
        """Outstanding, and begun."""
        return self.outstanding(at=at).filter(Q(starts_at=None) | Q(starts_at__lte=at))


class Coupon(models.Model):
    """A code that one person was given, with the terms of its day."""

    class State(models.TextChoices):
        ISSUED = "issued", _("issued")
        VOID = "void", _("void")

    # ten thousand are issued at a time: each index that nothing asks for would be paid for by every one
    code = models.CharField(_("code"), max_length=40)
    key = models.CharField(_("key"), max_length=200)
    """The same promise twice is one coupon."""
    offer = models.ForeignKey(
        Offer,
        verbose_name=_("offer"),
        on_delete=models.PROTECT,  # the ledger of discounts outlives the campaign
        related_name="coupons",
        db_index=False,  # an index below begins with it
    )
    version = models.ForeignKey(
        OfferVersion,
        verbose_name=_("terms"),
        on_delete=models.PROTECT,  # what was promised is kept
        related_name="coupons",
        db_index=False,
    )
    customer = models.ForeignKey(
        Customer,
        verbose_name=_("customer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # erasure empties the customer's row, it does not delete it
        related_name="coupons",
        db_index=False,  # an index below begins with it
    )
    """None: whoever has the code."""
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    """Empty where the terms name no money: good in every currency."""
    amount_minor = models.PositiveBigIntegerField(_("its own amount, minor units"), null=True, blank=True)
    """What it takes off, where that is for each coupon to say; None: what the terms say."""
    state = models.CharField(_("state"), max_length=6, choices=State, default=State.ISSUED)
    void_reason = models.CharField(_("called off because"), max_length=80, blank=True)
    source = models.CharField(_("source"), max_length=120, blank=True)
    """Where it came from, e.g. ``journey:next-order``."""
    order = models.CharField(_("for order"), max_length=128, blank=True)
    """The order that it was given for."""
    max_uses = models.PositiveIntegerField(_("uses allowed"), null=True, blank=True, default=1)
    per_customer = models.PositiveIntegerField(_("uses per person"), default=1)
    used = models.PositiveIntegerField(_("uses taken"), default=0)
    """Reserved and committed redemptions."""
    batch = models.ForeignKey(
        CouponBatch,
        verbose_name=_("batch"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="coupons",
    )
    replaces = models.OneToOneField(
        "self",
        verbose_name=_("replaces"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="replaced_by",
    )
    """The coupon that this one was made for, when that was lost or could not be given back."""
    issued_at = models.DateTimeField(_("issued"))
    starts_at = models.DateTimeField(_("good from"), null=True, blank=True)
    """None: from its issue."""
    expires_at = models.DateTimeField(_("expires"))
    voided_at = models.DateTimeField(_("called off"), null=True, blank=True)

    objects = CouponQuerySet.as_manager()

    # ``queries.by_code`` says these; where it was not asked, they are to be looked up
    held: bool = False
    """Whether the basket in question has reserved it."""
    crowded: bool = True
    """Whether the basket in question has reserved anything."""
    limited: bool = True
    """Whether the offer has limits over all its coupons."""
    guarded: bool = True
    """Whether there is a margin guard."""

    class Meta:
        verbose_name = _("coupon")
        verbose_name_plural = _("coupons")
        indexes = [
            models.Index(fields=["customer", "-issued_at"], name="campaigns_coupon_customer"),
            models.Index(fields=["offer", "-issued_at"], name="campaigns_coupon_offer"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["code"], name="campaigns_coupon_code_once"),
            models.UniqueConstraint(fields=["key"], name="campaigns_coupon_key_once"),
            models.CheckConstraint(
                condition=Q(max_uses=None) | Q(used__lte=F("max_uses")), name="campaigns_coupon_within_limit"
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("issued_at")), name="campaigns_coupon_expires_later"),
            models.CheckConstraint(
                condition=Q(starts_at=None) | Q(expires_at__gt=F("starts_at")), name="campaigns_coupon_ends_after_start"
            ),
        ]
        permissions = [
            ("void_coupon", _("Can call coupons off")),
            ("issue_coupon", _("Can make codes")),
            ("extend_coupon", _("Can extend and reissue coupons")),
            ("redeem_coupon", _("Can use coupons at a checkout, by the API")),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def terms(self) -> Terms:
        return self.version.terms

    @property
    def money(self) -> Money | None:
        """What the terms say in the coupon's currency; the amount is its own where it has one."""
        money = self.terms.in_currency(self.currency)
        if self.amount_minor is None:
            return money
        return replace(money or Money(currency=self.currency), amount=self.amount_minor)
