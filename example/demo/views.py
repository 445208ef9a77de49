"""The outbox: what was sent, for people and for programs."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe
from django.views.generic import DetailView, ListView

from example.demo.models import RecordedMessage

# The body of a mail may bring styles and pictures and nothing that runs.
# Its links open in a new window, which is free of these rules.
BODY_POLICY = (
    "default-src 'none'; img-src * data:; style-src 'unsafe-inline'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)


class Outbox(ListView):
    """The list, newest first; ``?q=`` looks for words in address and subject."""

    template_name = "demo/outbox.html"
    paginate_by = 30

    def get_queryset(self) -> QuerySet[RecordedMessage]:
        return RecordedMessage.objects.search(self.request.GET.get("q", "")).order_by("-pk")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(q=self.request.GET.get("q", ""), elsewhere=bool(settings.EMAIL_URL), **kwargs)


class Message(DetailView):
    """One mail: as HTML at two widths, as text, and its headers."""

    template_name = "demo/message.html"
    queryset = RecordedMessage.objects.all()


@require_safe
@xframe_options_sameorigin
def body(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the HTML of one mail for a frame of the page above."""
    message = get_object_or_404(RecordedMessage, pk=pk)
    return HttpResponse(
        message.html.replace("<head>", '<head><base target="_blank">', 1),
        headers={"Content-Security-Policy": BODY_POLICY},
    )


@require_safe
def outbox_json(request: HttpRequest) -> JsonResponse:
    """Return the newest messages, newest first: at most ``?limit=`` (200), only those ``?after=`` an id."""
    try:
        after = int(request.GET.get("after", 0))
        limit = int(request.GET.get("limit", 200))
    except ValueError:
        return JsonResponse({"error": _("after and limit are whole numbers.")}, status=400)
    messages = RecordedMessage.objects.filter(pk__gt=after).order_by("-pk")[: max(0, limit)]
    return JsonResponse([message.as_json() for message in messages], safe=False)
