"""Stopping marketing by itself when too many complain or too many addresses do not exist."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Q

from retention.models import Message, Sending
from retention.services import sending

COMPLAINTS, BOUNCES = "complaints", "bounces"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How the marketing mails of the judged days fared."""

    sent: int
    complaints: int
    bounces: int

    def passes(self, choices: Sending) -> str:
        """Return which limit is passed, complaints first; empty for none, or where there is too little to judge by."""
        if self.sent < choices.judged_least:
            return ""
        if self.complaints * 100 > choices.complaint_limit * self.sent:
            return COMPLAINTS
        if self.bounces * 100 > choices.bounce_limit * self.sent:
            return BOUNCES
        return ""


def judge(choices: Sending, *, at: datetime) -> Verdict:
    """Count the marketing mails of the judged days, those left out that somebody has looked at already."""
    since = at - timedelta(days=choices.judged_days)
    if choices.judged_from:
        since = max(since, choices.judged_from)
    # what was sent since has changed since, and that has an index
    rows = Message.objects.filter(state=Message.State.SENT, changed_at__gte=since, sent_at__gte=since)
    return Verdict(
        **rows.filter(purpose=Message.Purpose.MARKETING).aggregate(
            sent=Count("pk"),
            complaints=Count("pk", filter=Q(complained_at__isnull=False)),
            bounces=Count("pk", filter=Q(bounced_at__isnull=False)),
        )
    )


def watch(*, at: datetime) -> int:
    """Stop marketing where a limit is passed. Returns 1 where it has just been stopped."""
    choices = sending.get()
    if choices.stopped_at:
        return 0
    verdict = judge(choices, at=at)
    passed = verdict.passes(choices)
    if not passed:
        return 0
    many, limit = (
        (verdict.complaints, choices.complaint_limit)
        if passed == COMPLAINTS
        else (verdict.bounces, choices.bounce_limit)
    )
    why = f"{passed} {many} {verdict.sent} {limit}"
    return Sending.objects.filter(pk=1, stopped_at=None).update(stopped_at=at, stopped_why=why)


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why marketing stopped: ``many`` of ``sent`` mails, which is more than ``limit`` percent."""

    what: str
    many: int
    sent: int
    limit: Decimal

    @property
    def share(self) -> Decimal:
        """Percent, to two digits, rounded up so that it never seems to be within the limit."""
        return (Decimal(100) * self.many / self.sent).quantize(Decimal("0.01"), "ROUND_UP")


def reason(choices: Sending) -> Reason | None:
    """Return why marketing is stopped; None where it is not."""
    if not choices.stopped_at:
        return None
    what, many, sent, limit = choices.stopped_why.split()
    return Reason(what=what, many=int(many), sent=int(sent), limit=Decimal(limit))


def go_on(*, at: datetime) -> bool:
    """Let marketing go out again; what was sent until now is judged no more. False when it was not stopped."""
    stopped = Sending.objects.filter(pk=1, stopped_at__isnull=False)
    return stopped.update(stopped_at=None, stopped_why="", judged_from=at) == 1
