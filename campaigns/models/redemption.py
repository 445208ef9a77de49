from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.models.coupon import Coupon
from campaigns.models.offer import Offer
from campaigns.terms import FOREVER
from retention.models import Customer

LIVE = ("reserved", "committed")
"""States that take a use."""


class Redemption(models.Model):
    """One use of a coupon: ``reserved`` by a cart for a while, ``committed`` by an order, or ``released``.

    Each use of one person has a slot, from 1 to what is allowed: two uses of one slot cannot both be live.
    """

    class State(models.TextChoices):
        RESERVED = "reserved", _("reserved")
        COMMITTED = "committed", _("used")
        RELEASED = "released", _("given back")
        EXCESS = "excess", _("used in excess")
        """The shop took the coupon though no use was left; it takes no slot and is shown to staff."""

    class Reason(models.TextChoices):
        LEASE = "lease", _("no order came of the basket in time")
        REMOVED = "removed", _("taken out of the basket")
        CANCELLED = "cancelled", _("the order was cancelled")
        REFUNDED = "refunded", _("the order was paid back in full")
        DROPPED = "dropped", _("the order does not have the coupon any more")

    coupon = models.ForeignKey(
        Coupon,
        verbose_name=_("coupon"),
        on_delete=models.PROTECT,  # money was given away by it
        related_name="redemptions",
    )
    offer = models.ForeignKey(Offer, verbose_name=_("offer"), on_delete=models.PROTECT, related_name="redemptions")
    customer = models.ForeignKey(
        Customer,
        verbose_name=_("customer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # limits outlive the person
        related_name="redemptions",
    )
    customer_key = models.CharField(_("person, hashed"), max_length=64)
    """HMAC of the folded address: guests count, and spellings of one mailbox are one."""
    slot = models.PositiveIntegerField(_("slot"), default=1)
    offer_slot = models.PositiveIntegerField(_("slot in the offer"), null=True, blank=True)
    """Only where the offer limits uses per person."""
    window = models.DateField(_("period from"), default=FOREVER)
    """First day of the period in which the slot in the offer is one of few."""
    taken_at = models.DateTimeField(_("counted at"), null=True, blank=True)
    """When it was reserved, else when its order was placed: by this the offer's limits count it."""
    cart = models.CharField(_("basket"), max_length=128, blank=True)
    order = models.CharField(_("order"), max_length=128, blank=True, db_index=True)
    state = models.CharField(_("state"), max_length=9, choices=State)
    reason = models.CharField(_("given back because"), max_length=9, choices=Reason, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    discount_minor = models.BigIntegerField(_("discount, minor units"), default=0)
    lease_until = models.DateTimeField(_("reserved until"), null=True, blank=True)
    reserved_at = models.DateTimeField(_("reserved"), null=True, blank=True)
    committed_at = models.DateTimeField(_("used"), null=True, blank=True)
    released_at = models.DateTimeField(_("given back"), null=True, blank=True)

    class Meta:
        verbose_name = _("redemption")
        verbose_name_plural = _("redemptions")
        indexes = [
            models.Index(fields=["lease_until"], condition=Q(state="reserved"), name="campaigns_redemption_lease"),
            models.Index(fields=["cart"], condition=Q(state="reserved"), name="campaigns_redemption_cart"),
            models.Index(fields=["state"], condition=Q(state="excess"), name="campaigns_redemption_excess"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["coupon", "cart"], condition=Q(state="reserved"), name="campaigns_redemption_once_per_cart"
            ),
            models.UniqueConstraint(
                fields=["coupon", "order"], condition=~Q(order=""), name="campaigns_redemption_once_per_order"
            ),
            models.UniqueConstraint(
                fields=["coupon", "customer_key", "slot"],
                condition=Q(state__in=LIVE),
                name="campaigns_redemption_slot_once",
            ),
            models.UniqueConstraint(
                fields=["offer", "customer_key", "window", "offer_slot"],
                condition=Q(state__in=LIVE, offer_slot__isnull=False),
                name="campaigns_redemption_offer_slot_once",
            ),
            models.CheckConstraint(condition=Q(slot__gte=1), name="campaigns_redemption_slot_counts_from_one"),
            models.CheckConstraint(
                condition=~Q(state="reserved") | Q(lease_until__isnull=False), name="campaigns_redemption_has_lease"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["committed", "excess"]) | ~Q(order=""), name="campaigns_redemption_has_order"
            ),
        ]

    def __str__(self) -> str:
        return _("use of %(coupon)s") % {"coupon": self.coupon_id}
