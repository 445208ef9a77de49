"""Leaving the programme and coming back: one press each."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from loyalty.models import Claim
from loyalty.services import leaving, using
from retention.services import customers


@login_required
@never_cache
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Let the signed-in shopper leave; twice is once. What they have claimed goes out of their own basket."""
    now = timezone.now()
    customer = customers.for_user(request.user, at=now)
    for made in Claim.objects.filter(account__customer=customer, state=Claim.State.RESERVED).select_related("coupon"):
        using.leave(request, made, at=now)
    try:
        leaving.leave(customer, at=now)
    except leaving.NotAMember:
        raise Http404 from None
    messages.success(request, _("You have left the programme."))
    return redirect("retention:account")


@login_required
@never_cache
@require_POST
def come_back(request: HttpRequest) -> HttpResponse:
    """Let the signed-in shopper be in again; twice is once."""
    now = timezone.now()
    leaving.come_back(customers.for_user(request.user, at=now), at=now)
    messages.success(request, _("You are in the programme. What you order from now on earns again."))
    return redirect("retention:account")
