"""Giving people the points that they had in an earlier programme: looked at first, then line by line, each person once.

A line whose customer is not there yet waits, and is given as soon as they are. A file that nobody says yes to is
deleted after an hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from loyalty.balance_file import Line, Reading
from loyalty.facts import PointsAwarded
from loyalty.models import BalanceImport, BalanceLine, Entry
from loyalty.services import absences, balance_people, points, programmes
from loyalty.services.points import Posting
from retention.facts import FactData
from retention.locks import one_at_a_time
from retention.models import Customer, Job
from retention.rows import batch_size
from retention.services import facts, suppression

KIND = "loyalty.balances"
PIECE = 500
PER_TICK = 20_000
WAITS = timedelta(hours=1)
"""For how long a file that was looked at waits for a yes."""
BEFORE, DOUBLE, ENDED, FORGOTTEN = "before", "double", "ended", "forgotten"
"""Why a line is left out: the person has had theirs from this programme; another line is the same customer's; the
points have ended while they waited; the person was forgotten."""
LEFT = "left"
"""Why a line waits: the person has left the programme, and gets theirs on coming back."""

State = BalanceLine.State


def look(reading: Reading, *, source: str, trusts_accounts: bool) -> dict[str, int]:
    """Return in numbers what a file would do; nothing is written."""
    found = Counter(
        lines=reading.lines, good=len(reading.good), twice=reading.twice, wrong=len(reading.notes),
        points=0, now=0, unknown=0, unproven=0, several=0, before=0, double=0, forgotten=0, elsewhere=0,
    )  # fmt: skip
    seen: set[int] = set()
    lines = iter(reading.good.values())
    while piece := list(islice(lines, PIECE)):
        people = balance_people.find(piece, trusts_accounts=trusts_accounts)
        had = _had(named(source), people=[line.person for line in piece], customers=_customers(people.values()))
        found["elsewhere"] += _elsewhere(source, people=[line.person for line in piece])
        gone = suppression.erased({line.address for line in piece if line.address})
        for line in piece:
            customer = people[line.number, line.address]
            if line.address in gone:
                found[FORGOTTEN] += 1
            elif line.person in had or customer in had:
                found[BEFORE] += 1
            elif isinstance(customer, str):
                found[customer] += 1
            elif customer in seen:
                found[DOUBLE] += 1
            else:
                seen.add(customer)
                found["now"] += 1
                found["points"] += line.points
    return dict(found)


def named(source: str) -> str:
    """Return a programme's name as it is compared: however it is written, it is the same programme."""
    return " ".join(source.split()).casefold()[:40]


def keep(
    reading: Reading, found: dict[str, int], *, source: str, trusts_accounts: bool, by: str, at: datetime
) -> BalanceImport:
    """Let a file that was looked at wait for a yes, for an hour."""
    whole = BalanceImport.objects.create(
        source=source, trusts_accounts=trusts_accounts, found=found, lines=len(reading.good), made_by=by[:150],
        created_at=at,
    )  # fmt: skip
    lines = iter(reading.good.values())
    while some := list(islice(lines, batch_size(PIECE))):
        gone = suppression.erased({line.address for line in some if line.address})
        BalanceLine.objects.bulk_create([_row(line, whole, forgotten=line.address in gone, at=at) for line in some])
    return whole


def _row(line: Line, whole: BalanceImport, *, forgotten: bool, at: datetime) -> BalanceLine:
    """Return what is kept of a line; of somebody who was forgotten nothing by which they could be known."""
    return BalanceLine(
        whole=whole, source=named(whole.source), line=line.line, person=line.person,
        address="" if forgotten else line.address, number="" if forgotten else line.number,
        reason=FORGOTTEN if forgotten else "", points=line.points, expires_at=line.expires_at, changed_at=at,
    )  # fmt: skip


def start(whole: BalanceImport, *, at: datetime) -> Job | None:
    """Say yes: a tick takes the file in. Twice is once; None where it was thrown away meanwhile."""
    with transaction.atomic():
        found = BalanceImport.objects.select_for_update().filter(pk=whole.pk).first()
        if found is None:
            return None
        job, _made = Job.objects.get_or_create(
            key=f"{KIND}:{whole.pk}", defaults={"kind": KIND, "total": whole.lines, "started_at": at, "moved_at": at}
        )
        BalanceImport.objects.filter(pk=whole.pk, job=None).update(job=job)
    return job


def throw_away(whole: BalanceImport) -> bool:
    """Delete a file that nobody has said yes to; False where somebody has."""
    with transaction.atomic():
        found = BalanceImport.objects.select_for_update().filter(pk=whole.pk, job=None).first()
        return found is not None and bool(found.delete()[0])


def prune(*, at: datetime) -> int:
    """Throw away the files that nobody has said yes to for an hour. Returns how many."""
    late = BalanceImport.objects.filter(job=None, created_at__lt=at - WAITS)
    return late.delete()[1].get(BalanceImport._meta.label, 0)


def carry_on(*, at: datetime, most: int = PER_TICK) -> int:
    """Take in lines of files that somebody said yes to. Returns how many. May run at the same time as itself."""
    prune(at=at)
    done = 0
    for job in Job.objects.filter(kind=KIND, state=Job.State.RUNNING).select_related("balance_import").order_by("pk"):
        while done < most and (step := _step(job, at=at)):
            done += step
    return done


