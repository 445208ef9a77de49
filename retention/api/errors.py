"""Refusals with stable codes: ``{"code": ..., "detail": ..., "fields": {...}}``, whatever the merchant's defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions, serializers
from rest_framework.exceptions import APIException
from rest_framework.response import Response


class Error(serializers.Serializer[Any]):
    """What every refusal looks like."""

    code = serializers.CharField(help_text="Stable; for programs.")
    detail = serializers.CharField(help_text="For people, in the request's language.")
    fields: Any = serializers.DictField(
        child=serializers.ListField(child=serializers.DictField(child=serializers.CharField())),
        help_text="Field → what is wrong with it, each with its own code and message. Empty where no field is.",
    )


class BadCursor(APIException):
    status_code = 400
    default_code = "bad_cursor"
    default_detail = _("This page does not exist: take the link of an earlier answer as it is.")


class BadRequestBody(APIException):
    status_code = 400
    default_code = "bad_request"
    default_detail = _("The request cannot be read.")


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = _("The request is too large.")


class CsrfFailed(APIException):
    status_code = 403
    default_code = "csrf_failed"
    default_detail = _("A request with a session cookie needs the CSRF token in its header.")


class Conflict(APIException):
    """What was asked for does not fit the state of things; each use names its own code."""

    status_code = 409
    default_code = "conflict"


class Erased(Conflict):
    default_code = "erased"
    default_detail = _("You asked to be forgotten: nothing is written down about you again.")


class KeyInvalid(APIException):
    status_code = 400
    default_code = "idempotency_key_invalid"
    default_detail = _("An Idempotency-Key has 1 to 100 printable ASCII characters.")


class KeyReused(APIException):
    status_code = 422
    default_code = "idempotency_key_reused"
    default_detail = _("This Idempotency-Key came before with another request.")


class KeyInProgress(APIException):
    status_code = 409
    default_code = "idempotency_in_progress"
    default_detail = _("The first request with this Idempotency-Key is still being answered.")


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer an exception. None for what is our own fault, so that the server reports it."""
    refusal = _translate(error)
    if refusal is None:
        return None
    headers = {}
    if getattr(refusal, "auth_header", None):
        headers["WWW-Authenticate"] = refusal.auth_header
    if getattr(refusal, "wait", None):
        headers["Retry-After"] = str(refusal.wait)
    return Response(body(refusal), status=refusal.status_code, headers=headers)


def body(refusal: APIException) -> dict[str, Any]:
    """Return the refusal as it is sent."""
    if isinstance(refusal, exceptions.ValidationError):
        fields: dict[str, list[dict[str, str]]] = {}
        for path, detail in _flat(refusal.detail):
            fields.setdefault(path, []).append({"code": str(detail.code), "message": str(detail)})
        return {"code": "invalid", "detail": str(_("Something in the request is not valid.")), "fields": fields}
    return {"code": str(refusal.get_codes()), "detail": str(refusal.detail), "fields": {}}


def _translate(error: Exception) -> Any:
    match error:
        case APIException():
            return error
        case Http404():
            return exceptions.NotFound()
        case PermissionDenied():
            return exceptions.PermissionDenied()
        case RequestDataTooBig():
            return TooLarge()
        case SuspiciousOperation() | BadRequest() | MultiPartParserError() | UnreadablePostError():
            return BadRequestBody()
    return None


def _flat(detail: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            # a list of sentences belongs to its field, a list of parts has a place each
            yield from _flat(value, path if isinstance(value, str) else f"{path}.{index}")
    else:
        yield path or "non_field_errors", detail
