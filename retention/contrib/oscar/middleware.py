"""What cannot be done by Oscar's signals: see before the order is placed, and before a code is looked up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from retention.contrib.oscar import attempts, choices, guarding, parcels, registering, resuming

PREVIEW = "checkout:preview"
VOUCHER_FORM = "basket:vouchers-add"
BASKET = "basket:summary"
CHECKOUT = "checkout:"
"""What the pages of the checkout are called."""


class CheckoutMiddleware:
    """List it after ``oscar.apps.basket.middleware.BasketMiddleware``.

    It acts on two POSTs: the one that places an order and the one that tries a code. It puts a box into the form of the
    registration pages. And when the basket or a page of
    the checkout is looked at, it ends what the POST of a link began: a coupon that waited for a basket is put into it.
    """

    def __init__(self, get_response: Callable[[Any], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponseBase:
        token = choices.current.set(request)
        try:
            response = self.get_response(request)
        finally:
            choices.current.reset(token)
        # a payment page elsewhere may bring the shopper back by any URL; a session that nobody opened has no news
        if hasattr(request, "session") and request.session.accessed and choices.KEY in request.session:
            choices.keep_late(request, at=timezone.now())
        parcels.keep_late(request, at=timezone.now())
        attempts.end(request, at=timezone.now())
        return response

    def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        if request.resolver_match is None:
            return None
        name = request.resolver_match.view_name
        if request.method == "GET" and (name == BASKET or name.startswith(CHECKOUT)):
            resuming.resume(request, at=timezone.now())
            resuming.put_standing(request, at=timezone.now())
        if request.method != "POST":
            return None
        if name == PREVIEW and request.POST.get("action") == "place_order":
            return self.place_order(request)
        if name == VOUCHER_FORM:
            return self.try_code(request)
        return None

    def process_template_response(self, request: Any, response: Any) -> Any:
        """Put our box into the form of a registration page."""
        if request.resolver_match is not None:
            registering.ask(request, response)
        return response

    def place_order(self, request: Any) -> HttpResponse | None:
        """Keep the choice, reserve the coupons; a refusal goes back to the preview with the new total."""
        choices.remember(request)
        parcels.begin(request)
        code = guarding.refused(request, at=timezone.now())
        if code is None:
            return None
        messages.warning(
            request,
            _(
                "The code %(code)s cannot be used for this order, so we have taken it out. "
                "Nothing has been charged: please look at the new total before you place the order."
            )
            % {"code": code},
        )
        return redirect(PREVIEW)

    def try_code(self, request: Any) -> HttpResponse | None:
        """Count the try before Oscar looks the code up."""
        now = timezone.now()
        until = attempts.blocked(request, at=now)
        if until is not None:
            attempts.wait(request, until, at=now)
            return redirect("basket:summary")
        attempts.begin(request)
        return None
