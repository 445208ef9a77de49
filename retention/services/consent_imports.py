"""Taking in what people had said to another mail service: looked at first, then piece by piece, each line once.

Between the two the lines wait in pieces in the database, where every worker finds them. A piece is deleted in the
transaction that takes it in, and all of them where nobody says yes within an hour: no address stays behind.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.db.models import F, TextField, Value
from django.db.models.functions import Concat

from retention import moments
from retention.consent_file import CONSENT, SUPPRESSION, UNSUBSCRIBE, Line, Reading
from retention.hashing import normal
from retention.locks import one_at_a_time, passes
from retention.models import ConsentImport, ConsentImportPart, Installation, Job, Suppression
from retention.redaction import without_addresses
from retention.services import consent_merging, consent_writing, installation

log = logging.getLogger(__name__)

KIND = "retention.consents"
PIECE = 1000
"""Lines in one transaction. On SQLite fewer: each line may be three rows."""
PIECE_ON_SQLITE = 40
PER_TICK = 20_000
"""Lines after which the other ticks get their turn; on SQLite a tenth."""
PAUSE = 0.01
"""Seconds between two transactions on SQLite, where whoever else wants to write must wait for ours."""
WAITS = timedelta(hours=1)
"""For how long a file that was looked at waits for a yes."""
THROWN_AWAY = {"thrown_away": True}
"""Cursor of the job of a file that was not taken in to its end and is not any more."""

State = Job.State


def look(reading: Reading, *, at: datetime) -> dict[str, int]:
    """Return, in numbers, what a file would change; nothing is written. Its keys are those of ``found``."""
    total = dict.fromkeys(("people", "yes", "no", "stops", "evidence", "outweighed", "forgotten"), 0)
    for piece in _pieces(reading.said.items(), PIECE // 2):
        plan = consent_merging.plan(dict(piece), at=at)
        total["people"] += len(plan.people)
        total["yes"] += sum(answer.granted for answer in plan.answers)
        total["no"] += sum(scope != Suppression.Scope.ALL for _, scope, _, _ in plan.stops)
        total["stops"] += sum(scope == Suppression.Scope.ALL for _, scope, _, _ in plan.stops)
        total["evidence"] += len(plan.evidence)
        total["outweighed"] += plan.outweighed
        total["forgotten"] += plan.forgotten
    read = {"lines": reading.lines, "good": reading.good, "twice": reading.twice, "wrong": len(reading.notes)}
    return {**read, **{f"kind_{kind}": n for kind, n in reading.kinds.items()}, **total}


def keep(reading: Reading, found: Mapping[str, int], *, by: str, at: datetime) -> ConsentImport:
    """Let a file that was looked at wait for a yes, for an hour."""
    whole = ConsentImport.objects.create(found=dict(found), lines=reading.good, made_by=by[:150], created_at=at)
    size = PIECE_ON_SQLITE if connection.vendor == "sqlite" else PIECE
    pieces = enumerate(_pieces(reading.said.items(), size))
    while some := list(islice(pieces, 50)):  # of fifty pieces a transaction
        ConsentImportPart.objects.bulk_create(
            ConsentImportPart(
                whole=whole, number=number, lines=[line.pack() for _, lines in piece for line in lines]
            )
            for number, piece in some
        )  # fmt: skip
    return whole


def _pieces(said: Iterable[tuple[str, Sequence[Line]]], size: int) -> Iterator[list[tuple[str, Sequence[Line]]]]:
    """Yield the lines in pieces of about this many; what is about one address stays together."""
    piece: list[tuple[str, Sequence[Line]]] = []
    count = 0
    for address, lines in said:
        piece.append((address, lines))
        count += len(lines)
        if count >= size:
            yield piece
            piece, count = [], 0
    if piece:
        yield piece


def says_who_left(whole: ConsentImport) -> bool:
    """Whether a file says of anybody that they wanted no mail; what bounced or was complained of says nothing of it."""
    return any(whole.found.get(f"kind_{kind}") for kind in (UNSUBSCRIBE, SUPPRESSION))


def start(whole: ConsentImport, *, at: datetime) -> Job | None:
    """Say yes: a tick takes the file in. Twice is once; None where it was thrown away meanwhile."""
    with transaction.atomic():
        found = _hold(pk=whole.pk)
        if found is None or (found.job_id is None and not found.parts.exists()):
            return None
        job, _made = Job.objects.get_or_create(
            key=f"{KIND}:{whole.pk}",
            defaults={"kind": KIND, "total": whole.lines, "started_at": at, "moved_at": at},
        )
        ConsentImport.objects.filter(pk=whole.pk, job=None).update(job=job)
    return job


def throw_away(whole: ConsentImport, *, at: datetime) -> bool:
    """Delete what is left of a file that is not under way, and end it; False where it is, or nothing is left."""
    with transaction.atomic():
        found = _hold(pk=whole.pk)
        if found is None or (found.job and found.job.state == State.RUNNING):
            return False
        gone = bool(found.parts.all().delete()[0])
        if found.job is None:
            found.delete()
        elif gone:
            _end(found.job.pk, at=at, cursor=THROWN_AWAY)
        _settle(at=at)
    return gone


def _hold(**about: Any) -> ConsentImport | None:
    """Lock a file's row: saying yes, going on and throwing away are one after the other."""
    return ConsentImport.objects.select_for_update().filter(**about).first()


