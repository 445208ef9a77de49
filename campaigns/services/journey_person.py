"""One person's journeys, surveys and cases: taking them out, forgetting, and making two rows one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from campaigns.models import Answer, CaseNote, Enrolment, Invitation, RecoveryCase
from campaigns.services import enrolments, exits, invitations
from retention.models import Customer


def export(customer: Customer) -> Mapping[str, Any]:
    """Return what journeys, surveys and cases hold about a customer."""
    passages = Enrolment.objects.filter(customer=customer).order_by("pk")
    answers = Answer.objects.filter(invitation__customer=customer).order_by("pk")
    cases = RecoveryCase.objects.filter(customer=customer).order_by("pk")
    return {
        "journeys": list(
            passages.values("version__journey__slug", "order", "state", "reason", "error", "entered_at", "ended_at")
        ),
        "invitations": list(
            Invitation.objects.filter(customer=customer)
            .order_by("pk")
            .values("survey__slug", "order", "state", "reason", "sent_at")
        ),
        "answers": list(answers.values("survey__slug", "invitation__order", "score", "comment", "answered_at")),
        "cases": list(cases.values("order", "state", "outcome", "leaving", "opened_at", "solved_at")),
        "notes": list(CaseNote.objects.filter(case__in=cases).order_by("pk").values("case", "text", "at")),
    }


def erase(customer: Customer, at: datetime) -> None:
    """Empty what the person and staff wrote, and end what is under way; scores and outcomes stay."""
    under_way = list(
        Enrolment.objects.filter(customer=customer, state__in=[Enrolment.State.ACTIVE, Enrolment.State.STUCK])
    )
    enrolments.end(under_way, reasons={row.key: exits.ERASED for row in under_way}, at=at)
    mine = Invitation.objects.filter(customer=customer)
    invitations.withdraw(list(mine.values_list("pk", flat=True)), reason=exits.ERASED)
    Answer.objects.filter(invitation__in=mine).update(comment="")
    CaseNote.objects.filter(case__customer=customer).update(text="")
    Enrolment.objects.filter(customer=customer).exclude(error="").update(error="")


def absorb(guest: Customer, member: Customer, at: datetime) -> None:
    """Move a guest's passages, invitations and cases to the member."""
    Enrolment.objects.filter(customer=guest).update(customer=member)
    Invitation.objects.filter(customer=guest).update(customer=member)
    RecoveryCase.objects.filter(customer=guest).update(customer=member)
