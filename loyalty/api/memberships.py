"""Paid memberships: a shopper's own, and those of all for staff."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty import paid_words
from loyalty.models import PaidTerm
from loyalty.services import paid_members
from retention.api.base import Listing, Mine, Staff
from retention.api.fields import Money
from retention.api.filters import FilterSet, Id, Moment, Text


class MyMembership(serializers.Serializer[Any]):
    """One paid membership that I have, or had."""

    name = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True, help_text="Null: it has ended.")
    until = serializers.DateTimeField(help_text="Its end, without a gap; in the past: it has ended.")
    benefits = serializers.ListField(child=serializers.CharField(), help_text="What members have, a sentence each.")
    terms = serializers.ListField(child=serializers.CharField(), help_text="How it works, a sentence each.")
    product = serializers.CharField(help_text="The shop's reference of the product that renews it, or empty.")


class MyMemberships(Mine):
    queryset = PaidTerm.objects.filter(ends_at__isnull=False)
    serializer_class = MyMembership
    filter_backends = ()
    pagination_class = None

    @extend_schema(summary="My paid memberships", responses=MyMembership(many=True))
    def get(self, request: Request) -> Response:
        now = timezone.now()
        terms = list(self.get_queryset().select_related("plan__free_shipping", "plan__gift").order_by("pk"))
        found = []
        for plan in sorted({term.plan for term in terms}, key=lambda plan: plan.name):
            mine = [term for term in terms if term.plan_id == plan.pk]
            run = paid_members.run_of(mine, at=now)
            running = [term.multiplier for term in mine if term.starts_at <= now < term.ends_at]
            found.append(
                {
                    "name": plan.name,
                    "since": run.since if run else None,
                    "until": run.until if run else max(term.ends_at for term in mine),
                    "benefits": list(paid_words.benefits(plan, max(running, default=None), at=now)),
                    "terms": list(paid_words.for_members(plan)),
                    "product": plan.product if plan.active else "",
                }
            )
        return Response(MyMembership(found, many=True).data)


class TermOut(serializers.ModelSerializer[PaidTerm]):
    plan = serializers.CharField(source="plan.name", read_only=True)
    paid = Money("paid_minor")

    class Meta:
        model = PaidTerm
        fields = (
            "id", "plan", "customer", "order", "bought", "units", "months", "paid", "currency", "ready_at", "starts_at",
            "ends_at", "renews", "ended_at",
        )  # fmt: skip
        read_only_fields = fields
        ref_name = "PaidTerm"


class TermFilter(FilterSet):
    customer = Id("customer_id")
    order = Text()
    plan = Text("plan__name")
    ends_from = Moment("ends_at", lookup_expr="gte")
    ends_before = Moment("ends_at", lookup_expr="lt")

    class Meta:
        model = PaidTerm
        fields: tuple[str, ...] = ()


@extend_schema(summary="Terms of paid memberships, newest first")
class Terms(Listing, Staff):
    queryset = PaidTerm.objects.select_related("plan")
    serializer_class = TermOut
    filterset_class = TermFilter
    needs = {"GET": "retention_loyalty.view_paidterm"}
