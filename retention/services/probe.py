"""A mail that was sent, read again as receivers read it: is it signed, by whom, and with it the way out (RFC 8058)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes, policy
from email.message import Message as Mail
from email.utils import make_msgid
from pathlib import Path

from django.conf import settings

from retention import links
from retention.conf import conf
from retention.finding import Finding
from retention.redaction import without_addresses
from retention.services import domain, line, writing
from retention.services.names import Names, Silent
from retention.services.rendering import Rendered

WAY_OUT = ("list-unsubscribe", "list-unsubscribe-post")
SHARED = re.compile(r"(?:ac|co|com|edu|gob|gov|ne|net|nom|or|org)\.[a-z]{2}")
"""Endings of two labels under which everybody may have a name, e.g. ``co.uk``."""
SUBJECT = "Test of your shop's mail"
WORDS = "This is a test of your shop's mail. Save it with its headers and let `retention_doctor --read` look at it."


class NotSent(Exception):
    """The mail server did not take the test mail; the text says why."""


class NotRead(Exception):
    """This is no mail that can be read; the text says why."""


def send(*, to: str, at: datetime) -> bytes | None:
    """Send a test mail with all the headers of marketing mail, to one address.

    Returns it as it was sent, where the mail backend keeps it in memory or in a folder. Raises NotSent.
    """
    name = domain.domain_of(conf.FROM_EMAIL) or "localhost"
    marker = make_msgid(idstring=f"probe{at.timestamp():.0f}", domain=name)
    way_out = links.unsubscribe_url(customer=0, purpose="marketing")
    headers = {
        "Message-ID": marker,
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": f"<{way_out}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    words = Rendered(subject=SUBJECT, preheader="", html=f"<p>{WORDS}</p>", text=WORDS, language="en")
    try:
        line.send_one(writing.compose(words, to=to, headers=headers))
    except Exception as error:
        raise NotSent(without_addresses(f"{type(error).__name__}: {error}")[:200]) from error
    return _kept(marker)


def _kept(marker: str) -> bytes | None:
    """Return the mail with this Message-ID out of the memory or the folder of the backend."""
    for sent in reversed(line.kept()):
        if sent.extra_headers.get("Message-ID") == marker:
            return bytes(sent.message().as_bytes())
    folder = getattr(settings, "EMAIL_FILE_PATH", None)
    if folder and Path(folder).is_dir():
        newest = sorted(Path(folder).iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in newest[:10]:
            content = path.read_bytes() if path.is_file() else b""
            for one in re.split(rb"\n-{79}\r?\n", content):
                if marker.encode() in one:
                    return one
    return None


def load(path: Path) -> bytes:
    """Return what a file holds. Raises NotRead."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotRead(f"{path} cannot be opened: {error.strerror}") from error


def read(content: bytes) -> Iterator[Finding]:
    """Look at a mail with its headers, as a file .eml holds it. Raises NotRead."""
    mail = message_from_bytes(content, policy=policy.compat32)
    sender = domain.domain_of(str(mail.get("From", "")))
    if not sender:
        raise NotRead("this is no mail with its headers: there is no From in it")
    yield from _way_out(mail)
    yield from _signatures(mail, sender)
    yield from _verdicts(mail)


def _way_out(mail: Mail) -> Iterator[Finding]:
    uris = re.findall(r"<([^>]*)>", str(mail.get("List-Unsubscribe", "")))
    post = str(mail.get("List-Unsubscribe-Post", "")).strip()
    if not any(uri.lower().startswith("https://") for uri in uris):
        yield Finding(
            well=False,
            what="the mail has no List-Unsubscribe with an https address" + (f" ({', '.join(uris)})" if uris else ""),
            cure='RETENTION["BASE_URL"] has to be https; and nothing on the way may take the header out.',
        )
    elif post != "List-Unsubscribe=One-Click":
        yield Finding(
            well=False,
            what="the mail has no List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            cure="Something on the way takes it out: ask your mail service.",
        )
    else:
        yield Finding(well=True, what="the mail has List-Unsubscribe and List-Unsubscribe-Post")


def _signatures(mail: Mail, sender: str) -> Iterator[Finding]:
    found = [domain.tags(re.sub(r"\s+", " ", str(one))) for one in mail.get_all("DKIM-Signature", [])]
    signed = [one for one in found if one.get("d") and one.get("s")]
    if not signed:
        yield Finding(
            well=False,
            what="the mail is not signed (no DKIM-Signature)",
            cure="Switch DKIM on at your mail service. A mail that has not left this machine is often not signed yet: "
            "read one that has arrived.",
        )
        return
    aligned = [one for one in signed if _aligned(one["d"].lower().rstrip("."), sender)]
    if not aligned:
        others = ", ".join(one["d"] for one in signed)
        yield Finding(
            well=False,
            what=f"the mail is signed by {others}, and it is from {sender}: DMARC does not count that",
            cure=f"Let your mail service sign with d={sender}.",
        )
        return
    for one in aligned:
        yield Finding(
            well=True,
            what=f"the mail is signed by {one['d']} with the selector {one['s']}, which goes with {sender}",
            hint="" if one["s"] in conf.DKIM_SELECTORS else f'Set RETENTION["DKIM_SELECTORS"] = ["{one["s"]}"].',
        )
    covered = [{name.strip().lower() for name in one.get("h", "").split(":")} for one in aligned]
    missing = [name for name in WAY_OUT if not any(name in names for names in covered)]
    yield Finding(
        well=not missing,
        what=f"the signature does not cover {' and '.join(missing)}: mail programs show no button then"
        if missing
        else "the signature covers List-Unsubscribe and List-Unsubscribe-Post",
        cure="Tell your mail service to sign these headers (RFC 8058): its h= has to name both.",
    )
    unknown = {(one["s"], one["d"].lower().rstrip(".")) for one in aligned} - {
        (selector, domain.domain_of(conf.FROM_EMAIL)) for selector in conf.DKIM_SELECTORS
    }
    yield from _keys(sorted(unknown))


def _keys(wanted: list[tuple[str, str]]) -> Iterator[Finding]:
    """Look up the keys that the doctor has not looked at anyway."""
    wanted = [(selector, name) for selector, name in wanted if not domain.is_private(name)]
    if not wanted:
        return
    try:
        names = Names()
        for selector, name in wanted:
            yield domain.key(selector, name, names)
    except Silent as error:
        yield Finding(well=False, what=f"{error}: the key was not looked at", cure="Run this where there is a network.")


def _aligned(signer: str, sender: str) -> bool:
    """Whether both may be of one organization, as far as can be said without a list of all endings.

    One above the other, or side by side below a common name of two labels or more.
    """
    if signer == sender or signer.endswith(f".{sender}") or sender.endswith(f".{signer}"):
        return "." in signer
    above = signer.partition(".")[2]
    return above == sender.partition(".")[2] and "." in above and not SHARED.fullmatch(above)


def _verdicts(mail: Mail) -> Iterator[Finding]:
    """What the server that took the mail in has written down, where it has."""
    said = " ".join(str(one) for one in mail.get_all("Authentication-Results", []))
    for method in ("spf", "dkim", "dmarc"):
        results = set(re.findall(rf"\b{method}=(\w+)", said))
        if results and "pass" not in results:
            yield Finding(
                well=False,
                what=f"who got the mail says {method}={', '.join(sorted(results))}",
                cure="The findings about DNS say what to put there; else your mail service sends it another way than "
                "you think.",
            )
        elif results:
            yield Finding(well=True, what=f"who got the mail says {method}=pass")
