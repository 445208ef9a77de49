"""Taking a coupon out of the basket again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from campaigns.services import codes, parking
from retention.shop import Capability, get_shop


@require_POST
def take_out(request: HttpRequest, code: str) -> HttpResponse:
    """Take a code out of the request's basket, or out of its waiting place, and go back to the basket."""
    shop = get_shop()
    if Capability.BASKET in shop.capabilities:
        shop.remove_coupon(request, codes.normal(code))
    parking.remove(request, code)
    messages.success(request, _("The coupon is out of your basket. You can use it another time."))
    return redirect(shop.cart_url())
