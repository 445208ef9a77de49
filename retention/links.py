"""Links that mails carry: absolute, short, and signed for ever where they say no."""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils.translation import get_language

from retention.conf import conf

MAC_BYTES = 8
PURPOSES = ("marketing", "survey")
"""Never reordered: its index is in links that must work for ever."""


def absolute(path: str) -> str:
    """Return ``path`` of this shop as a URL for a mail."""
    return conf.BASE_URL.rstrip("/") + path


def _mac(key: str, body: bytes) -> bytes:
    return hmac.digest(key.encode(), b"unsubscribe:" + body, "sha256")[:MAC_BYTES]


def unsubscribe_token(*, customer: int, purpose: str) -> str:
    """Return the signed name of a customer and a purpose: short, and valid for ever.

    RFC 8058 links must work without a log-in; stored rows would have to be kept for ever instead.
    """
    if not conf.LINK_KEYS:
        raise ImproperlyConfigured('RETENTION["LINK_KEYS"] is empty: set it to a list with a long random string.')
    body = bytes([PURPOSES.index(purpose)]) + customer.to_bytes(max(1, (customer.bit_length() + 7) // 8), "big")
    return base64.urlsafe_b64encode(body + _mac(conf.LINK_KEYS[0], body)).rstrip(b"=").decode()


def read_unsubscribe_token(token: str) -> tuple[int, str] | None:
    """Return customer id and purpose, or None when no key of ours signed this."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return None
    body, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
    if len(body) < 2 or len(body) > 9 or body[0] >= len(PURPOSES):
        return None
    if not any(hmac.compare_digest(mac, _mac(key, body)) for key in conf.LINK_KEYS):
        return None
    return int.from_bytes(body[1:], "big"), PURPOSES[body[0]]


@dataclass(frozen=True, kw_only=True)
class Exits:
    """The pages that a token opens for who reads a mail: what stands before and behind it in their URLs."""

    unsubscribe: tuple[str, str]
    preferences: tuple[str, str]

    def urls(self, *, customer: int, purpose: str) -> tuple[str, str]:
        """Return the one URL of the List-Unsubscribe header (RFC 8058), and that of the page where the reader chooses
        which mail they get: both good for ever."""
        token = unsubscribe_token(customer=customer, purpose=purpose)
        return token.join(self.unsubscribe), token.join(self.preferences)


def exits() -> Exits:
    """Return where mails lead to who wants fewer of them; looked up once for many."""
    where = (get_urlconf() or settings.ROOT_URLCONF, get_script_prefix(), get_language())
    return Exits(
        unsubscribe=_around("retention:unsubscribe", *where), preferences=_around("retention:preferences", *where)
    )


def unsubscribe_url(*, customer: int, purpose: str) -> str:
    """Return the one URL of the List-Unsubscribe header (RFC 8058)."""
    return exits().urls(customer=customer, purpose=purpose)[0]


def preferences_url(unsubscribe_url: str) -> str:
    """Return the page where the reader of a mail chooses which mail they get: by the same token, good for ever."""
    return unsubscribe_url.rpartition("/")[2].join(exits().preferences)


def _around(name: str, *decided_by: str | None) -> tuple[str, str]:
    before, after = _path_around(name, *decided_by)
    return absolute(before), after


@lru_cache(maxsize=16)
def _path_around(name: str, *decided_by: str | None) -> tuple[str, str]:
    """Return what stands before and behind a token in the path of a page. Asked for each mail, it takes time."""
    before, _, after = reverse(name, args=["-TOKEN-"]).partition("-TOKEN-")
    return before, after
