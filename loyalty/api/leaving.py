"""Leaving the programme, and coming back."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.models import Account
from loyalty.services import absences, leaving
from retention.api.base import Mine
from retention.api.errors import Conflict


class CannotLeave(Conflict):
    default_code = "not_a_member"
    default_detail = _("This account is in no programme.")


class Taking(serializers.Serializer[Any]):
    """Whether I am in the programme."""

    member = serializers.BooleanField()
    left_at = serializers.DateTimeField(allow_null=True, help_text="Null: I am in.")
    stands_until = serializers.DateTimeField(
        allow_null=True, help_text="What I had is as it was if I come back before; null: I am in."
    )


class Leave(Mine):
    queryset = Account.objects.none()
    serializer_class = Taking
    filter_backends = ()

    @extend_schema(
        summary="Leave the programme",
        description=(
            "From now on nothing is earned or spent. Points stand still and are gone after 30 days; who comes back "
            "before has them as they were. The same again changes nothing."
        ),
        request=None,
        responses=Taking,
    )
    def post(self, request: Request) -> Response:
        try:
            gone = leaving.leave(self.customer, at=timezone.now())
        except leaving.NotAMember:
            raise CannotLeave from None
        until = absences.ends_at(gone.left_at)
        return Response(Taking({"member": False, "left_at": gone.left_at, "stands_until": until}).data)


class ComeBack(Mine):
    queryset = Account.objects.none()
    serializer_class = Taking
    filter_backends = ()

    @extend_schema(
        summary="Come back into the programme",
        description="What is ordered from now on earns again. The same again changes nothing.",
        request=None,
        responses=Taking,
    )
    def post(self, request: Request) -> Response:
        leaving.come_back(self.customer, at=timezone.now())
        return Response(Taking({"member": True, "left_at": None, "stands_until": None}).data)
