"""A member's link for friends, for the shop's own templates: a hook, and no prompt of its own."""

from __future__ import annotations

import logging
from typing import Any

from django import template

from loyalty import referral_sections
from loyalty.models import ReferralLink
from loyalty.services import referral_links

log = logging.getLogger(__name__)

register = template.Library()


@register.simple_tag
def referral_url(user: Any) -> str:
    """Return the link that a signed-in member hands on; empty for guests, before it is made, and without terms.

    Usage: ``{% load loyalty_friends %}{% referral_url request.user as url %}``. It never breaks the page.
    """
    try:
        if not getattr(user, "is_authenticated", False) or referral_links.terms() is None:
            return ""
        link = ReferralLink.objects.filter(customer__user=user.pk).first()
        return referral_sections.url_of(link) if link else ""
    except Exception:
        log.exception("a link for friends could not be shown")
        return ""
