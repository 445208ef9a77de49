"""Our API, and the peers: the same session, one row, JSON."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from loyalty.models import Account


def _row(user: Any) -> Any:
    return Account.objects.filter(customer__user=user.pk).values("balance", "pending").first()


class OneRow(APIView):
    authentication_classes = (SessionAuthentication,)
    permission_classes = (IsAuthenticated,)
    renderer_classes = (JSONRenderer,)

    def get(self, request: Request) -> Response:
        return Response(_row(request.user))


def one_row(request: HttpRequest) -> JsonResponse:
    """Return the row, without a framework for APIs."""
    assert request.user.is_authenticated
    return JsonResponse(_row(request.user))


urlpatterns = [
    path("retention/", include("retention.urls")),
    path("loyalty/", include("loyalty.urls")),
    path("drf/", OneRow.as_view()),
    path("django/", one_row),
]
