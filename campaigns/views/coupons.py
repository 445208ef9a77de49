"""The page that a coupon's link opens, and its one button."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from campaigns import reasons
from campaigns.services import applying, codes, tries
from retention import origin, pages, waits
from retention.shop import get_shop


@transaction.non_atomic_requests  # a try that was counted stays counted, whatever comes of the rest
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def coupon(request: HttpRequest, code: str) -> HttpResponse:
    """GET shows the code and a button, and looks nothing up; POST puts the code into the basket."""
    if request.method == "POST":
        return _apply(request, code)
    return _page(request, code)


def _page(request: HttpRequest, code: str, *, refusal: object = "", status: int = 200) -> HttpResponse:
    context = {"code": codes.normal(code), "refusal": refusal}
    return pages.show(request, "campaigns/coupon.html", context, status=status)


def _apply(request: HttpRequest, code: str) -> HttpResponse:
    user = request.user if request.user.is_authenticated else None
    now = timezone.now()
    try:
        tries.count(origin=origin.of(request), session=_session(request), at=now)
        in_basket = applying.apply(
            request,
            code,
            email=getattr(user, "email", "") or "",
            user_id=user.pk if user else None,
            at=now,
        )
    except tries.TooMany as refusal:
        return _page(request, code, refusal=waits.after_tries(refusal.until, at=now), status=429)
    except applying.Refused:
        return _page(request, code, refusal=reasons.SENTENCE, status=422)
    if in_basket:
        messages.success(request, _("Your coupon is in the basket."))
        return redirect(get_shop().cart_url())
    messages.success(request, _("We keep your coupon: it goes into the basket with the first thing you put there."))
    return redirect(get_shop().home_url())


def _session(request: HttpRequest) -> str:
    """Return the session's name as the shop's own voucher form has it: a guest's basket stands for one."""
    cart = None if request.session.session_key else get_shop().get_cart(request)
    return request.session.session_key or (f"basket:{cart.reference}" if cart and cart.reference else "")
