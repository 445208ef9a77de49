"""The points of referrals, the referrer's and the friend's: the difference between what is due and what stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from loyalty.facts import PointsAwarded, PointsTakenBack
from loyalty.models import Entry, Lot, Referral
from loyalty.services import absences, debts, points, programmes
from loyalty.services.points import Book, Kind, Posting
from retention.facts import FactData

SOURCE = "referral"
REFERRER, FRIEND = "", "friend_"
"""The two sides: what the names of their columns begin with."""

State = Referral.State


def level(referrals: Collection[Referral], caps: Mapping[int, Mapping[str, Any]], *, at: datetime) -> list[FactData]:
    """Bring the points of these referrals, which are locked, to what their states say. Returns what happened.

    ``caps``: as ``referral_rewards.level`` takes it.
    """
    friends = [one.friend_id for one in referrals if one.friend_id and (one.friend_points or one.friend_holder_id)]
    able = points.holders(friends) if friends else set()
    wanted: list[tuple[Referral, str, int, int]] = []
    for one in referrals:
        assert one.referrer_id is not None  # who has none is never rewarded
        wanted.append((one, REFERRER, one.referrer_id, one.points if one.state == State.REWARDED else 0))
        # a limit is the referrer's, and no fault of the friend's
        lasts = one.state in (State.REWARDED, State.CAPPED)
        due = one.friend_points if lasts else 0
        if one.friend_id not in able:  # gets no more; what was given goes back only with the order
            has = one.friend_stands - one.friend_forgiven if one.friend_holder_id == one.friend_id else 0
            due = min(due, has)
        if one.friend_holder_id and one.friend_holder_id != one.friend_id:
            wanted.append((one, FRIEND, one.friend_holder_id, 0))
        if one.friend_id and (due or one.friend_holder_id):
            wanted.append((one, FRIEND, one.friend_id, due))
    wanted = [row for row in wanted if _differs(*row) or (row[1] == REFERRER and row[0].pk in caps)]
    if not wanted:
        return []
    return _Levelling(wanted, caps, at=at).run()


def _differs(one: Referral, side: str, customer: int, due: int) -> bool:
    if side == FRIEND and one.friend_holder_id != customer:
        return due > 0
    return bool(due != getattr(one, f"{side}stands") - getattr(one, f"{side}forgiven"))


class _Levelling:
    """What is due to whom, and the book that the differences go into."""

    def __init__(
        self, wanted: list[tuple[Referral, str, int, int]], caps: Mapping[int, Mapping[str, Any]], *, at: datetime
    ) -> None:
        self.wanted, self.caps, self.at = wanted, caps, at
        self.end, self.renews = programmes.end_of(at)
        self.book = Book({customer for _, _, customer, _ in wanted}, at=at)
        self.came: dict[tuple[int, int], datetime] = {}
        # asked once the accounts are locked: what ends meanwhile would be taken once more
        self.stood, self.ended = self._history({one.pk: one for one, _, _, _ in wanted}.values())
        self.lost = absences.written_off({customer for _, _, customer, _ in wanted})
        self.happened: list[FactData] = []

    def run(self) -> list[FactData]:
        for one, side, customer, due in self.wanted:
            if side == FRIEND and one.friend_holder_id != customer:
                # an account that had the friend's points before may have kept some
                one.friend_holder_id = customer
                one.friend_stands = one.friend_forgiven = self.stood[one.pk, customer]
            self._approach(one, side, customer, due)
        self.book.close()
        return self.happened

    def _history(self, referrals: Iterable[Referral]) -> tuple[dict[tuple[int, int], int], dict[tuple[int, int], int]]:
        """Return, for each referral and customer, the points of all entries, and those that ended unused."""
        keys = {
            _key(one, side, number): one.pk for one in referrals for side in (REFERRER, FRIEND)
            for number in range(one.postings)
        }  # fmt: skip
        stood: dict[tuple[int, int], int] = defaultdict(int)
        ended: dict[tuple[int, int], int] = defaultdict(int)
        if not keys:
            return stood, ended
        rows = Entry.objects.filter(key__in=keys).values_list("key", "account__customer", "points", "at")
        for key, customer, number, at in rows:
            stood[keys[key], customer] += number
            if number > 0:
                self.came[keys[key], customer] = at
        lots = Lot.objects.filter(entry__key__in=keys, expired__gt=0)
        for key, customer, number in lots.values_list("entry__key", "account__customer", "expired"):
            ended[keys[key], customer] += number
        return stood, ended

    def _approach(self, one: Referral, side: str, customer: int, due: int) -> None:
        """Post the difference between what stands and what is due, as far as the debt policy lets points go back."""
        stands, forgiven = getattr(one, f"{side}stands"), getattr(one, f"{side}forgiven")
        missing = due - (stands - forgiven)
        if missing > 0:
            kept = min(forgiven, missing)  # was to go back and is still there
            forgiven -= kept
            more = missing - kept
        else:
            takeable = debts.takeable(one.debt_policy, -missing, there=self.book.account(customer).balance)
            # what has ended unused is gone already, and is not taken twice
            more = -min(takeable, max(0, stands - self.ended[one.pk, customer] - due))
            if absences.is_lost(self.came.get((one.pk, customer)), self.lost.get(customer)):
                more = 0
            forgiven += -missing + more
        setattr(one, f"{side}stands", stands + more)
        setattr(one, f"{side}forgiven", forgiven)
        cap = self.caps.get(one.pk) if side == REFERRER else None
        if more or cap:
            self._write(one, side, customer, more, cap)

    def _write(self, one: Referral, side: str, customer: int, more: int, cap: Mapping[str, Any] | None) -> None:
        said: dict[str, Any] = {"referral": one.pk}
        if side == FRIEND:
            said["friend"] = True
        if cap:
            said |= {"stopped": one.points, **cap}
        self.book.write(
            Posting(
                key=_key(one, side, one.postings),
                customer=customer,
                points=more,
                kind=_kind(more),
                breakdown=said,
                source=SOURCE,
                expires_at=self.end if more > 0 else None,
                renews_until=self.end if more > 0 and self.renews else None,
                at=self.at,
            )
        )
        one.postings += 1
        if more > 0:
            self.happened.append(PointsAwarded(customer=customer, at=self.at, points=more))
        elif more < 0:
            self.happened.append(PointsTakenBack(customer=customer, at=self.at, points=-more))


def _key(one: Referral, side: str, number: int) -> str:
    return f"referral:{one.pk}:{number}:friend" if side == FRIEND else f"referral:{one.pk}:{number}"


def _kind(more: int) -> Entry.Kind:
    if more == 0:
        return Kind.CAPPED
    return Kind.REVERSAL if more < 0 else Kind.GRANT
