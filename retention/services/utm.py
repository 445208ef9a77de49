"""Tags of the merchant's choice on the links of a mail to the shop, so that its statistics know where visits come from.

Nothing personal is in them. A link that holds a secret gets none: it opens one person's page, and a page that
reads statistics must not be told of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape, unescape
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.urls import Resolver404, get_script_prefix, resolve
from django.utils import translation

from retention.conf import conf
from retention.models import Sending

SECRETS = {"secret", "token"}
"""What a route captures by which one person is known: ours, and Django's own password reset."""

HREF = re.compile(r"""(<a\b[^>]*?\bhref=)(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
ENDS = ".,;:!?)]}'»”"
"""Punctuation after a URL in a sentence, which is not of it."""


def tags(mail: str) -> dict[str, str]:
    """Return the tags for links in this mail; none where neither source nor medium is chosen."""
    row = Sending.objects.only("utm_source", "utm_medium", "utm_campaign").first()
    if row is None or not (row.utm_source or row.utm_medium):
        return {}
    chosen = {"utm_source": row.utm_source, "utm_medium": row.utm_medium, "utm_campaign": row.utm_campaign or mail}
    return {name: value for name, value in chosen.items() if value}


def in_html(html: str, tags: Mapping[str, str]) -> str:
    """Return HTML whose links to the shop have the tags."""

    def put(found: re.Match[str]) -> str:
        old = found[2] if found[2] is not None else found[3]
        url = unescape(old)
        new = tagged(url, tags)
        return found[0] if new == url else f'{found[1]}"{escape(new)}"'

    return HREF.sub(put, html)


def in_text(text: str, tags: Mapping[str, str]) -> str:
    """Return plain text whose links to the shop have the tags."""

    def put(found: re.Match[str]) -> str:
        url = found[0].rstrip(ENDS)
        return tagged(url, tags) + found[0][len(url) :]

    return URL.sub(put, text)


def tagged(url: str, tags: Mapping[str, str]) -> str:
    """Return a URL with the tags behind its own query, before its fragment.

    As it was: of another host, with tags of its own, or to a page that only a secret opens.
    """
    try:
        parts, shop = urlsplit(url), urlsplit(conf.BASE_URL)
        ours = (parts.scheme, parts.hostname, parts.port) == (shop.scheme, shop.hostname, shop.port)
    except ValueError:  # a port that is no number, a broken IPv6 address
        return url
    if not ours or not parts.hostname or is_secret(parts.path):
        return url
    if any(name.lower().startswith("utm_") for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
        return url
    added = urlencode(tags, quote_via=quote)
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))


def is_secret(path: str) -> bool:
    """Whether a path of the shop's holds what opens one person's page."""
    prefix = get_script_prefix()
    within = unquote("/" + path[len(prefix) :] if path.startswith(prefix) else path)
    # a path that begins with a language is only known while that language is active
    language = translation.get_language_from_path(within) or translation.get_language() or settings.LANGUAGE_CODE
    with translation.override(language):
        try:
            return bool(SECRETS & resolve(within).kwargs.keys())
        except Resolver404:
            return False
