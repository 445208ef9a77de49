"""The sender's domain, as those who get the mail look at it; what is wrong is told with what to put into DNS."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from email.utils import parseaddr

from retention.conf import conf
from retention.finding import Finding
from retention.services import spf
from retention.services.names import Faulty, Names, Silent, Unknown

PRIVATE = ("localhost", "test", "example", "invalid", "local", "internal")
"""Endings that no name server of the world knows."""
SHORT_KEY = 160
"""Bytes below which an RSA key has fewer than 1024 bits."""
WEAK_KEY = 290
"""Bytes below which it has fewer than 2048 bits."""


def examine() -> Iterator[Finding]:
    """Look at the sender's domain and at that of who answers. Some seconds at most, with a network or without."""
    domain = domain_of(conf.FROM_EMAIL)
    if not domain:
        yield Finding(
            well=False,
            what="there is no sender's address",
            cure='Set RETENTION["FROM_EMAIL"], e.g. "Shop <hello@shop.example.com>".',
        )
        return
    if is_private(domain):
        yield Finding(well=True, what=f"the sender's domain {domain} is for trying things out: it is not looked up")
        return
    try:
        yield from _look(domain, Names())
    except Silent as error:
        yield Finding(
            well=False,
            what=f"{error}: SPF, DKIM, DMARC and MX of {domain} were not, or not all, looked at",
            cure="Run this where there is a network, or name other servers in "
            'RETENTION["NAME_SERVERS"], e.g. ["9.9.9.9"]. Mail may be well all the same.',
        )


def _look(domain: str, names: Names) -> Iterator[Finding]:
    try:
        names.ask(domain, "MX")
    except Unknown:
        yield Finding(
            well=False,
            what=f"the sender's domain {domain} does not exist",
            cure='Is RETENTION["FROM_EMAIL"] spelled right? Has the domain run out?',
        )
        return
    except Faulty as error:
        yield Finding(well=False, what=str(error), cure="Ask whoever runs your DNS.")
        return
    yield from spf.examine(domain, names)
    if not conf.DKIM_SELECTORS:
        yield Finding(
            well=False,
            what="DKIM: no selector is known, so no key was looked at",
            cure='Set RETENTION["DKIM_SELECTORS"] = ["…"] to what stands after s= in the DKIM-Signature of a mail of '
            "yours; `retention_doctor --read mail.eml` reads it for you.",
        )
    for selector in conf.DKIM_SELECTORS:
        yield key(selector, domain, names)
    yield from policy(domain, names)
    answering = {domain_of(conf.REPLY_TO) or domain: "who answers", domain: "the sender"}
    for name, who in answering.items():
        yield _mailbox(name, who, names)


def domain_of(address: str) -> str:
    """Return the domain of an address with or without a name, lower case; empty for none."""
    _, at, domain = parseaddr(address)[1].rpartition("@")
    return domain.strip().rstrip(".").lower() if at else ""


def is_private(domain: str) -> bool:
    """Whether a name is reserved for tests and documentation, or for one machine or house."""
    return domain.rpartition(".")[2] in PRIVATE or domain in ("example.com", "example.net", "example.org")


def tags(record: str) -> dict[str, str]:
    """Return the ``name=value`` pairs of a DKIM or DMARC record."""
    pairs = (part.partition("=") for part in record.split(";") if "=" in part)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def key(selector: str, domain: str, names: Names) -> Finding:
    """Look at one DKIM key. Raises Silent."""
    where = f"{selector}._domainkey.{domain}"
    put = f'Put into DNS what your mail service tells you: {where}. TXT "v=DKIM1; k=rsa; p=<the public key>"'
    try:
        records = [text for text in names.texts(where) if "p" in tags(text)]
    except Faulty as error:
        return Finding(well=False, what=f"DKIM: {error}", cure="Ask whoever runs your DNS.")
    if len(records) != 1:
        return Finding(well=False, what=f"DKIM: {where} has {len(records) or 'no'} key{'s'[: len(records)]}", cure=put)
    fault, hint = _fault(tags(records[0]))
    return Finding(
        well=not fault,
        what=f"DKIM: the key {where} {fault}" if fault else f"DKIM: the key {where} is there",
        cure=put,
        hint=hint,
    )


