"""SPF: which servers may send for a domain, and whether receivers can follow the record to its end (RFC 7208)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from retention.finding import Finding
from retention.services.names import Faulty, Names

MOST_LOOKUPS = 10
DEEPEST = 20
COUNTED = ("include", "a", "mx", "ptr", "exists", "redirect")


@dataclass(kw_only=True)
class _Walk:
    """What came of following a record."""

    lookups: int = 0
    broken: list[str] = field(default_factory=list)
    last: str = ""
    """What the record says of everybody else: ``-``, ``~``, ``?``, ``+``, or nothing."""


def examine(domain: str, names: Names) -> Iterator[Finding]:
    """Look at the SPF record of a domain. Raises names.Silent."""
    try:
        records = _records(domain, names)
    except Faulty as error:
        yield Finding(well=False, what=f"SPF: {error}", cure="Ask whoever runs your DNS.")
        return
    if not records:
        yield Finding(
            well=False,
            what=f"SPF: {domain} has no record",
            cure=f'Put into DNS: {domain}. TXT "v=spf1 include:<what your mail service tells you> -all". '
            'From a server of your own: "v=spf1 mx -all" with its address in place of mx.',
        )
        return
    if len(records) > 1:
        yield Finding(
            well=False,
            what=f"SPF: {domain} has {len(records)} records; receivers then take none",
            cure=f'Make one of them, with everything that both allow: {domain}. TXT "{_merged(records)}"',
        )
        return
    walk = _Walk()
    _follow(domain, records[0], names, walk, seen=(domain,))
    yield from _judge(domain, records[0], walk)


def _judge(domain: str, record: str, walk: _Walk) -> Iterator[Finding]:
    if walk.broken:
        yield Finding(
            well=False,
            what=f"SPF: {'; '.join(walk.broken)}",
            cure=f"Take that out of the record of {domain}, or mend it where it points to.",
        )
    if walk.lookups > MOST_LOOKUPS:
        yield Finding(
            well=False,
            what=f"SPF: the record of {domain} takes {walk.lookups} look-ups; receivers stop after {MOST_LOOKUPS}",
            cure="Take out services that do not send for you any more; put ip4: and ip6: in place of a: and mx:.",
        )
    if walk.last == "+":
        yield Finding(
            well=False,
            what=f"SPF: the record of {domain} lets everybody send ({record})",
            cure="Mend the record that redirect= names: it has to end with -all."
            if "redirect=" in record.lower()
            else f'End it with -all: {domain}. TXT "{_closed(record)}"',
        )
    if not walk.broken and walk.lookups <= MOST_LOOKUPS and walk.last != "+":
        weak = walk.last not in ("-", "~")
        yield Finding(
            well=True,
            what=f"SPF: one record, {walk.lookups} of {MOST_LOOKUPS} look-ups ({record})",
            hint=f'It says nothing of everybody else. Better: {domain}. TXT "{_closed(record)}"' if weak else "",
        )


def _records(domain: str, names: Names) -> list[str]:
    return sorted(
        text for text in names.texts(domain) if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")
    )


def _follow(domain: str, record: str, names: Names, walk: _Walk, *, seen: tuple[str, ...]) -> None:
    """Count the look-ups of a record with all that it includes. What comes after them in vain is not followed."""
    redirect, last = "", ""
    for term in record.split()[1:]:
        qualifier, rest = (term[0], term[1:]) if term[0] in "+-~?" else ("+", term)
        word, _, target = rest.partition(":") if ":" in rest and "=" not in rest.split(":")[0] else (rest, "", "")
        word = word.partition("/")[0].lower()
        if word == "all":
            last = qualifier
            break  # what stands behind it counts for nothing
        if word.startswith("redirect="):
            redirect = rest.partition("=")[2]
            continue
        if word in COUNTED:
            walk.lookups += 1
        if word == "include":
            _enter(domain, target, names, walk, seen=seen)
    if not last and redirect:
        walk.lookups += 1
        last = _enter(domain, redirect, names, walk, seen=seen)
    walk.last = last


def _enter(domain: str, target: str, names: Names, walk: _Walk, *, seen: tuple[str, ...]) -> str:
    """Follow the record of another domain; returns what that one says of everybody else."""
    target = target.rstrip(".").lower()
    if "%" in target or walk.lookups > 2 * MOST_LOOKUPS:
        return ""  # depends on each mail; or it is far too many already
    if target in seen or len(seen) > DEEPEST:
        walk.broken.append(f"{domain} includes {target}, which leads back to it")
        return ""
    try:
        records = _records(target, names)
    except Faulty as error:
        walk.broken.append(str(error))
        return ""
    if len(records) != 1:
        walk.broken.append(f"{domain} includes {target or 'nothing'}, which has {len(records) or 'no'} SPF record")
        return ""
    _follow(target, records[0], names, walk, seen=(*seen, target))
    return walk.last


def _merged(records: list[str]) -> str:
    terms = {term: None for record in records for term in record.split()[1:] if term.lstrip("+-~?").lower() != "all"}
    return " ".join(["v=spf1", *terms, "-all"])


def _closed(record: str) -> str:
    return _merged([record])
