"""What lines of a file mean beside what we know: which yes counts, which no outweighs, and what is new.

A no outweighs a yes of before it, and every yes that nobody gave in so many words. A yes of the file lifts no no of
our own. The outcome does not depend on the order of lines or files, and the same line again changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from retention.consent_file import BOUNCE, COMPLAINT, CONSENT, SUPPRESSION, Line
from retention.hashing import address_hash
from retention.models import Consent, ConsentEvidence, Customer, Suppression
from retention.models.consent import Purpose
from retention.services import suppression
from retention.services.consent import WEAK

ALL, REASON = Suppression.Scope.ALL, Suppression.Reason
PURPOSES = Purpose.values
REASONS = {BOUNCE: REASON.BOUNCED, COMPLAINT: REASON.COMPLAINED, SUPPRESSION: REASON.IMPORTED}


Who = int | str
"""A customer, or the address of a person that has no row yet."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one person is to have said about one purpose."""

    who: Who
    purpose: str
    granted: bool
    basis: str = ""
    since: datetime


@dataclass(kw_only=True)
class Plan:
    """What taking some lines in would write."""

    people: dict[str, datetime] = field(default_factory=dict)
    """Addresses that become known by this, and since when."""
    answers: list[Answer] = field(default_factory=list)
    was_yes: set[tuple[Who, str]] = field(default_factory=set)
    """Customer and purpose of those answers that make a no of a yes."""
    evidence: list[tuple[Who, Line]] = field(default_factory=list)
    stops: list[tuple[str, str, str, datetime]] = field(default_factory=list)
    """Hash, scope, reason, since when."""
    later: list[Suppression] = field(default_factory=list)
    """Imported noes that are of a later day than we knew."""
    lifted: list[tuple[str, str]] = field(default_factory=list)
    """Hash and scope of an imported no that a later yes ends."""
    outweighed: int = 0
    """Yeses that do not count, because of a no."""
    forgotten: int = 0
    """Yeses of people who have asked to be forgotten since."""

    @property
    def changes(self) -> bool:
        return bool(self.people or self.answers or self.evidence or self.stops or self.later or self.lifted)


@dataclass(kw_only=True)
class _Known:
    hashes: dict[str, str]
    """Address → hash."""
    rows: dict[str, list[tuple[bool, int]]]
    """Address → (is a guest, customer), the row that stands for the address first."""
    answers: dict[tuple[int, str], Consent]
    stops: dict[tuple[str, str], Suppression]
    own_no: set[tuple[int, str]]
    keys: dict[str, datetime]
    """Lines that were taken in before, and the time they got then."""

    def since(self, line: Line) -> datetime | None:
        """Return the time under which a line was taken in before, None for a new one."""
        return self.keys.get(key(line)) if self.keys else None


def key(line: Line) -> str:
    """Return the hash by which a line is known again."""
    told = [address_hash(line.address), *line.pack()[1:]]
    return hashlib.blake2b(repr(told).encode(), digest_size=32).hexdigest()


def plan(said: Mapping[str, Sequence[Line]], *, at: datetime, lock: bool = False) -> Plan:
    """Return what these lines, by address, would change now: five queries, however many there are.

    ``at`` stands for the time of a no that has none. ``lock`` holds the answers until the transaction ends.
    """
    known = _known(said, lock=lock)
    made = Plan()
    for address, lines in said.items():
        _stop(made, known, address, lines, at=at)
        _weigh(made, known, address, lines, at=at)
    return made


def _known(said: Mapping[str, Sequence[Line]], *, lock: bool) -> _Known:
    rows: dict[str, list[tuple[bool, int]]] = {}
    people = Customer.objects.living().filter(address__in=said, erased_at=None)
    for pk, address, user in people.values_list("pk", "address", "user"):
        rows.setdefault(address, []).append((user is None, pk))
    for same in rows.values():
        same.sort()
    ids = [pk for same in rows.values() for _, pk in same]
    answers = Consent.objects.filter(customer__in=ids, channel="email").order_by("pk")
    if lock:
        answers = answers.select_for_update()
    hashes = {address: address_hash(address) for address in said}
    own = ConsentEvidence.objects.filter(customer__in=ids, granted=False, key="").order_by()
    keys = [key(line) for address in rows for line in said[address]]
    return _Known(
        hashes=hashes,
        rows=rows,
        answers={(answer.customer_id, answer.purpose): answer for answer in answers},
        stops={
            (row.address_hash, row.scope): row for row in Suppression.objects.filter(address_hash__in=hashes.values())
        },
        own_no=set(own.values_list("customer", "purpose").distinct()),
        keys=dict(ConsentEvidence.objects.filter(key__in=keys).values_list("key", "at")),
    )