def give_waiting(*, at: datetime, limit: int = 5000) -> int:
    """Give what waits to those who are there now. Returns to how many."""
    member = Customer.objects.living().members().filter(address=OuterRef("address"), erased_at=None)
    proven = member.filter(address_proven_at__isnull=False)
    imported = balance_people.imported().filter(number=OuterRef("number"))
    ready = BalanceLine.objects.filter(state=State.WAITING).filter(
        # what is cheap comes first: nearly everybody has no number, and many rows have no address
        Q(~Q(number=""), Exists(imported)) | Q(~Q(address=""), Exists(proven))
        | Q(~Q(address=""), Q(whole__trusts_accounts=True), Exists(member))
    )  # fmt: skip
    given, last = 0, 0
    while given < limit:
        # looked for before the lock is taken, which others wait for
        rows = list(ready.filter(pk__gt=last).order_by("pk").select_related("whole")[: batch_size(PIECE)])
        if not rows:
            break
        last = rows[-1].pk
        people = _find(rows)
        due = [row.pk for row in rows if isinstance(people[row.pk], int)]
        if due:
            with one_at_a_time(KIND, wait=True):
                still = BalanceLine.objects.filter(pk__in=due, state=State.WAITING)
                given += _give(list(still.order_by("pk").select_related("whole")), at=at)
    return given


def _step(job: Job, *, at: datetime) -> int:
    """Take in the next lines of one file. Returns how many; 0 where it is done, or somebody else's."""
    with one_at_a_time(KIND) as mine:
        if not mine:
            return 0
        whole = job.balance_import
        rows = list(
            whole.parts.filter(state=State.LOOKED).order_by("line").select_related("whole")[: batch_size(PIECE)]
        )
        if rows:
            _give(rows, at=at)
            Job.objects.filter(pk=job.pk).update(done=F("done") + len(rows), moved_at=at)
        else:
            running = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING)
            running.update(state=Job.State.DONE, moved_at=at)
    return len(rows)


def _give(rows: Sequence[BalanceLine], *, at: datetime) -> int:
    """Give these lines to whose they are, inside a transaction. Returns how many were given."""
    people = _find(rows)
    customers = _customers(people.values())
    gone = suppression.erased({row.address for row in rows if row.address})
    had = {one: _had(one, people=[row.person for row in rows], customers=customers, but=[row.pk for row in rows])
           for one in {row.source for row in rows}}  # fmt: skip
    able = points.holders(customers)
    out = absences.out(customers - able)
    end, renews = programmes.end_of(at)
    given: list[BalanceLine] = []
    for row in rows:
        customer = people[row.pk]
        row.changed_at = at
        if row.reason == FORGOTTEN or row.address in gone:
            row.state, row.reason = State.REFUSED, FORGOTTEN
        elif row.person in had[row.source]:
            row.state, row.reason = State.REFUSED, BEFORE
        elif isinstance(customer, str) or customer not in able:
            row.state = State.WAITING
            row.reason = customer if isinstance(customer, str) else LEFT if customer in out else balance_people.UNKNOWN
        elif customer in had[row.source]:
            row.state, row.reason = (
                State.REFUSED,
                DOUBLE if any(one.customer_id == customer for one in given) else BEFORE,
            )
        elif row.expires_at and row.expires_at <= at:
            row.state, row.reason = State.REFUSED, ENDED
        else:
            row.customer_id = customer
            had[row.source].add(customer)
            given.append(row)
        if row.state == State.REFUSED:
            row.address = row.number = ""
    postings = [
        Posting(
            key=f"balance:{row.source}:{row.person}",
            customer=row.customer_id or 0,
            points=row.points,
            kind=Entry.Kind.GRANT,
            source=f"balances:{row.whole.source}",
            expires_at=row.expires_at or end,
            renews_until=end if renews else None,
            at=at,
        )
        for row in given
    ]
    entries = {entry.key: entry for entry in points.post(postings, at=at)}
    for row, posting in zip(given, postings, strict=True):
        row.entry = entries[posting.key]
        row.state, row.reason, row.address, row.number = State.CREDITED, "", "", ""
    BalanceLine.objects.bulk_update(
        rows, ["state", "reason", "address", "number", "entry", "customer", "changed_at"], batch_size=100
    )
    happened: list[FactData] = [
        PointsAwarded(customer=row.customer_id, at=at, points=row.points, history=True) for row in given
    ]
    facts.publish(happened)
    return len(given)


def _find(rows: Sequence[BalanceLine]) -> dict[int, int | str]:
    """Return line id → the customer's id, or why they have to wait."""
    found: dict[int, int | str] = {}
    for trusts in (False, True):
        some = [row for row in rows if row.whole.trusts_accounts == trusts]
        people = balance_people.find(some, trusts_accounts=trusts)
        found |= {row.pk: people[row.number, row.address] for row in some}
    return found


def _customers(found: Iterable[int | str]) -> set[int]:
    return {one for one in found if isinstance(one, int)}


def _had(source: str, *, people: Sequence[str], customers: set[int], but: Sequence[int] = ()) -> set[str | int]:
    """Return which of these people, and which of these customers, a programme's points were given to or wait for."""
    rows = BalanceLine.objects.filter(source=source, state__in=(State.WAITING, State.CREDITED)).exclude(pk__in=but)
    had: set[str | int] = set(rows.filter(person__in=people).values_list("person", flat=True))
    # what the row of a number was given is the member's who it turned out to be
    earlier = dict(Customer.objects.filter(absorbed_into__in=customers).values_list("pk", "absorbed_into"))
    credited = rows.filter(state=State.CREDITED, customer__in=customers | earlier.keys())
    return had | {earlier.get(pk) or pk for pk in credited.values_list("customer", flat=True).order_by() if pk}


def _elsewhere(source: str, *, people: Sequence[str]) -> int:
    """Return to how many of these people points of a programme with another name were given."""
    rows = BalanceLine.objects.filter(person__in=people, state=State.CREDITED).exclude(source=named(source))
    return rows.order_by().values("person").distinct().count()
