"""What the shop says now: a projection that may be dropped and filled again."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from retention.models.customer import Customer


class OrderQuerySet(models.QuerySet["Order"]):
    def counted(self) -> OrderQuerySet:
        """Orders that count as one: neither cancelled nor fully refunded."""
        return self.filter(Q(cancelled_at=None) & (Q(total_minor=0) | Q(refunded_minor__lt=F("total_minor"))))

    def placed_between(self, since: datetime, until: datetime) -> OrderQuerySet:
        return self.filter(placed_at__gte=since, placed_at__lt=until)


class Order(models.Model):
    """An order has times, not one state; each may be missing."""

    reference = models.CharField(_("reference"), max_length=128, unique=True)
    number = models.CharField(_("number"), max_length=128, db_index=True)
    customer = models.ForeignKey(
        Customer,
        verbose_name=_("customer"),
        on_delete=models.PROTECT,  # figures outlive the person
        related_name="orders",
    )
    host_status = models.CharField(_("status in the shop"), max_length=100, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    language = models.CharField(_("language"), max_length=16, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    postcode = models.CharField(_("postcode"), max_length=64, blank=True)
    currency = models.CharField(_("currency"), max_length=3)
    items_minor = models.BigIntegerField(_("items, minor units"), default=0)
    shipping_minor = models.BigIntegerField(_("shipping, minor units"), default=0)
    tax_minor = models.BigIntegerField(_("tax, minor units"), null=True, blank=True)
    total_minor = models.BigIntegerField(_("total, minor units"), default=0)
    refunded_minor = models.BigIntegerField(_("refunded, minor units"), default=0)
    points_spent = models.BigIntegerField(_("points spent"), default=0)
    cart = models.CharField(_("cart"), max_length=128, blank=True)
    site_id = models.IntegerField(_("site"), null=True, blank=True, db_index=True)
    placed_at = models.DateTimeField(_("placed"), db_index=True)
    paid_at = models.DateTimeField(_("paid"), null=True, blank=True)
    fulfilled_at = models.DateTimeField(_("fulfilled"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    cancelled_at = models.DateTimeField(_("cancelled"), null=True, blank=True)
    first_seen_at = models.DateTimeField(_("first seen"))
    read_at = models.DateTimeField(_("read from the shop"))
    history = models.BooleanField(_("history"), default=False)
    """Placed before the shop went live with us, or first seen when it was old: figures only."""
    final = models.BooleanField(_("final"), default=False)
    log = models.CharField(_("from the log"), max_length=40, blank=True, default="")
    """Name of the log that it was taken from; empty: the shop said so."""
    digest = models.CharField(max_length=64, editable=False)
    """Of the data as read; equal means that nothing changed."""

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        indexes = [
            models.Index(fields=["customer", "placed_at"], name="retention_order_customer"),
            models.Index(fields=["final", "placed_at"], name="retention_order_final"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def net_minor(self) -> int:
        """Total less refunds, minor units; 0 when cancelled."""
        return 0 if self.cancelled_at else max(self.total_minor - self.refunded_minor, 0)

    @property
    def counts(self) -> bool:
        return self.cancelled_at is None and (self.total_minor == 0 or self.refunded_minor < self.total_minor)


class OrderLine(models.Model):
    order = models.ForeignKey(Order, verbose_name=_("order"), on_delete=models.CASCADE, related_name="lines")
    reference = models.CharField(_("reference"), max_length=128)
    product = models.CharField(_("product"), max_length=128, db_index=True)
    title = models.CharField(_("title"), max_length=255, blank=True)
    categories = models.JSONField(_("categories"), default=list)
    quantity = models.PositiveIntegerField(_("quantity"), default=1)
    list_minor = models.BigIntegerField(_("before discounts, minor units"), default=0)
    amount_minor = models.BigIntegerField(_("amount, minor units"), default=0)
    tax_minor = models.BigIntegerField(_("tax in it, minor units"), null=True, blank=True)
    cost_minor = models.BigIntegerField(_("cost, minor units"), null=True, blank=True)

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        constraints = [models.UniqueConstraint(fields=["order", "reference"], name="retention_line_once")]


class Refund(models.Model):
    order = models.ForeignKey(Order, verbose_name=_("order"), on_delete=models.CASCADE, related_name="refunds")
    reference = models.CharField(_("reference"), max_length=128)
    amount_minor = models.BigIntegerField(_("amount, minor units"))
    lines = models.JSONField(_("lines, minor units"), default=list, blank=True)
    """Pairs of line reference and amount, where the shop knows them."""
    at = models.DateTimeField(_("refunded"))

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [models.UniqueConstraint(fields=["order", "reference"], name="retention_refund_once")]


class OrderCoupon(models.Model):
    order = models.ForeignKey(Order, verbose_name=_("order"), on_delete=models.CASCADE, related_name="coupons")
    code = models.CharField(_("code"), max_length=128, db_index=True)
    discount_minor = models.BigIntegerField(_("discount, minor units"), default=0)

    class Meta:
        verbose_name = _("coupon used")
        verbose_name_plural = _("coupons used")
        constraints = [models.UniqueConstraint(fields=["order", "code"], name="retention_order_coupon_once")]
