"""Asking the links of a text whether their pages are there, without being led to what is private.

Only addresses that staff wrote into the text are asked, at most ten, none that holds a value of a recipient, and
only on a press of a button. No redirect is followed. A name is looked up once, and the address that came of it is the
one that is spoken to: a name that changes its address in between leads nowhere else.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit

from django.utils.translation import gettext as _

from retention.conf import conf
from retention.mail import Mail
from retention.models import Text
from retention.services import rendering, samples, utm
from retention.services.hints import Hint
from retention.services.markup import read

AT_MOST = 10
PATIENCE = 3
"""Seconds for each step: to connect, and to answer."""
PORTS = {"http": 80, "https": 443}
NO_HEAD = {403, 405, 501}
"""Answers of servers that do not take HEAD; they are asked by GET."""


class Refused(Exception):
    """This address is not asked."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    url: str
    status: int | None
    """None: nobody answered, or it was not asked."""
    refused: bool = False


def of_text(mail: Mail, text: Text) -> list[Hint]:
    """Return a hint for each link of a text that leads nowhere. Takes some seconds. Raises CannotRender."""
    urls = links(mail, text)
    return list(_hints(ask(urls), more=len(urls) - AT_MOST))


def links(mail: Mail, text: Text) -> list[str]:
    """Return the web addresses of a text, each once, without those that stand for a recipient's own."""
    values = samples.values(mail, language=text.language, first_name="Ada")
    written = rendering.render(mail, language=text.language, values=values, own={text.language: text})
    found = [url for url, _words in read(written.html).links if url.lower().startswith(("http://", "https://"))]
    return [url for url in dict.fromkeys(found) if not _is_somebodys(url)]


def _is_somebodys(url: str) -> bool:
    """Whether a link stands for a recipient's own, or for one that a sample has made up."""
    if not url.startswith(f"{conf.BASE_URL}/"):
        return url.startswith("https://shop.example/")
    path = url.removeprefix(conf.BASE_URL).partition("?")[0]
    return path.startswith(samples.PAGE) or utm.is_secret(path)


def ask(urls: Sequence[str]) -> list[Answer]:
    """Ask the first ten, all at once."""
    with ThreadPoolExecutor(max_workers=AT_MOST) as pool:
        return list(pool.map(_ask, urls[:AT_MOST]))


def _hints(answers: Sequence[Answer], *, more: int) -> Iterator[Hint]:
    for answer in answers:
        if answer.refused:
            what = _("%(url)s was not asked: it is not on the public net.")
            cure = _("Is it an address that your customers can reach?")
        elif answer.status is None:
            what, cure = _("%(url)s does not answer."), _("Is it spelled right, and is the server up?")
        elif answer.status in (404, 410):
            what, cure = _("%(url)s leads to no page."), _("Mend the link, or put the page back.")
        elif answer.status >= 500:
            what, cure = _("%(url)s answers with an error."), _("Open it in a browser and look.")
        else:
            continue
        yield Hint(part="html", what=what % {"url": answer.url}, cure=cure)
    if more > 0:
        what = _("Only the first %(count)d links were asked.") % {"count": AT_MOST}
        yield Hint(part="html", what=what, cure=_("Open the others yourself."))


def _ask(url: str) -> Answer:
    try:
        parts = urlsplit(url)
        address = _address(parts)
        status = _status("HEAD", parts, address)
        if status in NO_HEAD:
            status = _status("GET", parts, address)
    except Refused:
        return Answer(url=url, status=None, refused=True)
    except (OSError, http.client.HTTPException, ValueError):
        return Answer(url=url, status=None)
    return Answer(url=url, status=status)


def _address(parts: SplitResult) -> tuple[str, int]:
    """Return the address and port to speak to. Raises Refused for what is not on the public net, but the shop's own."""
    host = parts.hostname or ""
    shop = urlsplit(conf.BASE_URL)
    port = parts.port or PORTS[parts.scheme]
    ours = (host, port) == (shop.hostname, shop.port or PORTS.get(shop.scheme))
    if not ours and port != PORTS[parts.scheme]:
        raise Refused
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    address = str(found[0][4][0])
    if not ours and not is_public(address):
        raise Refused
    return address, port


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public net, also where it is written within another."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
        if ip in ipaddress.ip_network("64:ff9b::/96"):
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    return ip.is_global and not ip.is_multicast


def _status(method: str, parts: SplitResult, address: tuple[str, int]) -> int:
    """Return the status that a server at this address answers for the name in the URL."""
    host = (parts.hostname or "").encode("idna").decode()
    line = http.client.HTTPConnection(host, address[1], timeout=PATIENCE)
    sock = socket.create_connection(address, timeout=PATIENCE)
    # each byte within its time, a slow server could go on for hours
    end = threading.Timer(2 * PATIENCE, sock.shutdown, [socket.SHUT_RDWR])
    end.daemon = True
    end.start()
    try:
        line.sock = sock
        if parts.scheme == "https":
            line.sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
            line.default_port = PORTS["https"]
        path = quote(parts.path or "/", safe=KEPT) + (f"?{quote(parts.query, safe=KEPT)}" if parts.query else "")
        line.request(method, path, headers={"User-Agent": "django-retention link check"})
        return line.getresponse().status
    finally:
        end.cancel()
        line.close()
        sock.close()


KEPT = "/%:;,@&=+$!*'()~?[]"
"""Characters of a path and a query that stay as they are."""
