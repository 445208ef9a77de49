"""What the OpenAPI document says of every operation of ours, so that no view has to repeat it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import SAFE_METHODS

from retention.api.errors import Error

VERSION_PATH = "/api/v1/"

REFUSALS = {
    "400": "Not valid: `invalid`, `bad_request`, `bad_cursor`, `parse_error`, `idempotency_key_invalid`.",
    "401": "Nobody is signed in: `not_authenticated`, `authentication_failed`.",
    "403": "Not allowed: `permission_denied`, `csrf_failed`.",
    "404": "`not_found`, also for what belongs to somebody else.",
    "409": "It does not fit the state of things; the code says how. `idempotency_in_progress`: ask again.",
    "413": "`too_large`.",
    "415": "`unsupported_media_type`: only application/json is read.",
    "422": "`idempotency_key_reused`.",
    "429": "`throttled`; `Retry-After` says for how many seconds.",
}

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description=(
        "A word of your own for this request, 1 to 100 printable characters. The same request with the same key "
        "again is not done again: the first answer comes back, with the header `Idempotent-Replayed: true`."
    ),
)


class Schema(AutoSchema):
    """Adds refusals and the idempotency key; names and tags come from the path behind the version."""

    def get_override_parameters(self) -> list[Any]:
        return [] if self.method in SAFE_METHODS else [IDEMPOTENCY_KEY]

    def _tokenize_path(self) -> list[str]:
        path = self.path.partition(VERSION_PATH)[2] or self.path
        return [part for part in path.strip("/").split("/") if part and not part.startswith("{")]

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        responses = super()._get_response_bodies(direction)
        for code in self._refusals():
            answer = self._get_response_for_code(Error(many=False), code, direction=direction)
            responses.setdefault(code, {**answer, "description": REFUSALS[code]})
        return responses

    def _refusals(self) -> list[str]:
        codes = ["400", "401", "403"]
        if "{" in self.path:
            codes.append("404")
        if self.method not in SAFE_METHODS:
            codes += ["409", "413", "415", "422", "429"]
        return codes
