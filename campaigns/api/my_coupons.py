"""A shopper's own coupons."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema

from campaigns.api.coupons import MyCoupon, UsableFilter
from campaigns.models import Coupon
from retention.api.base import Detail, Listing, Mine


@extend_schema(summary="My coupons, latest first")
class MyCoupons(Listing, Mine):
    queryset = Coupon.objects.select_related("offer", "version")
    serializer_class = MyCoupon
    filterset_class = UsableFilter
    ordering = ("-issued_at", "-pk")


@extend_schema(summary="One of my coupons")
class MyCouponDetail(Detail, Mine):
    queryset = Coupon.objects.select_related("offer", "version")
    serializer_class = MyCoupon
