"""Every way to misconfigure the adapter that can be seen at start-up. Ids are never reused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning, register
from django.template import TemplateDoesNotExist, TemplateSyntaxError, engines
from django.template.backends.django import DjangoTemplates
from django.template.loader_tags import ExtendsNode

from retention.conf import conf
from retention.contrib.oscar import registering

HERE = Path(__file__).resolve().parent
MIDDLEWARE = "retention.contrib.oscar.middleware.CheckoutMiddleware"
BASKET = "oscar.apps.basket.middleware.BasketMiddleware"
OVERRIDES = {
    "oscar/checkout/thank_you.html": "{% load retention %}{% retention_prompt %}{% retention_order_notes %}",
    "oscar/checkout/preview.html": "{% load retention_oscar %}{% retention_opt_out %}",
    "oscar/basket/partials/basket_content.html": (
        "{% load retention %}{% retention_basket %}{% retention_basket_notes %}"
    ),
    "oscar/catalogue/detail.html": "{% load retention %}{% retention_product product.pk price currency %}",
    "oscar/customer/baseaccountpage.html": "a link to {% url 'retention:account' %}",
}
"""Template of Oscar's → what the merchant writes into their own copy of it."""


@register()
def adapter(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return [*_app_order(), *_templates(), *_middleware(), *_statuses(), *_host(), *_registration()]


def _app_order() -> Iterator[CheckMessage]:
    names = [config.name for config in apps.get_app_configs()]
    hosts = [index for index, config in enumerate(apps.get_app_configs()) if config.label == "oscar"]
    if hosts and names.index("retention.contrib.oscar") > hosts[0]:
        yield Error(
            "retention.contrib.oscar is listed after Oscar: its templates never stand before Oscar's.",
            hint='Put "retention.contrib.oscar" before "oscar.config.Shop" in INSTALLED_APPS.',
            id="retention_oscar.E001",
        )


def _templates() -> Iterator[CheckMessage]:
    for name, cure in OVERRIDES.items():
        if not is_chained(name):
            yield Warning(
                f"The shop's own {name} hides ours.",
                hint=f"Let it extend the template of the same name, or write into it: {cure}",
                id="retention_oscar.W002",
            )


def is_chained(name: str) -> bool:
    """Whether our template of this name is used: it is the first, or each before it extends the same name."""
    engine = next((found.engine for found in engines.all() if isinstance(found, DjangoTemplates)), None)
    hidden: list[Any] = []
    while engine is not None:
        try:
            template, origin = engine.find_template(name, skip=hidden)
        except (TemplateDoesNotExist, TemplateSyntaxError):
            return False
        if HERE in Path(origin.name).resolve().parents:
            return True
        parents = [
            getattr(node.parent_name, "var", None) for node in template.nodelist if isinstance(node, ExtendsNode)
        ]
        if parents != [name]:
            return False
        hidden.append(origin)
    return False


def _middleware() -> Iterator[CheckMessage]:
    listed: Sequence[str] = settings.MIDDLEWARE
    if MIDDLEWARE not in listed:
        yield Error(
            "The checkout middleware is missing: no opt-out is kept, and a used coupon fails after payment.",
            hint=f'Add "{MIDDLEWARE}" at the end of MIDDLEWARE.',
            id="retention_oscar.E003",
        )
    elif BASKET in listed and listed.index(MIDDLEWARE) < listed.index(BASKET):
        yield Error(
            "The checkout middleware stands before Oscar's basket middleware: there is no basket yet.",
            hint=f'Put "{MIDDLEWARE}" after "{BASKET}".',
            id="retention_oscar.E004",
        )


def _statuses() -> Iterator[CheckMessage]:
    if "cancelled" not in conf.STATUS_TIMES.values():
        yield Warning(
            'RETENTION["STATUS_TIMES"] names no status that means cancelled: coupons and points never go back.',
            hint='e.g. {"Shipped": "fulfilled", "Complete": "delivered", "Cancelled": "cancelled"}',
            id="retention_oscar.W005",
        )


def _host() -> Iterator[CheckMessage]:
    if not getattr(settings, "OSCAR_ALLOW_ANON_CHECKOUT", False):
        yield Warning(
            "Guests cannot check out, so nobody meets the prompt for an account after it.",
            hint="OSCAR_ALLOW_ANON_CHECKOUT = True",
            id="retention_oscar.W006",
        )
    if conf.SHOP and not conf.SHOP.startswith("retention.contrib.oscar."):
        yield Info(
            f'RETENTION["SHOP"] is {conf.SHOP}: fine if it is a subclass of OscarShop.', id="retention_oscar.I007"
        )


def _registration() -> Iterator[CheckMessage]:
    if conf.REGISTRATION_ASKS and conf.REGISTRATION_ASKS not in registering.LABELS:
        yield Error(
            f'RETENTION["REGISTRATION_ASKS"] = {conf.REGISTRATION_ASKS!r} is no question, so nothing is asked.',
            hint='"opt_out", "opt_in", or "" for no box.',
            id="retention_oscar.E008",
        )
