"""One person's points: taking the data out, forgetting the words, making two accounts one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Coalesce

from loyalty.models import (
    Absence,
    Account,
    ActionAward,
    Correction,
    Entry,
    Lot,
    LotMove,
    Membership,
    OrderAward,
    TierGrant,
    TierMove,
)
from loyalty.services import actions, awards, programmes, taking_back, tier_benefits, tiers
from loyalty.services.points import Book, Bucket, Kind, Posting
from loyalty.services.replay import Past
from retention.models import Customer

FORGOTTEN = "(erased)"


def export(customer: Customer) -> Mapping[str, Any]:
    """Return everything that this app holds about a customer."""
    account = Account.objects.filter(customer=customer).first()
    membership = Membership.objects.filter(customer=customer).select_related("tier").first()
    entries = Entry.objects.filter(account=account).order_by("pk") if account else Entry.objects.none()
    return {
        "balance": account.balance if account else 0,
        "pending": account.pending if account else 0,
        "entries": list(entries.values("at", "kind", "bucket", "points", "order", "correction__reason")),
        "actions": list(
            ActionAward.objects.filter(customer=customer)
            .order_by("pk")
            .values("rule__action", "subject", "state", "points", "at", "reason")
        ),
        "absences": list(
            Absence.objects.filter(customer=customer).order_by("pk").values("left_at", "returned_at", "given_up_at")
        ),
        "tier": membership.tier.name if membership and membership.tier else "",
        "tier_moves": list(
            TierMove.objects.filter(customer=customer).order_by("at").values("at", "old_name", "new_name")
        ),
        "tier_benefits": list(
            TierGrant.objects.filter(customer=customer).order_by("pk").values("given_at", "benefit__kind")
        ),
    }


def erase(customer: Customer, at: datetime) -> None:
    """Empty the words that staff wrote; ledger, balances and tiers stay."""
    Correction.objects.filter(entry__account__customer=customer).update(reason=FORGOTTEN)
    ActionAward.objects.filter(customer=customer).exclude(reason="").update(reason=FORGOTTEN)


def absorb(guest: Customer, member: Customer, at: datetime) -> None:
    """Move what no order earned to the member's account, with mirror entries.

    Points of orders follow their orders first, which have changed hands by now.
    """
    tiers.hand_over(guest, member)
    tier_benefits.hand_over(guest, member)
    with transaction.atomic():
        # awards are locked before accounts
        done = actions.hand_over(guest, member)
        if Account.objects.filter(customer=guest).exists():
            _move(guest, member, twice=done.twice, at=at)
        actions.give(done.due, at=at)


def _move(guest: Customer, member: Customer, *, twice: Collection[Entry], at: datetime) -> None:
    """Move points to the member; not those of what both rows did (``twice``), and each with its own end."""
    with transaction.atomic():
        orders = OrderAward.objects.filter(account__customer=guest).values_list("order", flat=True)
        spent = _spent_of_ended(guest, at=at)
        awards.settle(dict.fromkeys(orders, at))
        taking_back.answer(twice, cause="done twice", at=at)
        renews = programmes.end_of(at)[1]
        book = Book([guest.pk, member.pk], at=at)
        source = book.account(guest.pk)
        of_orders = OrderAward.objects.filter(account=source).aggregate(
            balance=Coalesce(Sum("balance"), 0), pending=Coalesce(Sum("pending"), 0)
        )
        # what has ended has come along and ends again, before anything is taken from it
        Past(book, programmes.running(), defaultdict(dict)).end(member.pk, at=at)
        for bucket in Bucket:
            rest = getattr(source, bucket.value) - of_orders[bucket.value]
            # what was spent of points that have ended since has ended with them
            more = spent if bucket == Bucket.BALANCE else 0
            transfer = partial(
                Posting, kind=Kind.TRANSFER, bucket=bucket, breakdown={"from": guest.pk, "to": member.pk}, at=at
            )
            key = f"absorb:{guest.pk}:{member.pk}:{bucket}"
            ending: dict[datetime, int] = {}
            if rest:
                book.write(transfer(key=f"{key}:{guest.pk}", customer=guest.pk, points=-rest))
                ending = book.taken()
            for end, points in ending.items():
                until = f"{key}:{member.pk}:{end.isoformat()}"
                book.write(transfer(key=until, customer=member.pk, points=points, expires_at=end, joins=renews))
            endless = rest + more - sum(ending.values())
            if endless:
                book.write(transfer(key=f"{key}:{member.pk}", customer=member.pk, points=endless))
        book.close()


def _spent_of_ended(customer: Customer, *, at: datetime) -> int:
    """Return how many points of orders were spent that would have ended by now."""
    ended = Lot.objects.filter(account__customer=customer, expires_at__lte=at).exclude(order="")
    used = LotMove.objects.filter(lot__in=ended, entry__kind__in=(Entry.Kind.SPEND, Entry.Kind.RETURN))
    spent: int = -used.aggregate(n=Coalesce(Sum("points"), 0))["n"]
    return spent
