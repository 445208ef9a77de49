"""Tiers for the shop's own templates: who may see what others do not see yet."""

from __future__ import annotations

import logging
from typing import Any

from django import template

from loyalty.services import tiers

log = logging.getLogger(__name__)

register = template.Library()


@register.simple_tag(takes_context=True)
def in_tier(context: Any, name: str) -> bool:
    """Return whether the visitor stands in the tier of that name or above it; False for who is not signed in.

    Usage: ``{% load loyalty_tiers %}{% in_tier "Gold" as early %}{% if early %}…{% endif %}``.
    It never breaks the page.
    """
    try:
        user = getattr(context.get("request"), "user", None)
        return user is not None and user.is_authenticated and tiers.stands_in(user.pk, name)
    except Exception:
        log.exception("whether somebody stands in a tier could not be asked")
        return False
