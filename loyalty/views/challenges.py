"""Taking part in a challenge."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from loyalty.models import Challenge
from loyalty.services import participants
from retention.services import customers


@login_required
@never_cache
@require_POST
def join(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the signed-in shopper take part from now on, and go back to their page; twice is once."""
    now = timezone.now()
    challenge = get_object_or_404(Challenge, pk=pk)
    try:
        participants.join(challenge, customers.for_user(request.user, at=now), at=now)
    except participants.NotOpen:
        messages.error(request, _("This challenge is not open now."))
    except participants.NotForThem:
        messages.error(request, _("This challenge is not for your account."))
    except participants.NoJoining:
        messages.info(request, _("You take part in this challenge by ordering: there is nothing to join."))
    else:
        messages.success(request, _("You take part. Your orders count from now on."))
    return redirect("retention:account")
