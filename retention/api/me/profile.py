"""Who I am to this shop."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from retention.api.base import Mine
from retention.api.errors import Erased
from retention.models import Customer
from retention.services import profile


class Me(serializers.ModelSerializer[Customer]):
    address_proven = serializers.SerializerMethodField()

    class Meta:
        model = Customer
        fields = ("id", "first_name", "language", "email", "address_proven", "joined_at", "orders_count")
        read_only_fields = fields

    def get_address_proven(self, customer: Customer) -> bool:
        return customer.address_proven_at is not None


class MeChange(serializers.Serializer[Any]):
    """What may be changed; what is left out stays."""

    first_name = serializers.CharField(max_length=150, allow_blank=True, required=False)
    language = serializers.ChoiceField(choices=(), required=False, help_text="A language of the shop.")

    def get_fields(self) -> Any:
        fields = super().get_fields()
        fields["language"] = serializers.ChoiceField(
            choices=[code for code, _ in settings.LANGUAGES], required=False, help_text="A language of the shop."
        )
        return fields


class Profile(Mine):
    queryset = Customer.objects.none()
    serializer_class = Me
    filter_backends = ()

    @extend_schema(summary="My profile")
    def get(self, request: Request) -> Response:
        return Response(Me(self.customer).data)

    @extend_schema(summary="Change my first name or language", request=MeChange, responses=Me)
    def patch(self, request: Request) -> Response:
        asked = MeChange(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            customer = profile.change(self.customer, values=asked.validated_data)
        except profile.Erased:
            raise Erased from None
        return Response(Me(customer).data)
