"""Where a request comes from."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

from retention.conf import conf


def of(request: HttpRequest) -> str:
    """Return the client's network address, past as many proxies as ``NUM_PROXIES`` says.

    With none (the default) only the peer's own address is believed: X-Forwarded-For is anybody's text.
    """
    proxies = conf.NUM_PROXIES
    if proxies is None:
        proxies = getattr(settings, "REST_FRAMEWORK", {}).get("NUM_PROXIES")
    peer = str(request.META.get("REMOTE_ADDR", ""))
    if not proxies:
        return peer
    chain = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    return chain[-min(proxies, len(chain))] if chain else peer


def network(address: str) -> str:
    """Return what limits count by: the address, of IPv6 the network of one household (/64), which has them all."""
    try:
        found = ip_address(address.strip())
    except ValueError:
        return address  # a socket's name, or what a proxy wrote
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Network((int(found), 64), strict=False))
    return str(found)
