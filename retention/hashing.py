"""One-way names for addresses, so that limits and suppressions outlive erasure."""

from __future__ import annotations

import hmac

from django.core.exceptions import ImproperlyConfigured

from retention.conf import conf

GMAIL = ("gmail.com", "googlemail.com")


def normal(email: str) -> str:
    """Return the address in lower case, without white space around it."""
    return email.strip().lower()


def fold(email: str) -> str:
    """Return the address without what one mailbox can vary: letter case, plus-tags, dots at Gmail."""
    local, _, domain = normal(email).rpartition("@")
    local = local.split("+", 1)[0]
    if domain in GMAIL:
        local, domain = local.replace(".", ""), GMAIL[0]
    return f"{local}@{domain}"


def _hmac(key: str, name: str, value: str) -> str:
    if not key:
        raise ImproperlyConfigured(f"RETENTION[{name!r}] is empty: set it to a long random string and keep it.")
    return hmac.digest(key.encode(), value.encode(), "sha256").hex()


def customer_key(email: str) -> str:
    """Return the HMAC of the folded address, by which limits count."""
    return _hmac(conf.HASH_KEY, "HASH_KEY", fold(email))


def address_hash(email: str) -> str:
    """Return the HMAC of the unfolded address, by which suppression goes."""
    return _hmac(conf.SUPPRESSION_KEY, "SUPPRESSION_KEY", normal(email))


def person_hash(name: str) -> str:
    """Return the HMAC of what a file of before calls somebody: a number, or an address in lower case."""
    return _hmac(conf.HASH_KEY, "HASH_KEY", f"person:{name}")


def network_hash(network: str, *, purpose: str) -> str:
    """Return the HMAC of a network for one purpose, so that it says nothing for another; empty for an empty one."""
    return _hmac(conf.HASH_KEY, "HASH_KEY", f"network:{purpose}:{network}") if network else ""


def origin_hash(origin: str) -> str:
    """Return the HMAC of a network address; empty for an empty one."""
    return _hmac(conf.HASH_KEY, "HASH_KEY", f"origin:{origin}") if origin else ""
