"""Links between pages of admin."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString


def listing(model: str, words: object, **filters: object) -> SafeString:
    """Return a link to a list of loyalty's, filtered."""
    url = reverse(f"admin:retention_loyalty_{model}_changelist")
    return format_html('<a href="{}?{}">{}</a>', url, urlencode(filters), words)


def row(model: str, pk: int, words: object) -> SafeString:
    """Return a link to one row of loyalty's."""
    return format_html('<a href="{}">{}</a>', reverse(f"admin:retention_loyalty_{model}_change", args=[pk]), words)
