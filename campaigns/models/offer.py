"""Offers as the merchant edits them, and their terms as they were promised."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from campaigns.terms import Kind, Period, Terms


class Offer(models.Model):
    """What the merchant edits. Coupons never read it: they keep the version they were issued with."""

    slug = models.SlugField(_("short name"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=100, help_text=_("Shoppers see it beside the discount."))
    kind = models.CharField(_("gives"), max_length=14, choices=Kind, default=Kind.PERCENTAGE)
    percent = models.DecimalField(
        _("percent"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(100)],
    )
    valid_days = models.PositiveIntegerField(
        _("good for days"),
        null=True,
        blank=True,
        default=30,
        validators=[MinValueValidator(1)],
        help_text=_("From the day of issue. Empty: to the last day below."),
    )
    starts_on = models.DateField(
        _("good from"), null=True, blank=True, help_text=_("Coupons issued earlier wait for this day.")
    )
    ends_on = models.DateField(
        _("good until"), null=True, blank=True, help_text=_("The last day, whatever was issued.")
    )
    uses = models.PositiveIntegerField(_("uses of each coupon"), default=1, validators=[MinValueValidator(1)])
    per_customer = models.PositiveIntegerField(
        _("uses per person"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Over all coupons of the offer; spellings of one mailbox count as one person. Empty: no limit."),
    )
    per_customer_period = models.CharField(
        _("uses per person are counted"), max_length=5, choices=Period, default=Period.EVER
    )
    first_order_only = models.BooleanField(_("first order only"), default=False)
    exclusive = models.BooleanField(
        _("alone"), default=True, help_text=_("Cannot be used together with another coupon of these offers.")
    )
    sale_goods = models.BooleanField(
        _("on reduced goods too"),
        default=True,
        help_text=_("Off: nothing comes off what the shop itself sells at a reduced price."),
    )
    priority = models.PositiveSmallIntegerField(
        _("turn"),
        default=10,
        validators=[MaxValueValidator(99)],
        help_text=_("Where several are used together, the lowest takes its part first."),
    )
    prefix = models.CharField(
        _("prefix of codes"),
        max_length=12,
        blank=True,
        validators=[RegexValidator(r"^[A-Z0-9]*$", _("Capital letters and digits only."))],
    )
    active = models.BooleanField(
        _("on"), default=True, help_text=_("Off: no new coupons. Those that are out stay good.")
    )
    created_at = models.DateTimeField(_("created"), editable=False)

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind=Kind.PERCENTAGE) | Q(percent__gt=0, percent__lte=100),
                name="campaigns_offer_percent_is_one",
            ),
            models.CheckConstraint(
                condition=Q(uses__gte=1) & (Q(valid_days__gte=1) | Q(valid_days=None, ends_on__isnull=False)),
                name="campaigns_offer_can_be_used",
            ),
            models.CheckConstraint(
                condition=Q(starts_on=None) | Q(ends_on=None) | Q(ends_on__gte=F("starts_on")),
                name="campaigns_offer_ends_later",
                violation_error_message=_("It ends before it begins."),
            ),
            models.CheckConstraint(condition=Q(priority__lte=99), name="campaigns_offer_turn"),
        ]

    def __str__(self) -> str:
        return self.name


class OfferMoney(models.Model):
    """What an offer says in one currency."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="money")
    currency = models.CharField(
        _("currency"), max_length=3, validators=[RegexValidator(r"^[A-Z]{3}$", _("Three capital letters, e.g. EUR."))]
    )
    amount_minor = models.PositiveBigIntegerField(_("amount off, minor units"), null=True, blank=True)
    minimum_minor = models.PositiveBigIntegerField(_("minimum, minor units"), null=True, blank=True)

    class Meta:
        verbose_name = _("amount in a currency")
        verbose_name_plural = _("amounts in currencies")
        constraints = [
            models.UniqueConstraint(fields=["offer", "currency"], name="campaigns_offer_money_once"),
            models.CheckConstraint(
                condition=Q(amount_minor=None) | Q(amount_minor__gt=0), name="campaigns_offer_amount_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.currency


class OfferGoods(models.Model):
    """Products or categories that an offer is only, or never, for."""

    class Kind(models.TextChoices):
        PRODUCT = "product", _("product")
        CATEGORY = "category", _("category")

    class Rule(models.TextChoices):
        ONLY = "only", _("only these")
        NEVER = "never", _("all but these")

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="goods")
    rule = models.CharField(_("which goods"), max_length=5, choices=Rule, default=Rule.ONLY)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.CATEGORY)
    reference = models.CharField(_("reference"), max_length=128, help_text=_("As the shop names it."))

    class Meta:
        verbose_name = _("goods")
        verbose_name_plural = _("goods")
        constraints = [
            models.UniqueConstraint(
                fields=["offer", "kind", "reference"],
                name="campaigns_offer_goods_once",
                violation_error_message=_("The same goods cannot be both in and out, nor named twice."),
            )
        ]

    def __str__(self) -> str:
        return self.reference


class OfferCondition(models.Model):
    """A registered condition that must hold for who uses a coupon of the offer."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="conditions")
    name = models.CharField(_("condition"), max_length=80)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)

    class Meta:
        verbose_name = _("condition")
        verbose_name_plural = _("conditions")

    def __str__(self) -> str:
        return self.name


class Immutable(Exception):
    """Versions are never edited or deleted: coupons that are out were promised just this. Save the offer instead."""


class OfferVersion(models.Model):
    """The terms of an offer as they were at one time."""

    offer = models.ForeignKey(
        Offer,
        verbose_name=_("offer"),
        on_delete=models.PROTECT,  # what was promised is kept
        related_name="versions",
    )
    number = models.PositiveIntegerField(_("version"))
    terms_json = models.JSONField(_("terms"), db_column="terms")
    created_at = models.DateTimeField(_("since"))
    created_by = models.CharField(_("by"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("version of an offer")
        verbose_name_plural = _("versions of offers")
        constraints = [models.UniqueConstraint(fields=["offer", "number"], name="campaigns_offer_version_once")]

    def __str__(self) -> str:
        return _("version %(number)s") % {"number": self.number}

    @cached_property
    def terms(self) -> Terms:
        return Terms.from_json(self.terms_json)

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk:
            raise Immutable
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise Immutable
