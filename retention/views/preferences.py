"""Leaving, in one click, without a log-in, a cookie or a token of a session; and coming back."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from retention import links, pages
from retention.models import Customer
from retention.models.consent import Purpose
from retention.services import consent


@csrf_exempt  # RFC 8058: the mail program posts with no cookie and no token; the link is signed
@never_cache
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Show one button; a POST stops this kind of mail at once, or starts it again. Answers 200, never a redirect."""
    read = links.read_unsubscribe_token(token)
    customer = Customer.objects.filter(pk=read[0]).select_related("absorbed_into").first() if read else None
    if read is None or customer is None:
        context = {"used": False, "known": False}
        return pages.show(request, "retention/link_ended.html", context, status=404)
    customer = customer.absorbed_into or customer
    purpose = Purpose(read[1])
    state = "ask"
    if request.method == "POST":
        now = timezone.now()
        if request.POST.get("undo"):
            consent.resubscribe(customer, purpose=purpose, source="undo of an unsubscribe", at=now)
            state = "back"
        else:
            consent.unsubscribe(customer, purpose=purpose, source="unsubscribe link", at=now)
            state = "gone"
    return pages.show(request, "retention/unsubscribe.html", {"state": state, "purpose": purpose.label})
