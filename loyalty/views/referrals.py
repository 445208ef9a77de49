"""The page that a member's link opens, with its one button; and what a member does with their own link."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from campaigns.models import Coupon
from campaigns.services import applying, tries
from loyalty import queries, referral_words
from loyalty.services import referral_links, referral_visits
from retention import origin, pages, waits
from retention.services import customers
from retention.shop import get_shop


@transaction.non_atomic_requests  # a try that was counted stays counted, whatever comes of the rest
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def referral(request: HttpRequest, code: str) -> HttpResponse:
    """GET shows what a friend gets, and a button; POST keeps the link for this visitor's next order."""
    if request.method == "POST":
        return _accept(request, code)
    return _page(request, code)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enter(request: HttpRequest) -> HttpResponse:
    """A form for a code that somebody said aloud; it leads to the page of the code's link."""
    if request.method == "POST":
        return redirect("loyalty:referral", _plain(request.POST.get("code", "")) or "-")
    return pages.show(request, "loyalty/referral_enter.html")


@login_required
@require_POST
def make(request: HttpRequest) -> HttpResponse:
    """Give the signed-in member their link."""
    now = timezone.now()
    try:
        referral_links.make(customers.for_user(request.user, at=now), at=now)
    except referral_links.NotAMember:
        messages.error(request, _("This account has no link for friends."))
    return redirect("retention:account")


@login_required
@require_POST
def show_name(request: HttpRequest) -> HttpResponse:
    """Let the link's page say the member's first name, or no more."""
    shows = request.POST.get("shows") == "1"
    referral_links.show_name(customers.for_user(request.user, at=timezone.now()), shows)
    messages.success(
        request, _("Your link now says your first name.") if shows else _("Your link does not say your name any more.")
    )
    return redirect("retention:account")


def _plain(text: str) -> str:
    return "".join(letter for letter in text.upper() if letter.isascii() and letter.isalnum())[:16]


def _page(request: HttpRequest, code: str, *, refusal: object = "", status: int = 200) -> HttpResponse:
    now = timezone.now()
    terms = referral_links.terms()
    link = referral_links.find(code) if terms else None
    if terms is None or link is None:
        return pages.show(request, "loyalty/referral_ended.html", {"refusal": refusal}, status=404)
    context = {
        "code": link.code,
        "name": link.customer.first_name if link.shows_name else "",
        "gift": referral_words.for_friend(terms, at=now),
        "later": referral_words.for_friend_later(terms, queries.worth_rates()),
        "days": terms.link_days,
        "refusal": refusal,
    }
    return pages.show(request, "loyalty/referral.html", context, status=status)


def _accept(request: HttpRequest, code: str) -> HttpResponse:
    now = timezone.now()
    try:
        tries.count(origin=origin.of(request), session=request.session.session_key or "", at=now)
    except tries.TooMany as refusal:
        return _page(request, code, refusal=waits.after_tries(refusal.until, at=now), status=429)
    terms = referral_links.terms()
    link = referral_links.find(code) if terms else None
    if terms is None or link is None:
        return _page(request, code, status=404)
    customer = customers.for_user(request.user, at=now) if request.user.is_authenticated else None
    try:
        coupon = referral_visits.park(request, link, terms, customer=customer, at=now)
    except referral_visits.Own:
        return _page(request, code, refusal=_("This is your own link: send it to a friend."), status=422)
    except referral_visits.NotNew:
        text = _("This link is for people who order here for the first time. It is good that you are here already.")
        return _page(request, code, refusal=text, status=422)
    if coupon is None or not _apply(request, coupon, customer, now):
        messages.success(request, _("Thank you. Have a look around: we remember who sent you."))
        return redirect(get_shop().home_url())
    messages.success(request, _("Your gift goes into the basket with the first thing you put there."))
    return redirect(get_shop().home_url())


def _apply(request: HttpRequest, coupon: Coupon, customer: Any, now: Any) -> bool:
    """Put the friend's coupon into the basket, or let it wait. False where the basket may not have it."""
    try:
        applying.apply(
            request,
            coupon.code,
            email=customer.email if customer else "",
            user_id=customer.user_id if customer else None,
            at=now,
        )
    except applying.Refused:
        return False
    return True
