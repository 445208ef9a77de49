"""Whether it runs, for machines."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from retention.services import health as services


@require_safe
@never_cache
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 when database, broker and ticks are well, else 503; the body says which is not."""
    report = services.look(at=timezone.now())
    return JsonResponse(report, status=200 if report["ok"] else 503)
