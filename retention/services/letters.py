"""A mail as the bytes of SMTP. Python's e-mail package does the same for any mail, and takes three times as long."""

from __future__ import annotations

import quopri
import re
import uuid
from email.header import Header
from email.utils import formataddr, formatdate, parseaddr, quote
from functools import lru_cache

from django.conf import settings
from django.core.mail import BadHeaderError, EmailMultiAlternatives
from django.utils.encoding import punycode

SHORT = 76
"""Characters of a header line that need no fold."""
LONGEST_LINE = 998
SPECIAL = re.compile(r'[][\\()<>@,:;".]')
"""What a name holds only between quotes."""
NEWLINE = re.compile(r"\r\n|\r|\n")
PLAIN = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+")
"""An address without a name in which nothing needs quotes."""


class NotOurs(Exception):
    """It has parts that our own mails have not."""


def as_bytes(email: EmailMultiAlternatives) -> bytes:
    """Return the mail with text and HTML as alternatives. Raises NotOurs and BadHeaderError."""
    if (
        email.attachments
        or email.cc
        or email.bcc
        or (len(email.alternatives), len(email.to), bool(email.body)) != (1, 1, True)
    ):
        raise NotOurs
    [(html, kind)] = email.alternatives
    if kind != "text/html" or not isinstance(html, str):
        raise NotOurs
    boundary = f"=_{uuid.uuid4().hex}"
    headers = [
        f'Content-Type: multipart/alternative; boundary="{boundary}"',
        "MIME-Version: 1.0",
        _header("Subject", str(email.subject)),
        _header("From", mailbox(email.from_email)),
        _header("To", mailbox(email.to[0])),
        *([_header("Reply-To", ", ".join(mailbox(one) for one in email.reply_to))] if email.reply_to else []),
        f"Date: {formatdate(localtime=settings.EMAIL_USE_LOCALTIME)}",
        *(_header(name, str(value)) for name, value in email.extra_headers.items()),
    ]
    start = "\r\n".join(headers).encode("ascii")
    edge = f"--{boundary}".encode()
    parts = (_part("plain", str(email.body)), _part("html", html))
    return b"\r\n".join([start, b"", edge, parts[0], edge, parts[1], edge + b"--", b""])


def mailbox(address: str) -> str:
    """Return an address with its name as a header holds it: names encoded, the domain as DNS knows it."""
    return address if PLAIN.fullmatch(address) else _named(address)


@lru_cache(maxsize=8)
def _named(address: str) -> str:
    name, address = parseaddr(address)
    return formataddr((name, route(address)))


@lru_cache(maxsize=8)
def address_of(mailbox: str) -> str:
    """Return the address of a mailbox that every mail names, as SMTP takes it. Raises UnicodeError."""
    return route(parseaddr(mailbox)[1])


def phrase(name: str) -> str:
    """Return a name as a header holds it before angle brackets: in ASCII, so that what is in them stays readable."""
    name = " ".join(name.split())
    if name.isascii():
        return f'"{quote(name)}"' if SPECIAL.search(name) else name
    return " ".join(Header(name, "utf-8", maxlinelen=SHORT).encode().split())


def route(address: str) -> str:
    """Return an address as SMTP takes it; its domain may be in any alphabet. Raises UnicodeError."""
    if address.isascii():
        return address
    local, _, domain = address.rpartition("@")
    return f"{local}@{punycode(domain)}"


def _header(name: str, value: str) -> str:
    if "\n" in value or "\r" in value:
        raise BadHeaderError(f"Header values can't contain newlines (header {name!r})")
    if not value.isascii():
        value = Header(value, "utf-8", header_name=name, maxlinelen=SHORT).encode(linesep="\r\n")
    elif len(name) + len(value) > SHORT and " " in value:
        value = Header(value, "us-ascii", header_name=name, maxlinelen=SHORT).encode(linesep="\r\n")
    return f"{name}: {value}"


def _part(kind: str, words: str) -> bytes:
    lines = words.replace("\n", "\r\n") if "\r" not in words else NEWLINE.sub("\r\n", words)
    body = lines.encode()
    encoding = b"7bit" if words.isascii() else b"8bit"
    if max(map(len, body.split(b"\r\n"))) > LONGEST_LINE:
        encoding, body = b"quoted-printable", quopri.encodestring(NEWLINE.sub("\n", words).encode())
        body = body.replace(b"\n", b"\r\n")
    return (
        b'Content-Type: text/%s; charset="utf-8"\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: %s\r\n\r\n%s'
        % (kind.encode(), encoding, body)
    )  # fmt: skip
