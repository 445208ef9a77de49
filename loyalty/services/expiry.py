"""Ending points whose time is up, set-wise; and the one whole period that points get when expiry is switched on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F, OuterRef, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Greatest

from loyalty.facts import PointsExpired
from loyalty.locks import hold
from loyalty.models import Account, Entry, Lot, LotMove, OrderAward, Programme
from loyalty.models.programme import Expires
from loyalty.services import ends, replay
from loyalty.services.points import Book, Posting
from retention.rows import batch_size
from retention.services import facts

ACCOUNTS_AT_ONCE = 2000


def expire(*, at: datetime, limit: int = 50_000) -> int:
    """End what is due. Returns of how many accounts. Where no active programme lets points end, none do."""
    if replay.under_way(at=at):  # its orders would find ended what they still could have spent
        return 0
    programme = Programme.objects.filter(active=True).first()
    if programme is None or programme.expires == Expires.NEVER:
        Programme.objects.filter(expiry_since__isnull=False).update(expiry_since=None)
        return 0
    if programme.expiry_since is None:
        switch_on(programme, at=at)
    done = 0
    for end in (_expire, _expire_beside):
        while done < limit:
            ended = end(at=at, limit=batch_size(ACCOUNTS_AT_ONCE))
            if not ended:
                break
            done += ended
    return done


def switch_on(programme: Programme, *, at: datetime) -> bool:
    """Give what stands one whole period from now, once. False where that was done already.

    Points that would end earlier, by an expiry that was off meanwhile, get it too.
    """
    first = ends.of(programme.expires, programme.expires_after, opened=at)
    assert first is not None
    with transaction.atomic():
        fresh = Programme.objects.filter(pk=programme.pk, expiry_since=None)
        if not fresh.update(expiry_since=at):
            return False
        hold(Account.objects.filter(balance__gt=0).only("pk"))
        Lot.objects.filter(left__gt=0).update(expires_at=Greatest("expires_at", Value(first)), warned_at=None)
        in_lots = Lot.objects.filter(account=OuterRef("pk"), left__gt=0).order_by().values("account")
        total = in_lots.annotate(total=Sum("left")).values("total")
        free = Account.objects.filter(balance__gt=0).annotate(inside=Coalesce(Subquery(total), 0))
        endless = {pk: balance - inside for pk, balance, inside in free.values_list("pk", "balance", "inside")}
        Lot.objects.bulk_create(_lots(endless, ends_at=first), batch_size=2000)
    return True


def _lots(endless: dict[int, int], *, ends_at: datetime) -> Iterator[Lot]:
    """Yield lots for points without an end, account → points; those of an order know it, for when it is refunded."""
    opened = OrderAward.objects.filter(account__in=endless, balance__gt=F("forgiven")).order_by("-pk")
    for account, order, points in opened.values_list("account", "order", F("balance") - F("forgiven")):
        part = min(points, endless[account])
        if part > 0:
            endless[account] -= part
            yield Lot(account_id=account, order=order, points=part, left=part, expires_at=ends_at)
    for account, rest in endless.items():
        if rest > 0:
            yield Lot(account_id=account, points=rest, left=rest, expires_at=ends_at)


DUE = 'l."left" > 0 AND l.expires_at <= %s AND l.account_id IN ({accounts})'
KEY = "'expire:' || l.id || ':' || l.expired"

ENTRIES = f"""
INSERT INTO {{entry}} (account_id, key, kind, bucket, "order", currency, source, breakdown, at, points, balance_after)
SELECT l.account_id, {KEY}, 'expiry', 'balance', '', '', '', '{{{{}}}}', l.expires_at, -l."left",
       a.balance - SUM(l."left") OVER (PARTITION BY l.account_id ORDER BY l.expires_at, l.id)
FROM {{lot}} l JOIN {{account}} a ON a.id = l.account_id WHERE {DUE}
ORDER BY l.account_id, l.expires_at, l.id
"""
MOVES = f"""
INSERT INTO {{move}} (lot_id, entry_id, points)
SELECT l.id, e.id, e.points FROM {{lot}} l JOIN {{entry}} e ON e.key = {KEY} WHERE {DUE}
"""
BALANCES = f"""
UPDATE {{account}} SET balance = balance - gone.points
FROM (SELECT l.account_id, SUM(l."left") AS points FROM {{lot}} l WHERE {DUE} GROUP BY l.account_id) AS gone
WHERE {{account}}.id = gone.account_id
"""
LOTS = f"""UPDATE {{lot}} AS l SET expired = l.expired + l."left", "left" = 0 WHERE {DUE}"""
"""In this order: what is due is read from the lots until the last statement empties them."""


def _expire(*, at: datetime, limit: int) -> int:
    with transaction.atomic():
        due = Lot.objects.filter(left__gt=0, expires_at__lte=at, account__held=0).order_by().values("account")
        wanted = list(due.distinct().order_by("account").values_list("account", flat=True)[:limit])
        # whoever writes these accounts' ledger waits; what they have left is read after that
        held = hold(Account.objects.filter(pk__in=wanted).only("pk", "held")) if wanted else []
        wanted = [account.pk for account in held if not account.held]
        if not wanted:
            return 0
        gone = Lot.objects.filter(account__in=wanted, left__gt=0, expires_at__lte=at).order_by()
        sums = list(gone.values_list("account__customer").annotate(points=Sum("left")).order_by("account__customer"))
        moment = connection.ops.adapt_datetimefield_value(at)
        with connection.cursor() as cursor:
            for sql in (ENTRIES, MOVES, BALANCES, LOTS):
                cursor.execute(_named(sql, wanted), [moment, *wanted])
        facts.publish(PointsExpired(customer=customer, at=at, points=points) for customer, points in sums)
    return len(wanted)


def _expire_beside(*, at: datetime, limit: int) -> int:
    """End what is due of accounts that have points set aside: what is set aside are those that end first, and they stay
    until the claim is over."""
    with transaction.atomic():
        due = Lot.objects.filter(left__gt=0, expires_at__lte=at, account__held__gt=0).order_by()
        sums = due.values("account__customer").annotate(points=Sum("left")).filter(points__gt=F("account__held"))
        wanted = list(sums.order_by("account__customer").values_list("account__customer", flat=True)[:limit])
        if not wanted:
            return 0
        book = Book(wanted, at=at)
        mine = list(due.filter(account__customer__in=wanted).select_related("account").order_by("expires_at", "pk"))
        happened = []
        for customer in wanted:
            lots = [lot for lot in mine if lot.account.customer_id == customer]
            points = sum(lot.left for lot in lots) - book.account(customer).held
            if points <= 0:
                continue
            # the first lot is emptied first, so that its next key is another
            key = f"expire:{lots[0].pk}:{lots[0].expired}"
            book.write(Posting(key=key, customer=customer, points=-points, kind=Entry.Kind.EXPIRY, at=at))
            happened.append(PointsExpired(customer=customer, at=at, points=points))
        book.close()
        facts.publish(happened)
    return len(happened)


def _named(sql: str, accounts: Sequence[int]) -> str:
    quote = connection.ops.quote_name
    tables: dict[str, Any] = {"entry": Entry, "account": Account, "lot": Lot, "move": LotMove}
    names = {name: quote(model._meta.db_table) for name, model in tables.items()}
    return sql.format(**names, accounts=", ".join(["%s"] * len(accounts)))
