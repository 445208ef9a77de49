"""The margin guard: how far all discounts together may bring an order down."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class MarginGuard(models.Model):
    """One row: the floor below which no coupon of ours may bring the goods of an order."""

    share_of_list = models.DecimalField(
        _("at least so many percent of the list price"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    over_cost = models.DecimalField(
        _("at least the cost and so many percent of it"),
        max_digits=6,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(-100)],
        help_text=_("Only for goods whose cost is known. Where both are set, the higher one counts."),
    )

    class Meta:
        verbose_name = _("margin guard")
        verbose_name_plural = _("margin guard")
        constraints = [
            models.CheckConstraint(condition=Q(pk=1), name="campaigns_margin_guard_one"),
            models.CheckConstraint(
                condition=Q(share_of_list=None) | Q(share_of_list__gte=0, share_of_list__lte=100),
                name="campaigns_margin_guard_share",
            ),
        ]

    def __str__(self) -> str:
        return str(_("margin guard"))


class ProductCost(models.Model):
    """What one piece costs the shop, where the shop itself does not tell us."""

    product = models.CharField(_("product"), max_length=128)
    """The shop's reference."""
    currency = models.CharField(_("currency"), max_length=3)
    cost_minor = models.PositiveBigIntegerField(_("cost of one, minor units"))
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("cost of a product")
        verbose_name_plural = _("costs of products")
        constraints = [models.UniqueConstraint(fields=["product", "currency"], name="campaigns_product_cost_once")]

    def __str__(self) -> str:
        return self.product