def _stop(made: Plan, known: _Known, address: str, lines: Sequence[Line], *, at: datetime) -> None:
    """What is never lifted: a bounce, a complaint, a suppression of everything."""
    hashed = known.hashes[address]
    for line in lines:
        if line.purpose:
            continue
        there = known.stops.get((hashed, ALL))
        for scope in suppression.scopes_of(ALL, there.reason if there else None):
            if (hashed, scope) not in known.stops:
                row = Suppression(address_hash=hashed, scope=scope, reason=REASONS[line.kind], at=line.at or at)
                known.stops[hashed, scope] = row
                made.stops.append((hashed, scope, row.reason, row.at))


def _weigh(made: Plan, known: _Known, address: str, lines: Sequence[Line], *, at: datetime) -> None:
    """Of what somebody said about one purpose the latest counts; a no at the same time, or against a weak yes."""
    mark = known.stops.get((known.hashes[address], ALL))
    erased = mark.at if mark and mark.reason == REASON.ERASED else None
    lines = [line for line in lines if line.purpose]
    kept = [line for line in lines if line.kind != CONSENT or not erased or (line.at and line.at > erased)]
    made.forgotten += len(lines) - len(kept)
    refused: dict[str, datetime] = {}
    for purpose in PURPOSES:
        yeses = [line for line in kept if line.purpose == purpose and line.kind == CONSENT]
        noes = [line.at or known.since(line) or at for line in kept if line.purpose == purpose and line.kind != CONSENT]
        yes = max(yeses, key=lambda line: (line.basis not in WEAK, line.at), default=None)
        if yes and _yes(made, known, address, yes, max(noes, default=None)):
            continue
        made.outweighed += len(yeses)
        if noes:
            refused[purpose] = max(noes)
            _no(made, known, address, purpose, refused[purpose], timed=refused[purpose] != at)
    about: Who | None = known.rows[address][0][1] if address in known.rows else None
    if about is None and address in made.people:
        about = address
        made.answers += [
            Answer(who=address, purpose=purpose, granted=False, since=since) for purpose, since in refused.items()
        ]
    if about is not None:
        made.evidence += [(about, line) for line in kept if known.since(line) is None]


def _yes(made: Plan, known: _Known, address: str, yes: Line, no: datetime | None) -> bool:
    """Let a yes count, unless there is a no against it. Returns whether it does."""
    assert yes.at is not None
    hashed, purpose, strong = known.hashes[address], yes.purpose, yes.basis not in WEAK
    if no and (no >= yes.at or not strong):
        return False
    stop = known.stops.get((hashed, purpose))
    if stop and (stop.reason != REASON.IMPORTED or stop.at >= yes.at or not strong):
        return False
    everything = known.stops.get((hashed, ALL))
    stopped = everything is not None and everything.reason != REASON.ERASED
    if stopped:
        return False
    rows = known.rows.get(address)
    who: Who = rows[0][1] if rows else address
    own = known.answers.get((rows[0][1], purpose)) if rows else None
    if own and not own.granted:
        ours = (own.customer_id, purpose) in known.own_no
        if ours or not strong or own.changed_at >= yes.at:
            return False
    if not rows:
        made.people[address] = min(made.people.get(address, yes.at), yes.at)
    if own is None or not own.granted or (own.basis in WEAK and strong):
        made.answers.append(Answer(who=who, purpose=purpose, granted=True, basis=yes.basis, since=yes.at))
    if stop:
        made.lifted.append((hashed, purpose))
    return True


def _no(made: Plan, known: _Known, address: str, purpose: str, at: datetime, *, timed: bool) -> None:
    """Let a no stand, unless somebody has said yes since, in so many words."""
    hashed, rows = known.hashes[address], known.rows.get(address, [])
    answers = [known.answers.get((pk, purpose)) for _, pk in rows]
    given = [answer for answer in answers if answer is not None and answer.granted]
    if any(answer.basis not in WEAK and answer.changed_at > at for answer in given):
        return
    stop = known.stops.get((hashed, purpose))
    if stop is None:
        made.stops.append((hashed, purpose, REASON.IMPORTED.value, at))
    elif stop.reason == REASON.IMPORTED and stop.at < at and timed:
        stop.at = at
        made.later.append(stop)
    changed: Collection[int] = [answer.customer_id for answer in given]
    if rows and answers[0] is None:
        changed = [rows[0][1], *changed]
    made.answers += [Answer(who=pk, purpose=purpose, granted=False, since=at) for pk in changed]
    made.was_yes |= {(answer.customer_id, purpose) for answer in given}
