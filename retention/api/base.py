"""What all our views share, each policy named here: a merchant's REST_FRAMEWORK defaults are for their own views."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django.db import transaction
from django.http import Http404, HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property
from rest_framework.exceptions import APIException
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from retention.api import authentication, bodies, errors, permissions, throttles
from retention.api.filters import Filters
from retention.api.paging import LARGEST_ID, Pages
from retention.api.schema import Schema
from retention.models import Customer
from retention.services import customers, requests

Handler = Callable[..., Response]

KEY = re.compile(r"[!-~]{1,100}")
"""An Idempotency-Key: printable ASCII without spaces."""


class View(GenericAPIView[Any]):
    """Signed-in people only, JSON only, our errors, our limits; a write with an Idempotency-Key happens once."""

    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    renderer_classes = (bodies.JsonOut,)
    parser_classes = (bodies.JsonIn,)
    content_negotiation_class = bodies.AlwaysJson
    permission_classes: Any = (permissions.IsSignedIn,)
    throttle_classes: Any = (throttles.Writes,)
    metadata_class = None
    versioning_class = None
    filter_backends: Any = (Filters,)
    pagination_class: Any = Pages
    schema: Any = Schema()
    ordering: ClassVar[tuple[str, ...]] = ("-pk",)
    """One unique field, or a field and the primary key, both in one direction."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        # Services open the transactions that they need; a limit that was counted stays counted when the rest fails.
        return transaction.non_atomic_requests(super().as_view(**initkwargs))

    def get_authenticators(self) -> Any:
        return authentication.authenticators()

    def get_exception_handler(self) -> Any:
        return errors.handle

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        request.encoding = "utf-8"  # a header may name any codec of Python's, also ones that are not for text
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Read here, where Django's limit on its size holds; parsers would read on from the socket.
        self.raw_body = request._request.body
        super().initial(request, *args, **kwargs)
        key = request.headers.get("Idempotency-Key")
        name = str(request.method).lower()
        handler = getattr(self, name, None)
        if key is None or handler is None or request.method in SAFE_METHODS:
            return
        if not KEY.fullmatch(key):
            raise errors.KeyInvalid
        # dispatch() looks the handler up after this method: what it finds is the handler, done once
        setattr(self, name, partial(self._once, handler, key))

    def _once(self, handler: Handler, key: str, request: Request, *args: Any, **kwargs: Any) -> Response:
        def do() -> requests.Answer:
            try:
                with transaction.atomic():
                    response = handler(request, *args, **kwargs)
            except APIException as refusal:
                response = self.handle_exception(refusal)
            body = json.loads(bodies.JsonOut().render(response.data) or b"null")
            return requests.Answer(status=response.status_code, body=body)

        said = f"{request.method} {request.get_full_path()}\n".encode() + self.raw_body
        fingerprint = hashlib.sha256(said).hexdigest()
        try:
            answer = requests.once(user=request.user.pk, key=key, fingerprint=fingerprint, do=do, at=timezone.now())
        except requests.InProgress:
            raise errors.KeyInProgress from None
        except requests.KeyReused:
            raise errors.KeyReused from None
        headers = {"Idempotent-Replayed": "true"} if answer.replayed else None
        return Response(answer.body, status=answer.status, headers=headers)

    def get_object(self) -> Any:
        if any(isinstance(value, int) and value > LARGEST_ID for value in self.kwargs.values()):
            raise Http404  # not every database compares a number that it cannot hold
        return super().get_object()

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class Mine(View):
    """A shopper's own things. ``queryset`` is narrowed to the caller's row; nobody else's exists here."""

    owner: ClassVar[str] = "customer"
    """Lookup from a row to its customer."""

    @cached_property
    def customer(self) -> Customer:
        """The caller's row."""
        return customers.for_user(self.request.user, at=timezone.now())

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows.none()
        return rows.filter(**{self.owner: self.customer.pk})


class Staff(View):
    """For staff: ``needs`` names the permission of each method."""

    permission_classes = (permissions.IsStaff,)
    needs: ClassVar[dict[str, str]] = {}

    def get_serializer_context(self) -> dict[str, Any]:
        fake = getattr(self, "swagger_fake_view", False)
        personal = not fake and permissions.sees_personal_data(self.request)
        return {**super().get_serializer_context(), "personal": personal}


class Listing(ListModelMixin):
    """GET answers a page of rows."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)


class Detail(RetrieveModelMixin):
    """GET answers one row."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.retrieve(request, *args, **kwargs)
