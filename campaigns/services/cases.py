"""Recovery cases: opened by a low score or by staff, taken by somebody, solved with an outcome."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, IntegerField, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce

from campaigns.conf import conf
from campaigns.facts import CaseOpened, CaseSolved
from campaigns.models import CaseNote, RecoveryCase
from campaigns.services import answers
from retention.models import Customer, Spend
from retention.registry import Recorded
from retention.services import facts

State = RecoveryCase.State
Priority = RecoveryCase.Priority

HIGH_SHARE, LOW_SHARE = 80, 50
"""Who spent more than so many percent of the customers is of high priority; less, of low."""


class Solved(Exception):
    """The case is solved already."""


class WhyLost(Exception):
    """A customer who was lost has a reason for leaving; choose the likeliest."""


def open_for_answers(recorded: Sequence[Recorded]) -> None:
    """Open a case for each answer that is low as it stands now; one that has a case keeps it."""
    happened = {fact.data.answer: fact.data.at for fact in recorded}  # type: ignore[attr-defined]
    found = answers.low(set(happened))
    known = set(RecoveryCase.objects.filter(answer__in=found).values_list("answer", flat=True))
    fresh = [answer for answer in found if answer.pk not in known]
    priorities = priority({answer.invitation.customer_id for answer in fresh})
    RecoveryCase.objects.bulk_create(
        [
            RecoveryCase(
                customer_id=answer.invitation.customer_id,
                order=answer.invitation.order,
                source=RecoveryCase.Source.ANSWER,
                answer=answer,
                priority=priorities[answer.invitation.customer_id],
                opened_at=happened[answer.pk],
                due_at=happened[answer.pk] + timedelta(hours=conf.CASE_HOURS),
            )
            for answer in fresh
        ],
        ignore_conflicts=True,
    )
    facts.publish(
        CaseOpened(customer=case.customer_id, at=case.opened_at, case=case.pk, source=case.source)
        for case in RecoveryCase.objects.filter(answer__in=fresh).order_by("pk")
    )


def open_by_staff(customer: Customer, *, by: Any, note: str, at: datetime, order: str = "") -> RecoveryCase:
    """Open a case for a customer by hand; ``by`` is the member of staff, who owns it."""
    with transaction.atomic():
        case = RecoveryCase.objects.create(
            customer=customer,
            order=order,
            source=RecoveryCase.Source.STAFF,
            state=State.TAKEN,
            owner=by,
            priority=priority({customer.pk})[customer.pk],
            opened_at=at,
            due_at=at + timedelta(hours=conf.CASE_HOURS),
        )
        if note:
            add_note(case, by=by, text=note, at=at)
        facts.publish([CaseOpened(customer=customer.pk, at=at, case=case.pk, source=case.source)])
    return case


def priority(customers: Collection[int]) -> dict[int, int]:
    """Return customer → priority by net spend beside that of all others, each in the currency they rank best in."""
    ranks = dict.fromkeys(customers, 0)
    mine = Spend.objects.filter(customer__in=customers, net_minor__gt=0)
    same = Spend.objects.filter(currency=OuterRef("currency"), net_minor__gt=0).order_by().values("currency")
    rows = mine.annotate(
        everybody=_count(same),
        below=_count(same.filter(net_minor__lt=OuterRef("net_minor"))),
    )
    for customer, everybody, below in rows.values_list("customer", "everybody", "below"):
        ranks[customer] = max(ranks[customer], 100 * below // max(everybody, 1))
    return {
        customer: Priority.HIGH if rank >= HIGH_SHARE else Priority.LOW if rank < LOW_SHARE else Priority.NORMAL
        for customer, rank in ranks.items()
    }


def _count(rows: Any) -> Coalesce:
    return Coalesce(Subquery(rows.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), Value(0))


def take(case: RecoveryCase, *, by: Any) -> bool:
    """Make an open case somebody's own; False where somebody has it, or it is solved."""
    return RecoveryCase.objects.filter(pk=case.pk, state=State.OPEN).update(state=State.TAKEN, owner=by) == 1


def hand_over(case: RecoveryCase, *, to: Any) -> bool:
    """Give an unsolved case to another member of staff; None puts it back among the open ones. False when solved."""
    state = State.TAKEN if to is not None else State.OPEN
    return RecoveryCase.objects.unsolved().filter(pk=case.pk).update(state=state, owner=to) == 1


def solve(case: RecoveryCase, *, by: Any, outcome: str, at: datetime, leaving: str = "") -> None:
    """End a case with what came of it. ``leaving`` is required for who was lost. Raises Solved, WhyLost."""
    if outcome == RecoveryCase.Outcome.LEFT and not leaving:
        raise WhyLost(WhyLost.__doc__)
    with transaction.atomic():
        rows = RecoveryCase.objects.unsolved().filter(pk=case.pk)
        done = rows.update(state=State.SOLVED, outcome=outcome, leaving=leaving, solved_at=at, owner=case.owner or by)
        if not done:
            raise Solved(Solved.__doc__)
        facts.publish([CaseSolved(customer=case.customer_id, at=at, case=case.pk, outcome=outcome, leaving=leaving)])
    case.refresh_from_db()


def add_note(case: RecoveryCase, *, by: Any, text: str, at: datetime) -> CaseNote:
    """Write down what was done or learned."""
    return CaseNote.objects.create(case=case, author=by, text=text, at=at)


def due(*, at: datetime) -> tuple[int, int]:
    """Return how many cases nobody has solved, and how many of them are overdue."""
    counts = RecoveryCase.objects.unsolved().aggregate(n=Count("pk"), late=Count("pk", filter=Q(due_at__lt=at)))
    return counts["n"], counts["late"]
