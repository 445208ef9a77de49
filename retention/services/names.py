"""Asking name servers, for a few seconds at most."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterable

import dns.exception
import dns.nameserver
import dns.resolver

from retention.conf import conf

PATIENCE = 3.0
"""Seconds to wait for one answer."""
ALTOGETHER = 12.0
"""Seconds for all questions of one visit to the doctor."""


class Silent(Exception):
    """No name server answers."""


class Unknown(LookupError):
    """There is no such name."""


class Faulty(Exception):
    """The name's own servers do not answer rightly; the text says how."""


class Names:
    """Asks for records. Raises Silent once no server answers or the time is up."""

    def __init__(self, servers: Iterable[str] | None = None) -> None:
        servers = conf.NAME_SERVERS if servers is None else servers
        self._ends = time.monotonic() + ALTOGETHER
        try:
            self._resolver = dns.resolver.Resolver(configure=not servers)
        except (dns.exception.DNSException, OSError) as error:
            raise Silent(f"this machine names no name server ({type(error).__name__})") from error
        if servers:
            self._resolver.nameservers = [_server(server) for server in servers]
        self._resolver.timeout = PATIENCE / 2
        self._known: dict[tuple[str, str], list[str]] = {}

    def ask(self, name: str, kind: str) -> list[str]:
        """Return the records of this kind, none where the name has none. Raises Silent, Unknown, Faulty."""
        if (name, kind) not in self._known:
            self._known[name, kind] = self._ask(name, kind)
        return self._known[name, kind]

    def texts(self, name: str) -> list[str]:
        """Return the TXT records of a name, each in one piece; none where there is no such name."""
        try:
            return self.ask(name, "TXT")
        except Unknown:
            return []

    def _ask(self, name: str, kind: str) -> list[str]:
        left = min(PATIENCE, self._ends - time.monotonic())
        if left <= 0:
            raise Silent("the name servers are too slow")
        try:
            answer = self._resolver.resolve(name, kind, lifetime=left, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN as error:
            raise Unknown(name) from error
        except dns.exception.Timeout as error:
            raise Silent("no name server answers") from error
        except dns.resolver.NoNameservers as error:
            if _nobody_is_there(error):
                raise Silent("no name server answers") from error
            raise Faulty(f"the name servers of {name} fail") from error
        except OSError as error:
            raise Silent(f"there is no network ({type(error).__name__})") from error
        except (dns.exception.DNSException, UnicodeError, ValueError) as error:
            raise Faulty(f"{name!r} is no name that can be asked for ({type(error).__name__})") from error
        if kind == "TXT":
            return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
        return [record.to_text() for record in answer]


def _nobody_is_there(error: dns.resolver.NoNameservers) -> bool:
    """Whether every server failed to be reached, rather than answering that it cannot say."""
    tried = error.kwargs.get("errors") or []
    return bool(tried) and all(isinstance(one[3], OSError | dns.exception.Timeout) for one in tried)


def _server(given: str) -> dns.nameserver.Do53Nameserver:
    """Return a server of ``9.9.9.9``, ``9.9.9.9:53``, ``2620:fe::fe`` or ``[2620:fe::fe]:53``. Raises Silent."""
    host, _, port = given.rpartition(":")
    try:
        try:
            return dns.nameserver.Do53Nameserver(str(ipaddress.ip_address(given.strip("[]"))))
        except ValueError:
            return dns.nameserver.Do53Nameserver(str(ipaddress.ip_address(host.strip("[]"))), int(port))
    except ValueError as error:
        raise Silent(f'RETENTION["NAME_SERVERS"] names {given!r}, which is no address of a server') from error
