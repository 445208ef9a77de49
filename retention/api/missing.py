"""What is not there, in the API's own words."""

from __future__ import annotations

from typing import Any

from django.http import Http404

from retention.api.base import View


class Missing(View):
    """Answers 404 to every method, to everybody."""

    permission_classes = ()
    throttle_classes = ()
    schema = None  # not a part of the document

    def get_authenticators(self) -> Any:
        return []

    def http_method_not_allowed(self, *args: Any, **kwargs: Any) -> Any:
        raise Http404
