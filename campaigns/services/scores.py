"""The score of a survey, with its interval, its definition and its response rate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import sqrt

from django.db.models import CharField, Count, Exists, OuterRef, Value
from django.db.models.functions import Cast, Concat

from campaigns.models import Answer, Invitation, Survey
from campaigns.services import invitations
from retention.models import Message

Z = 1.96
"""Of a 95 % interval."""

SATISFIED = 4
"""CSAT: from this score of 5 on a customer counts as satisfied."""
PROMOTER, DETRACTOR = 9, 6
"""NPS: from 9 on a promoter, up to 6 a detractor."""

FEW = 10
"""Below this many answers a score is said to mean little."""


@dataclass(frozen=True, kw_only=True)
class Score:
    kind: str
    answers: int
    sent: int
    """Invitations of which a mail has left, or may have."""
    value: float | None
    """CSAT: percent satisfied. NPS: -100 to 100. None without answers."""
    low: float | None
    high: float | None
    """Ends of the 95 % interval; None where there is none to give."""
    counts: dict[int, int]
    """Score → answers."""

    @property
    def response_rate(self) -> float | None:
        """Percent of those asked who answered."""
        return 100 * self.answers / self.sent if self.sent else None

    @property
    def few(self) -> bool:
        return self.answers < FEW


def of(survey: Survey, *, since: datetime | None = None, until: datetime | None = None) -> Score:
    """Return the score over invitations sent in ``[since, until)``; two queries."""
    asked = Invitation.objects.filter(survey=survey, state=Invitation.State.SENT)
    if since is not None:
        asked = asked.filter(sent_at__gte=since)
    if until is not None:
        asked = asked.filter(sent_at__lt=until)
    left = Message.objects.filter(
        key__in=[Concat(Value(f"{mail}:"), Cast(OuterRef("pk"), CharField())) for mail in invitations.MAILS],
        state__in=[Message.State.SENT, Message.State.UNKNOWN],
    )
    counts = Answer.objects.filter(invitation__in=asked).order_by("score").values_list("score").annotate(n=Count("pk"))
    return score(survey.kind, dict(counts), sent=asked.filter(Exists(left)).count())


def score(kind: str, counts: dict[int, int], *, sent: int) -> Score:
    """Return the score of answers counted by score."""
    n = sum(counts.values())
    value = low = high = None
    if n and kind == Survey.Kind.NPS:
        value, low, high = nps(
            promoters=sum(count for score, count in counts.items() if score >= PROMOTER),
            detractors=sum(count for score, count in counts.items() if score <= DETRACTOR),
            n=n,
        )
    elif n:
        happy = sum(count for score, count in counts.items() if score >= SATISFIED)
        low, high = wilson(happy, n)
        value = 100 * happy / n
    return Score(kind=kind, answers=n, sent=sent, value=value, low=low, high=high, counts=counts)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share, in percent (Wilson 1927); sound for few answers and at 0 and 100 %."""
    share = hits / n
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    return 100 * max(0.0, middle - half), 100 * min(1.0, middle + half)


def nps(*, promoters: int, detractors: int, n: int) -> tuple[float, float | None, float | None]:
    """Return the net promoter score and the ends of its 95 % interval.

    The score is a difference of two shares of one multinomial sample, so its variance is
    ``(p + d - (p - d)²) / n`` (Rocks 2016, "Interval Estimation for the Net Promoter Score", The American
    Statistician 70). Where everybody answered alike that is zero and says nothing: no interval is given.
    """
    p, d = promoters / n, detractors / n
    variance = p + d - (p - d) ** 2
    if variance <= 0:
        return 100 * (p - d), None, None
    half = Z * sqrt(variance / n)
    return 100 * (p - d), 100 * max(-1.0, p - d - half), 100 * min(1.0, p - d + half)