def _fault(record: Mapping[str, str]) -> tuple[str, str]:
    """Return what is wrong with a key, and what could be better."""
    public = "".join(record["p"].split())
    if not public:
        return "was revoked (p= is empty)", ""
    try:
        size = len(base64.b64decode(public, validate=True))
    except binascii.Error:
        return "cannot be read: p= is not base64, perhaps cut off", ""
    if record.get("v", "DKIM1") != "DKIM1":
        return f"says v={record['v']}, not v=DKIM1", ""
    rsa = record.get("k", "rsa").lower() == "rsa"
    if rsa and size < SHORT_KEY:
        return "has fewer than 1024 bits; receivers do not take it", ""
    if "y" in record.get("t", "").lower().split(":"):
        return "is in test mode (t=y): receivers treat the mail as not signed", ""
    return "", "It has fewer than 2048 bits: make a longer one when you can." if rsa and size < WEAK_KEY else ""


def policy(domain: str, names: Names) -> Iterator[Finding]:
    """Look at the DMARC record of a domain, or of the next above it that has one. Raises Silent."""
    put = f'_dmarc.{domain}. TXT "v=DMARC1; p=none; rua=mailto:<a mailbox of yours>"'
    try:
        found = find_policy(domain, names)
    except Faulty as error:
        yield Finding(well=False, what=f"DMARC: {error}", cure="Ask whoever runs your DNS.")
        return
    if found is None:
        yield Finding(
            well=False,
            what=f"DMARC: {domain} has no record; Gmail and Yahoo want one from who sends much",
            cure=f"Put into DNS: {put}",
        )
        return
    where, records = found
    if len(records) > 1:
        yield Finding(
            well=False,
            what=f"DMARC: _dmarc.{where} has {len(records)} records; receivers then take none",
            cure=f"Leave one of them: {put}",
        )
        return
    record = tags(records[0])
    wanted = record.get("sp", record.get("p", "")) if where != domain else record.get("p", "")
    if wanted not in ("none", "quarantine", "reject"):
        yield Finding(
            well=False,
            what=f"DMARC: _dmarc.{where} says p={wanted or 'nothing'}, which is none of none, quarantine, reject",
            cure=f"Put into DNS: {put}",
        )
        return
    hints = []
    if "rua" not in record:
        hints.append("Nobody hears of mail that fails: add rua=mailto:<a mailbox of yours>.")
    if wanted == "none":
        hints.append("p=none only watches. When the reports show that your mail passes, go on to p=quarantine.")
    strict = [name for name in ("adkim", "aspf") if record.get(name, "r").lower() == "s"]
    if strict:
        hints.append(f"{' and '.join(strict)}=s: the signature, or the return path, has to be of exactly {domain}.")
    yield Finding(well=True, what=f"DMARC: p={wanted} (_dmarc.{where})", hint=" ".join(hints))


def find_policy(domain: str, names: Names) -> tuple[str, list[str]] | None:
    """Return the domain that has a DMARC record, the name itself or the nearest above it, and its records."""
    labels = domain.split(".")
    for first in range(min(len(labels), 8)):
        above = ".".join(labels[first:])
        records = [text for text in names.texts(f"_dmarc.{above}") if text.replace(" ", "").startswith("v=DMARC1")]
        if records:
            return above, records
    return None


def _mailbox(domain: str, who: str, names: Names) -> Finding:
    """Look whether somebody can answer."""
    cure = f"Put into DNS: {domain}. MX 10 <your mail server>. People answer, and bounces come back there."
    if is_private(domain):
        return Finding(well=True, what=f"MX: {domain}, of {who}, is for trying things out")
    try:
        servers = [text.split()[-1] for text in names.ask(domain, "MX")]
        if servers == ["."]:
            return Finding(well=False, what=f"MX: {domain}, of {who}, says that it takes no mail", cure=cure)
        if servers:
            return Finding(well=True, what=f"MX: mail to {domain}, of {who}, goes to {servers[0].rstrip('.')}")
        if names.ask(domain, "A") or names.ask(domain, "AAAA"):
            return Finding(well=True, what=f"MX: mail to {domain}, of {who}, goes to its own address", hint=cure)
    except Unknown:
        return Finding(well=False, what=f"MX: {domain}, of {who}, does not exist", cure=cure)
    except Faulty as error:
        return Finding(well=False, what=f"MX: {error}", cure="Ask whoever runs your DNS.")
    return Finding(well=False, what=f"MX: nobody can answer to {domain}, of {who}", cure=cure)
