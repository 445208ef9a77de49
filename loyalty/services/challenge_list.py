"""The challenges that one customer should see: open ones that are for them, and those that they took part in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, Q

from loyalty.models import Challenge, ChallengeGoods, Participation
from loyalty.services import challenges, participants
from retention.models import Customer


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """One challenge as one customer has it."""

    challenge: Challenge
    participation: Participation | None
    """None: they have not begun."""
    reached: int = 0
    """By their orders of now, in what the challenge asks; at most that, unless it was won."""

    @property
    def can_join(self) -> bool:
        return self.participation is None and not self.challenge.automatic

    @property
    def percent(self) -> int:
        """How far it is; of what can be done again, how far the next time is."""
        target = self.challenge.target
        rounds = min(self.reached // target, self.challenge.most)
        return 100 if rounds == self.challenge.most else (self.reached - rounds * target) * 100 // target

    def state(self, *, at: datetime) -> str:
        """Return ``open`` for who has not begun, else the state of the participation as of now."""
        if self.participation is None:
            return "open"
        if self.participation.state == Participation.State.RUNNING and not self.runs(at=at):
            return Participation.State.MISSED.value
        return self.participation.state

    def runs(self, *, at: datetime) -> bool:
        """Whether it can still be done."""
        row = self.participation
        return row is None or (row.wins < self.challenge.most and (row.ends_at is None or row.ends_at > at))


def of(customer: Customer, *, at: datetime, since: datetime) -> list[Shown]:
    """Return what a customer should see, what ends first in front; ``since``: those that ended later than that, too.

    A few queries, and one for each open challenge that asks a condition.
    """
    goods = Prefetch("challenge__goods", ChallengeGoods.objects.order_by("pk"))
    lately = Q(ends_at=None) | Q(ends_at__gt=since)
    rows = list(
        Participation.objects.filter(lately, customer=customer).select_related("challenge").prefetch_related(goods)
    )
    reached = challenges.standing(customer, rows)
    shown = [Shown(challenge=row.challenge, participation=row, reached=reached[row.challenge_id]) for row in rows]
    mine = Participation.objects.filter(customer=customer).values("challenge")
    others = Challenge.objects.open(at=at).exclude(pk__in=mine).prefetch_related("goods")
    able = bool(participants.people([customer.pk]))
    shown += [
        Shown(challenge=one, participation=None)
        for one in others
        if able and participants.eligible(one, {customer.pk}, at=at)
    ]
    return sorted(shown, key=lambda one: (not one.runs(at=at), _end(one) is None, _end(one) or at, one.challenge.pk))


def _end(one: Shown) -> datetime | None:
    return one.participation.ends_at if one.participation else one.challenge.ends_at
