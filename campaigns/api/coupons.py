"""Coupons as the API shows them."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from campaigns import goods_words, validity, wording
from campaigns.goods_words import Titles
from campaigns.models import Coupon, Redemption
from campaigns.terms import Kind
from retention.api.fields import DECIMAL, Money, decimal
from retention.api.filters import FilterSet, Yes

STANDINGS = ("usable", "used", "expired", "void")

SHARED = (
    "id", "code", "gives", "kind", "percent", "amount", "minimum", "currency", "conditions", "standing", "order",
    "issued_at", "expires_at", "last_day",
)  # fmt: skip


class MyCoupon(serializers.ModelSerializer[Coupon]):
    """A coupon for who was given it, by the terms of its day."""

    gives = serializers.SerializerMethodField(help_text="What comes off, in the request's language.")
    kind = serializers.SerializerMethodField(help_text=", ".join(Kind.values))
    percent = serializers.SerializerMethodField()
    amount = serializers.SerializerMethodField()
    minimum = serializers.SerializerMethodField(help_text="Least worth of the goods; null for none.")
    conditions = serializers.SerializerMethodField(help_text="What else decides, in words; empty where nothing does.")
    standing = serializers.SerializerMethodField(help_text=", ".join(STANDINGS))
    last_day = serializers.SerializerMethodField(help_text="The last day, in the shop's zone, on which it is good.")
    order = serializers.CharField(read_only=True, help_text="The order that it was given for, or empty.")

    class Meta:
        model = Coupon
        fields: Any = SHARED
        read_only_fields: Any = SHARED
        ref_name = "MyCoupon"

    @cached_property
    def titles(self) -> Titles | None:
        """Of the products that all coupons of this answer name: the shop is asked once."""
        shown: Any = self.instance
        rows = shown if isinstance(shown, list | QuerySet) else [shown] if shown else []
        return goods_words.titles(coupon.terms for coupon in rows)

    def get_gives(self, coupon: Coupon) -> str:
        return wording.gives(coupon.terms, coupon.money, titles=self.titles)

    def get_kind(self, coupon: Coupon) -> str:
        return coupon.terms.kind

    @extend_schema_field(DECIMAL)
    def get_percent(self, coupon: Coupon) -> str | None:
        percent = coupon.terms.percent
        return None if percent is None else f"{percent:f}"

    @extend_schema_field(DECIMAL)
    def get_amount(self, coupon: Coupon) -> str | None:
        money = coupon.money
        return decimal(money.amount, money.currency) if money else None

    @extend_schema_field(DECIMAL)
    def get_minimum(self, coupon: Coupon) -> str | None:
        money = coupon.money
        return decimal(money.minimum or None, money.currency) if money else None

    def get_conditions(self, coupon: Coupon) -> str:
        return wording.limits(coupon.terms, titles=self.titles)

    def get_standing(self, coupon: Coupon) -> str:
        if coupon.state == Coupon.State.VOID:
            return "void"
        if coupon.max_uses is not None and coupon.used >= coupon.max_uses:
            return "used"
        return "expired" if coupon.expires_at <= timezone.now() else "usable"

    def get_last_day(self, coupon: Coupon) -> date:
        return validity.last_day(coupon.expires_at)


class RedemptionOut(serializers.ModelSerializer[Redemption]):
    discount = Money("discount_minor")
    currency = serializers.CharField(read_only=True)

    class Meta:
        model = Redemption
        fields = (
            "state", "order", "cart", "reason", "currency", "discount", "reserved_at", "committed_at", "released_at",
        )  # fmt: skip
        read_only_fields = fields
        ref_name = "Redemption"


class AnyCoupon(MyCoupon):
    """A coupon for staff."""

    offer = serializers.CharField(source="offer.slug", read_only=True)
    replaced_by = serializers.PrimaryKeyRelatedField[Coupon](
        read_only=True, allow_null=True, help_text="The coupon that was made instead of this one."
    )
    redemptions = RedemptionOut(many=True, read_only=True)

    class Meta(MyCoupon.Meta):
        fields = (
            *SHARED, "offer", "customer", "source", "batch", "replaces", "replaced_by", "max_uses", "used", "voided_at",
            "void_reason", "redemptions",
        )  # fmt: skip
        read_only_fields = fields
        extra_kwargs: Any = {
            "batch": {"help_text": "The batch of codes that it was made with."},
            "replaces": {"help_text": "The coupon that it was made instead of."},
        }
        ref_name = "Coupon"


class UsableFilter(FilterSet):
    usable = Yes(method="filter_usable", label="Neither void nor expired nor used up, or one of these.")

    class Meta:
        model = Coupon
        fields: tuple[str, ...] = ()

    def filter_usable(self, rows: Any, name: str, value: bool) -> Any:
        good = Coupon.objects.redeemable(at=timezone.now())
        return rows.filter(pk__in=good.values("pk")) if value else rows.exclude(pk__in=good.values("pk"))
