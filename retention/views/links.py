"""The pages that account links open. GET shows a button and nothing personal; POST uses the link up."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from retention import pages
from retention.forms import PasswordForm
from retention.models import Token
from retention.services import accounts, tokens
from retention.views.account import too_many

RENEWED = (Token.Purpose.CLAIM, Token.Purpose.SIGN_IN, Token.Purpose.CONFIRM)
"""Links of these purposes can be asked for again; an invitation cannot."""


@never_cache
@sensitive_post_parameters("password")
def enter(request: HttpRequest, secret: str) -> HttpResponse:
    """Prove an address: attach its guest orders, and open the account where there is none."""
    return _door(request, secret, Token.Purpose.CLAIM)


@never_cache
def sign_in(request: HttpRequest, secret: str) -> HttpResponse:
    """Sign in to the account that an address has, and attach its guest orders."""
    return _door(request, secret, Token.Purpose.SIGN_IN)


def _door(request: HttpRequest, secret: str, purpose: Token.Purpose) -> HttpResponse:
    now = timezone.now()
    try:
        token = tokens.read(secret, purpose=purpose, at=now)
    except (tokens.Invalid, tokens.Expired) as ended:
        return link_ended(request, ended, secret, purpose)
    asks_password = accounts.needs_password(token, visitor=request.user)
    form = PasswordForm(request.POST if request.method == "POST" else None, email=token.customer.email)
    context = {
        "form": form if asks_password else None,
        "purpose": purpose,
        "exists": accounts.find_account(token.customer) is not None,
    }
    if request.method != "POST":
        return pages.show(request, "retention/enter.html", context)
    if asks_password and not form.is_valid():
        return pages.show(request, "retention/enter.html", context, status=422)
    password = form.cleaned_data["password"] if asks_password else None
    try:
        user = accounts.enter(request, secret=secret, purpose=purpose, password=password, at=now)
    except (tokens.Invalid, tokens.Expired) as ended:
        return link_ended(request, ended, secret, purpose)
    if request.user != user:
        login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return redirect("retention:account")


def link_ended(request: HttpRequest, ended: Exception, secret: str, purpose: str) -> HttpResponse:
    """Say that a link is over, and offer a new one where it was ours."""
    context = {
        "used": isinstance(ended, tokens.Used),
        "known": isinstance(ended, tokens.Expired),
        "secret": secret if isinstance(ended, tokens.Expired) else "",
        "purpose": purpose,
    }
    return pages.show(request, "retention/link_ended.html", context, status=410 if context["known"] else 404)


@require_POST
def again(request: HttpRequest) -> HttpResponse:
    """Mail a new link in place of one that ended; who has the old one in hand need not type the address."""
    now = timezone.now()
    purpose = request.POST.get("purpose", "")
    try:
        tokens.read(request.POST.get("secret", ""), purpose=purpose if purpose in RENEWED else "", at=now)
    except tokens.Expired as ended:
        try:
            accounts.ask_again(ended.token, at=now)
        except accounts.TooMany:
            return too_many(request)
    except tokens.Invalid as ended:
        return link_ended(request, ended, "", "")
    return redirect("retention:account_done")
