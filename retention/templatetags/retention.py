"""The first API for templates: a prompt, a sign-up form, a link to the account page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

from django import template
from django.db import transaction
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from retention import registry
from retention.forms import PasswordForm, SignupForm
from retention.registry import Words
from retention.services import prompts
from retention.services import signup as signups
from retention.shop import ProductData, get_shop
from retention.views.account import gains

log = logging.getLogger(__name__)

register = template.Library()


@register.simple_tag(takes_context=True)
def retention_prompt(context: template.Context) -> SafeString:
    """Show the account prompt for the order that this session has just placed; nothing where none is wanted.

    Usage: ``{% load retention %}{% retention_prompt %}`` on the thank-you page. It never breaks the page:
    a failure is logged and nothing is shown.
    """
    try:
        # a failed query must not end the transaction in which a shop may render its pages
        with nullcontext() if transaction.get_autocommit() else transaction.atomic():
            return _prompt(context)
    except Exception:
        log.exception("the account prompt could not be shown")
        return mark_safe("")


def _prompt(context: template.Context) -> SafeString:
    request = context["request"]
    order = None if request.user.is_authenticated else get_shop().get_request_order(request)
    now = timezone.now()
    if order is None or order.user_id is not None or not order.email:
        return mark_safe("")
    if not prompts.wanted(name=prompts.ACCOUNT, order=order.reference, email=order.email, at=now):
        return mark_safe("")
    prompts.note_shown(name=prompts.ACCOUNT, order=order.reference, email=order.email, at=now)
    found = gains(order)
    headline = next((gain.headline for gain in found if gain.headline), "")
    return render_to_string(
        "retention/prompt.html",
        {"form": PasswordForm(email=order.email), "gains": found, "headline": headline, "email": order.email},
        request=request,
    )


@register.simple_tag(takes_context=True)
def retention_thanks(context: template.Context) -> SafeString:
    """Say what the order that this session has just placed brings, e.g. what the shop gives to a cause for it.

    Usage: ``{% load retention %}{% retention_thanks %}`` on the thank-you page. It never breaks the page: a failure is
    logged and nothing is shown.
    """
    try:
        with nullcontext() if transaction.get_autocommit() else transaction.atomic():
            order = get_shop().get_request_order(context["request"])
            said = [words for build in registry.thanks for words in build(order)] if order else []
            return render_to_string("retention/thanks.html", {"said": said}) if said else mark_safe("")
    except Exception:
        log.exception("the thank-you page could not say what the order brings")
        return mark_safe("")


@register.simple_tag(takes_context=True)
def retention_basket(context: template.Context) -> SafeString:
    """Say one thing that helps with the request's basket, e.g. that the shopper holds a coupon for it.

    Usage: ``{% load retention %}{% retention_basket %}`` on the basket page. It never breaks the page: a failure is
    logged and nothing is shown.
    """
    try:
        with nullcontext() if transaction.get_autocommit() else transaction.atomic():
            return _basket(context)
    except Exception:
        log.exception("a nudge could not be shown in the basket")
        return mark_safe("")


def _basket(context: template.Context) -> SafeString:
    request, now = context["request"], timezone.now()
    for build in registry.basket_nudges:
        if (found := build(request, now)) is not None:
            return render_to_string(found["template"], {**found}, request=request)
    return mark_safe("")


@register.simple_tag(takes_context=True)
def retention_product(context: template.Context, product: Any, price: Any = None, currency: str = "") -> SafeString:
    """Say below a product's price what our apps have to say of it, e.g. what it earns.

    ``product``: the shop's product with a ``pk``, or its reference; price and currency as the shopper sees them.
    Usage: ``{% load retention %}{% retention_product product.pk price.incl_tax price.currency %}``. It never breaks the
    page: a failure is logged and nothing is shown.
    """
    if price in (None, "") or not currency:
        return mark_safe("")

    def notes(request: HttpRequest) -> Iterator[Words]:
        reference = str(getattr(product, "pk", product))
        data = ProductData(reference=reference, title="", price=Decimal(str(price)), currency=currency)
        for build in registry.product_notes:
            yield build(request, data, timezone.now())

    return _notes(context, notes, about="a product")


@register.simple_tag(takes_context=True)
def retention_basket_notes(context: template.Context) -> SafeString:
    """Say below the basket's total what our apps have to say of it. Usage as ``retention_basket``."""

    def notes(request: HttpRequest) -> Iterator[Words]:
        cart = get_shop().get_cart(request) if list(registry.basket_notes) else None
        for build in registry.basket_notes if cart is not None else ():
            yield build(request, cart, timezone.now())

    return _notes(context, notes, about="the basket")


@register.simple_tag(takes_context=True)
def retention_order_notes(context: template.Context) -> SafeString:
    """Say on the thank-you page what our apps have to say of the order that this session has just placed."""

    def notes(request: HttpRequest) -> Iterator[Words]:
        order = get_shop().get_request_order(request) if list(registry.order_notes) else None
        for build in registry.order_notes if order is not None else ():
            yield build(request, order, timezone.now())

    return _notes(context, notes, about="an order")


def _notes(context: template.Context, notes: Callable[[HttpRequest], Iterator[Words]], *, about: str) -> SafeString:
    try:
        with nullcontext() if transaction.get_autocommit() else transaction.atomic():
            said = [note for note in notes(context["request"]) if note]
            return render_to_string("retention/notes.html", {"notes": said}) if said else mark_safe("")
    except Exception:
        log.exception("notes on %s could not be shown", about)
        return mark_safe("")


@register.simple_tag(takes_context=True)
def retention_signup(context: template.Context, source: str = "form", topic: str = "") -> SafeString:
    """Show the form that asks for the shop's mail. ``source`` is kept with the consent: letters, digits, hyphens.

    ``topic`` is the slug of the only topic that is asked for: ``{% retention_signup source="footer" topic="news" %}``.
    """
    return render_to_string(
        "retention/signup_form.html",
        {
            "form": SignupForm(initial={"source": source, "topic": topic}, auto_id=f"retention-{source}-%s"),
            "consent_text": signups.consent_text(topic=topic),
        },
        request=context.get("request"),
    )
