"""The sign-up form as a page, and the page that its mailed link opens."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from retention import origin, pages
from retention.forms import SignupForm
from retention.hashing import origin_hash
from retention.models import Token
from retention.services import signup as signups
from retention.services import tokens
from retention.services.accounts import TooMany
from retention.views.account import too_many
from retention.views.links import link_ended


def signup(request: HttpRequest) -> HttpResponse:
    """Ask for the shop's mail."""
    topic = (request.POST or request.GET).get("topic", "")[:40]
    form = SignupForm(request.POST or None, initial={"source": "page", "topic": topic})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            if not data["website"]:  # only machines fill it in; they get the same thanks
                signups.ask(
                    email=data["email"],
                    source=data["source"] or "page",
                    language=get_language() or "",
                    origin=origin.of(request),
                    topic=data["topic"],
                    at=timezone.now(),
                )
        except TooMany:
            return too_many(request)
        return redirect("retention:signup_thanks")
    return pages.show(
        request,
        "retention/signup_page.html",
        {"form": form, "consent_text": signups.consent_text(topic=topic)},
        status=422 if form.errors else 200,
    )


@require_GET
def thanks(request: HttpRequest) -> HttpResponse:
    """Say that a mail is on its way, whoever asked."""
    return pages.show(request, "retention/signup_thanks.html")


@never_cache
def confirm(request: HttpRequest, secret: str) -> HttpResponse:
    """Confirm a sign-up: GET shows one button, POST confirms."""
    now = timezone.now()
    try:
        if request.method == "POST":
            signups.confirm(
                secret=secret,
                origin=origin_hash(origin.of(request)),
                language=pages.language(request) or get_language() or "",
                at=now,
            )
            return pages.show(request, "retention/signup_confirmed.html")
        topic = signups.topic_of(tokens.read(secret, purpose=Token.Purpose.CONFIRM, at=now))
    except (tokens.Invalid, tokens.Expired) as ended:
        return link_ended(request, ended, secret, Token.Purpose.CONFIRM)
    return pages.show(request, "retention/signup_confirm.html", {"consent_text": signups.consent_text(topic=topic)})
