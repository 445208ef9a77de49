"""For merchants who have their own copy of Oscar's preview page."""

from __future__ import annotations

from typing import Any

from django import template

from retention.contrib.oscar import choices

register = template.Library()


@register.inclusion_tag("retention_oscar/opt_out.html", takes_context=True)
def retention_opt_out(context: template.Context, form: str = "place_order_form") -> dict[str, Any]:
    """Show the soft opt-in line with its box. ``form``: id of the form that places the order.

    Usage: ``{% load retention_oscar %}{% retention_opt_out %}`` anywhere on the preview page.
    """
    return {
        "words": choices.wording(),
        "ticked": choices.ticked(context["request"]),
        "form": form,
        "shown": choices.SHOWN,
        "name": choices.TICKED,
    }