def forget(email: str, *, at: datetime) -> None:
    """Take an address out of the files that wait; the noes that they hold about it stand."""
    address = normal(email)
    for part in ConsentImportPart.objects.select_for_update():
        mine = [packed for packed in part.lines if packed[0] == address]
        if mine:
            part.lines = [packed for packed in part.lines if packed[0] != address]
            part.save(update_fields=["lines"])
            noes = [line for line in map(Line.unpack, mine) if line.kind != CONSENT]
            plan = consent_merging.plan({address: noes}, at=at)
            consent_writing.write(plan, source=f"import:{part.whole_id}", at=at)


def prune(*, at: datetime) -> int:
    """Throw away the files that nobody has said yes to for an hour. Returns how many."""
    with transaction.atomic():
        late = ConsentImport.objects.filter(job=None, created_at__lt=at - WAITS)
        count = late.delete()[1].get(ConsentImport._meta.label, 0)
        if count:
            _settle(at=at)
    return count


def carry_on(*, at: datetime, most: int | None = None) -> int:
    """Take in some lines of each file that somebody said yes to, the first first. Returns how many.

    May be killed anywhere and may run at the same time as itself: lines, their piece and progress are one transaction.
    """
    prune(at=at)
    most = most or (PER_TICK // 10 if connection.vendor == "sqlite" else PER_TICK)
    done = 0
    for pk in Job.objects.filter(kind=KIND, state=State.RUNNING).order_by("pk").values_list("pk", flat=True):
        while done < most and (step := _try(pk, at=at)):
            done += step
            if connection.vendor == "sqlite":
                time.sleep(PAUSE)
    return done


def _try(job: int, *, at: datetime) -> int:
    """Take in the next piece of one file. Returns how many lines; 0 where it is done, stopped, or somebody else's."""
    try:
        with one_at_a_time(KIND) as mine:
            return _step(job, at=at) if mine else 0
    except Exception as error:
        if passes(error):
            raise  # the next tick tries again
        words = without_addresses(f"{type(error).__name__}: {error}")[:500]
        log.error("lines of an import of consents could not be taken in: %s", words)
        _say(job, words, at=at, state=State.FAILED)
        return 0


def _step(pk: int, *, at: datetime) -> int:
    job = Job.objects.select_related("consent_import").get(pk=pk)
    if job.state != State.RUNNING:
        return 0
    whole = job.consent_import
    parts = list(whole.parts.order_by("number")[:2])
    if parts:
        lines = [Line.unpack(packed) for packed in parts[0].lines]
        said: dict[str, list[Line]] = {}
        for line in lines:
            said.setdefault(line.address, []).append(line)
        plan = consent_merging.plan(said, at=job.started_at, lock=True)
        consent_writing.write(plan, source=f"import:{whole.pk}", at=job.started_at)
        parts[0].delete()
        Job.objects.filter(pk=pk).update(done=F("done") + len(lines), moved_at=at)
    if len(parts) < 2:
        _end(pk, at=at, cursor={} if parts else THROWN_AWAY)
        _settle(at=at)
    return len(parts[0].lines) if parts else 0


def _end(job: int, *, at: datetime, cursor: Mapping[str, Any]) -> None:
    Job.objects.filter(pk=job).update(state=State.DONE, cursor=cursor, moved_at=at)


def _settle(*, at: datetime) -> None:
    """Note that it is known who had left, once a file that says so is taken in whole and no other one waits or runs."""
    # of two files that end at once the second sees the end of the first
    Installation.objects.select_for_update().get(pk=installation.get().pk)
    if ConsentImportPart.objects.exists():
        return
    ended = ConsentImport.objects.filter(job__state=State.DONE).exclude(job__cursor=THROWN_AWAY)
    for whole in ended.order_by("-pk"):
        # a list of those who said yes, or of what bounced, says nothing of who said no
        if says_who_left(whole):
            installation.settle_consents(by=whole.made_by, at=at)
            return


def retry(job: Job, *, at: datetime) -> bool:
    """Go on with a file that stopped, where it stopped. False where it had not, or nothing of it is left."""
    with transaction.atomic():
        found = _hold(job=job)
        if found is None or not found.parts.exists():
            return False
        stopped = Job.objects.filter(pk=job.pk, kind=KIND, state=State.FAILED)
        return stopped.update(state=State.RUNNING, moved_at=at) == 1


def _say(job: int, words: str, *, at: datetime, **more: Any) -> None:
    line = Value(f"{moments.show(at)}: {words}\n", output_field=TextField())
    running = Job.objects.filter(pk=job, state=State.RUNNING)
    running.update(log=Concat(F("log"), line), moved_at=at, **more)
