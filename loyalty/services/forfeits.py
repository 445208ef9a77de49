"""Writing off what stood when somebody left and has not come back for in time.

What is left of each order's points goes with an entry of its order, so that a refund afterwards takes back what was
had of it and no more; the rest goes in one entry. Below zero nothing is written off: a debt stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from loyalty.facts import PointsForfeited
from loyalty.locks import hold
from loyalty.models import Absence, Claim, Entry, Lot, OrderAward
from loyalty.services import absences, claims, replay
from loyalty.services.points import Book, Bucket, Kind, Posting
from retention.facts import FactData
from retention.rows import batch_size
from retention.services import facts

WRITTEN = ["pending", "balance", "at_most", "postings", "settled_at"]


def write_off_due(*, at: datetime, limit: int = 2000) -> int:
    """Write off the points of all who left and whose time to come back is over. Returns of how many people.

    What comes later, e.g. of a claim that was in a basket, goes with the next. The number of queries of a batch does
    not depend on how many people there are.
    """
    if replay.under_way(at=at):
        return 0
    done = 0
    while done < limit:
        some = list(absences.due(at=at).order_by("pk").values_list("pk", flat=True)[: batch_size(limit - done)])
        if not some:
            break
        done += write_off(some, at=at)
    return done


def write_off(ids: Collection[int], *, at: datetime) -> int:
    """Write off what stands for these absences, those that are over left out. Returns how many were looked at."""
    release(Absence.objects.open().filter(pk__in=ids).values("customer"), at=at)
    with transaction.atomic():
        # who comes back meanwhile waits; who was quicker is left out
        held = hold(Absence.objects.open().filter(pk__in=ids))
        awards: dict[int | None, list[OrderAward]] = defaultdict(list)
        mine = OrderAward.objects.filter(account__customer__in=[one.customer_id for one in held])
        for award in hold(mine):
            awards[award.account_id].append(award)
        book = Book((one.customer_id for one in held), at=at)
        writing = _Writing(book, awards, at=at)
        for absence in held:
            writing.write(absence)
        book.close()
        OrderAward.objects.bulk_create(
            writing.changed, update_conflicts=True, unique_fields=["order"], update_fields=WRITTEN
        )
        Absence.objects.filter(pk__in=[one.pk for one in held]).update(
            write_offs=F("write_offs") + 1, given_up_at=Coalesce("given_up_at", Value(at))
        )
        facts.publish(writing.happened)
    return len(held)


def release(customers: Collection[int] | QuerySet[Any, Any], *, at: datetime) -> None:
    """Give back what these people have set aside for rewards that neither an order nor a checkout holds."""
    mine = Claim.objects.filter(account__customer__in=customers, state=Claim.State.RESERVED).order_by("pk")
    claims.release(list(mine.values_list("pk", flat=True)), reason=Claim.Reason.LEFT, at=at)


class _Writing:
    """What is written off in one batch of locked accounts. Two queries."""

    def __init__(self, book: Book, awards: Mapping[int | None, list[OrderAward]], *, at: datetime) -> None:
        self.book, self.awards, self.at = book, awards, at
        self.changed: list[OrderAward] = []
        self.happened: list[FactData] = []
        self.in_lots: dict[tuple[int, str], int] = {}
        self.ended: dict[tuple[int, str], int] = {}
        lots = Lot.objects.filter(account__in=[one for one in awards if one is not None]).exclude(order="").order_by()
        sums = lots.values_list("account", "order").annotate(there=Sum("left"), gone=Sum("expired"))
        for account, order, there, gone in sums:
            self.in_lots[account, order], self.ended[account, order] = there, gone

    def write(self, absence: Absence) -> None:
        """Write off what stands on one account but for what is set aside: an order or a checkout still holds that."""
        customer = absence.customer_id
        account = self.book.account(customer)
        pending, free = account.pending, account.spendable
        rest = free
        for award, part in self._parts(account.pk, free):
            before = (award.pending, award.balance, award.at_most)
            self._take(award, customer, award.pending, Bucket.PENDING)
            self._take(award, customer, part, Bucket.BALANCE)
            rest -= part
            if award.at_most is None or part:
                award.at_most = award.balance - award.forgiven
            if before != (award.pending, award.balance, award.at_most):
                award.postings += 1
                award.settled_at = self.at
                self.changed.append(award)
        key = f"forfeit:{absence.pk}:{absence.write_offs}"
        for bucket, points in ((Bucket.PENDING, account.pending), (Bucket.BALANCE, rest)):
            if points > 0:
                self.book.write(
                    Posting(
                        key=f"{key}:{bucket}", customer=customer, points=-points, kind=Kind.FORFEIT, bucket=bucket,
                        at=self.at,
                    )
                )  # fmt: skip
        if pending + free > 0:
            self.happened.append(PointsForfeited(customer=customer, at=self.at, points=pending + free))

    def _parts(self, account: int, free: int) -> Iterator[tuple[OrderAward, int]]:
        """Yield each award with what is left of its points: by its lots where it has some, else the newest first."""
        mine = self.awards.get(account, [])
        exact = {one.pk: self.in_lots[account, one.order] for one in mine if (account, one.order) in self.in_lots}
        endless = free - sum(exact.values())
        for award in sorted(mine, key=lambda award: (award.pk not in exact, -award.pk)):
            stands = award.balance - award.forgiven - self.ended.get((account, award.order), 0)
            part = max(0, min(stands, free, exact.get(award.pk, endless)))
            free -= part
            if award.pk not in exact:
                endless -= part
            yield award, part

    def _take(self, award: OrderAward, customer: int, points: int, bucket: Entry.Bucket) -> None:
        if not points:
            return
        if bucket == Bucket.PENDING:
            award.pending -= points
        else:
            award.balance -= points
        self.book.write(
            Posting(
                # the number of the posting makes the key, as in ``differences``
                key=f"order:{award.order}:{award.postings}:{Kind.FORFEIT}:{bucket}:{customer}",
                customer=customer,
                points=-points,
                kind=Kind.FORFEIT,
                bucket=bucket,
                order=award.order,
                currency=award.currency,
                at=self.at,
            )
        )
