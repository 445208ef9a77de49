"""Trying a tier table on the real customers before it is saved: who would move, and which way.

In pieces, each one transaction with its cursor and its progress, so that it may be killed anywhere; memberships are
read and never written.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Concat

from loyalty.models import Tier, TierTable, TierTrial, TierTrialCount, TierTrialMove
from loyalty.services import tier_fit, tiers
from loyalty.services.tier_fit import Some
from loyalty.services.tier_rules import Rules
from retention import moments
from retention.locks import one_at_a_time, passes
from retention.models import Customer, Job
from retention.rows import batch_size

log = logging.getLogger(__name__)

KIND = "loyalty.tier_trial"
PIECE = 25_000
"""Customers that one statement looks at."""
PIECE_SQLITE = 1_000
"""There whoever wants to write meanwhile waits for the statement."""
PAUSE = 0.01
KEPT = timedelta(days=7)

State = Job.State

STANDS = """
SELECT COALESCE(t.name, '') AS old_name, {new_name} AS new_name,
       CASE WHEN held > 0 AND tier_rank = held AND stays < held THEN 1 ELSE 0 END AS kept, COUNT(*)
FROM fit LEFT JOIN {tiers} t ON t.id = fit.last_tier_id AND t.table_id = {active}
GROUP BY 1, 2, 3
"""

MOVES = """
INSERT INTO {moves} (trial_id, customer_id, old_name, new_name, up, qualified_minor)
SELECT {trial}, customer_id, COALESCE(t.name, ''), {new_name},
       tier_rank > CASE WHEN held > 0 THEN held ELSE COALESCE(t.rank, 0) END, minor
FROM fit LEFT JOIN {tiers} t ON t.id = fit.last_tier_id AND t.table_id = {active}
WHERE CASE WHEN held > 0 THEN tier_rank <> held ELSE COALESCE(t.name, '') <> {new_name} END
ORDER BY customer_id
"""


def start(
    rules: Rules,
    *,
    name: str,
    table: TierTable | None,
    form: Sequence[tuple[str, str]],
    by: str,
    at: datetime,
) -> TierTrial:
    """Ask for a dry run of a table; a tick does it. ``form``: what the table was written in, to save it afterwards."""
    with transaction.atomic():
        job = Job.objects.create(
            kind=KIND,
            key=f"{KIND}:{secrets.token_urlsafe(12)}",
            total=_members().count(),
            cursor={"after": 0},
            started_at=at,
            moved_at=at,
        )
        return TierTrial.objects.create(
            job=job,
            table=table,
            name=name[:100],
            rules=rules.to_json(),
            form=[list(pair) for pair in form],
            made_by=by[:150],
            created_at=at,
        )


def carry_on(*, at: datetime, pieces: int = 8) -> int:
    """Go on with each dry run that is not done, the first first. Returns how many customers were looked at."""
    looked = 0
    for pk in Job.objects.filter(kind=KIND, state=State.RUNNING).order_by("pk").values_list("pk", flat=True):
        while pieces > 0 and (step := _try(pk, at=at)):
            looked += step
            pieces -= 1
            if connection.vendor == "sqlite":
                time.sleep(PAUSE)
    return looked


def _try(job: int, *, at: datetime) -> int:
    try:
        with one_at_a_time(f"{KIND}:{job}") as mine:
            return _step(job, at=at) if mine else 0
    except Exception as error:
        if passes(error):
            raise  # the next tick tries again
        log.exception("a tier table could not be tried")
        words = Value(f"{moments.show(at)}: {type(error).__name__}\n")
        Job.objects.filter(pk=job).update(state=State.FAILED, log=Concat(F("log"), words), moved_at=at)
        return 0


def _step(pk: int, *, at: datetime) -> int:
    job = Job.objects.select_related("tier_trial").get(pk=pk)
    if job.state != State.RUNNING:
        return 0
    after = int(job.cursor["after"])
    size = PIECE_SQLITE if connection.vendor == "sqlite" else PIECE
    ids = list(_members().filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:size])
    if ids:
        _look(job.tier_trial, Some(after=after, upto=ids[-1]))
    Job.objects.filter(pk=pk, state=State.RUNNING).update(
        cursor={"after": ids[-1] if ids else after},
        done=F("done") + len(ids),
        state=State.RUNNING if len(ids) == size else State.DONE,
        moved_at=at,
    )
    return len(ids)


def _look(trial: TierTrial, some: Some) -> None:
    rules = Rules.from_json(trial.rules)
    quote = connection.ops.quote_name
    table = tiers.active()
    names: dict[str, Any] = {
        "new_name": tier_fit.named("tier_rank", rules.rungs),
        "tiers": quote(Tier._meta.db_table),
        "moves": quote(TierTrialMove._meta.db_table),
        "active": table.pk if table else 0,
        "trial": trial.pk,
    }
    called = {f"name_{rung.rank}": rung.name for rung in rules.rungs}
    with connection.cursor() as cursor:
        for sql in (MOVES, STANDS):
            text, values = tier_fit.statement(sql, rules, at=trial.created_at, some=some, more=names)
            cursor.execute(text, {**values, **called})
        rows = cursor.fetchall()
    TierTrialCount.objects.bulk_create(
        TierTrialCount(trial=trial, old_name=old, new_name=new, kept=bool(kept), people=people)
        for old, new, kept, people in rows
    )


def _members() -> QuerySet[Customer]:
    return Customer.objects.living().filter(points_account__left_at=None).exclude(kind=Customer.Kind.GUEST)


def prune(*, at: datetime) -> int:
    """Forget dry runs of long ago. Returns how many."""
    old = list(TierTrial.objects.filter(created_at__lt=at - KEPT).order_by("pk")[:20])
    for trial in old:
        moves = TierTrialMove.objects.filter(trial=trial)
        while some := list(moves.values_list("pk", flat=True)[: batch_size(10_000)]):
            moves.filter(pk__in=some).delete()
        Job.objects.filter(pk=trial.job_id).delete()
    return len(old)
