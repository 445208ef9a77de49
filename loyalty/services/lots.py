"""The points that end, of accounts that are locked: which are taken first, and where given back ones go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cached_property

from loyalty.models import Entry, Lot, LotMove

LAST = 2**63
"""Sorts a lot that has no id yet behind those that have."""


class Lots:
    """Lots of some locked accounts, and what is being done to them. One query to read, up to three to close."""

    def __init__(self, accounts: Collection[int]) -> None:
        self._accounts = accounts
        self._new: dict[int, list[Lot]] = defaultdict(list)
        self._moves: list[LotMove] = []
        self._changed: dict[int, Lot] = {}

    @cached_property
    def _of(self) -> dict[int, list[Lot]]:
        """Account → lots that were there before; read when the first is asked for, for all accounts at once."""
        found: dict[int, list[Lot]] = defaultdict(list)
        for lot in Lot.objects.filter(account__in=self._accounts, left__gt=0):
            found[lot.account_id].append(lot)
        return found

    def _standing(self, account: int) -> list[Lot]:
        """Return the lots of an account, those that end soonest first."""
        return sorted([*self._of[account], *self._new[account]], key=lambda lot: (lot.expires_at, lot.pk or LAST))

    def put(self, entry: Entry, points: int, *, expires_at: datetime) -> None:
        """Add points that came with an entry."""
        if points > 0:
            lot = Lot(
                account=entry.account, entry=entry, order=entry.order, points=points, left=points, expires_at=expires_at
            )
            self._new[lot.account_id].append(lot)

    def take(self, entry: Entry, points: int) -> None:
        """Take points: an order's own first, then those that end soonest. What no lot has never ends."""
        mine = self._standing(entry.account_id)
        own = [lot for lot in mine if entry.order and lot.order == entry.order]
        for lot in [*own, *(lot for lot in mine if lot not in own)]:
            taken = min(points, lot.left)
            self._move(lot, entry, -taken)
            points -= taken

    def give_back(self, entry: Entry, points: int, *, taken: Mapping[int, int]) -> None:
        """Give points back to where they were taken, with their old end. ``taken``: lot id → points.

        Where a debt eats some of them, those that end soonest are eaten.
        """
        mine = {lot.pk: lot for lot in self._of[entry.account_id]}
        for lot in Lot.objects.filter(pk__in=taken).order_by("-expires_at", "-pk"):
            if lot.pk not in mine:
                self._of[entry.account_id].append(lot)
            back = min(points, taken[lot.pk])
            self._move(mine.get(lot.pk, lot), entry, back)
            points -= back

    def taken(self, entry: Entry) -> dict[datetime, int]:
        """Return what an entry that is being written took: end → points, the first end first."""
        found: dict[datetime, int] = defaultdict(int)
        for move in self._moves:
            if move.entry is entry:
                found[move.lot.expires_at] -= move.points
        return dict(found)

    def due(self, account: int, *, at: datetime) -> list[Lot]:
        """Return the lots of an account whose time is up, the first first."""
        return [lot for lot in self._standing(account) if lot.left and lot.expires_at <= at]

    def latest(self, account: int) -> datetime | None:
        """Return when the last of an account's points end."""
        return max((lot.expires_at for lot in self._standing(account)), default=None)

    def renew(self, account: int, *, until: datetime) -> None:
        """Let no points of an account end before ``until``."""
        for lot in self._standing(account):
            if lot.expires_at < until:
                lot.expires_at, lot.warned_at = until, None
                if lot.pk:
                    self._changed[lot.pk] = lot

    def _move(self, lot: Lot, entry: Entry, points: int) -> None:
        if points:
            lot.left += points
            if entry.kind == Entry.Kind.EXPIRY:
                lot.expired -= points
            self._moves.append(LotMove(lot=lot, entry=entry, points=points))
            if lot.pk:
                self._changed[lot.pk] = lot

    def close(self) -> None:
        """Write everything; the entries have their ids by now."""
        if new := [lot for lots in self._new.values() for lot in lots]:
            Lot.objects.bulk_create(new)
        if self._changed:
            Lot.objects.bulk_create(
                self._changed.values(),
                update_conflicts=True,
                unique_fields=["id"],
                update_fields=["left", "expired", "expires_at", "warned_at"],
            )
        if self._moves:
            LotMove.objects.bulk_create(self._moves)
