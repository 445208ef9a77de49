"""All that the shop's retention apps hold about me."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from retention.api.base import Mine
from retention.models import Customer
from retention.services import persons


class Export(Mine):
    queryset = Customer.objects.none()
    pagination_class = None
    filter_backends = ()

    @extend_schema(
        summary="All that is kept about me",
        description="By part; what is known of an address alone only to whom it is proven. The shop's own account, "
        "orders and addresses are not in it.",
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        return Response(persons.export_person(self.customer))
