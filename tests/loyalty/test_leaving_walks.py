"""Members who come and go, whatever else happens to their orders: the books agree, what was ordered meanwhile is 0.

Five bugs are put in one by one; the same walks must find each of them, otherwise they prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.db.models import Sum

from campaigns.services import offers
from campaigns.terms import Money, Terms
from loyalty.models import Absence, Account, Claim, Entry, Lot, OrderAward, Reward
from loyalty.services import absences, awards, claims, expiry, forfeits, leaving, points, spending, tiers, verifying
from loyalty.services.differences import Difference
from retention.models import Customer, Order, Refund
from retention.testing.clock import Clock
from tests.loyalty.till import start, table

pytestmark = pytest.mark.django_db

STEPS = 40


class Walk:
    """One way through: two members, their orders, and what may happen to them."""

    def __init__(self, random: Random, clock: Clock) -> None:
        self.random, self.clock = random, clock
        policy = random.choice(["owe", "zero", "pending"])
        given: dict[str, Any] = {"debt_policy": policy, "pending_days": random.choice([0, 3])}
        if random.random() < 0.5:
            given |= {"expires": "days", "expires_after": 45, "expiry_since": clock.now}
        if random.random() < 0.3:
            given |= {"cap_month": 60, "cap_orders": True}
        start(**given)
        table(("Silver", 2000), metric=random.choice(["spend", "points"]))
        terms = Terms(kind="amount", valid_days=900, money=(Money(currency="EUR", amount=500),))
        offer = offers.create(slug="five", name="Five off", terms=terms, at=clock.now)
        self.reward = Reward.objects.create(name="5 off", cost=5, offer=offer, active=True, created_at=clock.now)
        self.people = [
            Customer.objects.create(kind="member", address=f"{name}@example.com", created_at=clock.now)
            for name in ("ada", "ben")
        ]
        self.left: dict[int, list[tuple[datetime, datetime | None]]] = {one.pk: [] for one in self.people}
        self.number = 0

    def step(self) -> None:
        self.clock.forward(hours=self.random.choice([1, 1, 30, 24 * 9]))
        who = self.random.choice(self.people)
        names = ["order", "order", "order", "refund", "cancel", "hand", "spend", "back", "claim", "give_up", "gift"]
        getattr(self, self.random.choice([*names, "leave", "leave", "come", "come", "ticks", "ticks"]))(who)
        self.check()

    def settle(self, *orders: Order) -> None:
        awards.settle({one.reference: self.clock.now for one in orders})

    def an_order(self, who: Customer) -> Order | None:
        rows = list(Order.objects.filter(customer=who).order_by("pk"))
        return self.random.choice(rows) if rows else None

    def order(self, who: Customer) -> None:
        self.number += 1
        now, paid = self.clock.now, self.random.random() < 0.8
        minor = self.random.choice([1000, 2500])
        made = Order.objects.create(
            reference=f"A{self.number}", number=f"A{self.number}", customer=who, currency="EUR", items_minor=minor,
            total_minor=minor, placed_at=now, paid_at=now if paid else None, first_seen_at=now, read_at=now,
        )  # fmt: skip
        if self.random.random() < 0.8:
            self.settle(made)

    def refund(self, who: Customer) -> None:
        if (one := self.an_order(who)) is not None:
            Refund.objects.create(order=one, reference=f"r{self.clock.now}", amount_minor=400, at=self.clock.now)
            self.settle(one)

    def cancel(self, who: Customer) -> None:
        """Cancel an order, or take it up again; unpaid ones are paid."""
        if (one := self.an_order(who)) is not None:
            if one.paid_at is None:
                one.paid_at = self.clock.now
            else:
                one.cancelled_at = None if one.cancelled_at else self.clock.now
            one.save()
            self.settle(one)

    def hand(self, who: Customer) -> None:
        if (one := self.an_order(who)) is not None:
            one.customer = next(other for other in self.people if other != who)
            one.save()
            self.settle(one)

    def spend(self, who: Customer) -> None:
        out = self.is_out(who)
        try:
            spending.spend(who.pk, amount=7, key=f"{self.clock.now}", source="test", at=self.clock.now)
        except points.NotEnough:
            return
        assert not out

    def back(self, who: Customer) -> None:
        spent = Entry.objects.filter(account__customer=who, kind="spend", key__startswith="spend:").order_by("pk")
        if spent:
            key = self.random.choice(list(spent)).key.removeprefix("spend:")
            spending.give_back(key, source="test", at=self.clock.now)

    def claim(self, who: Customer) -> None:
        try:
            claims.claim(self.reward, who, key=f"{self.clock.now}", at=self.clock.now)
        except claims.Refused:
            return
        assert not self.is_out(who)

    def give_up(self, who: Customer) -> None:
        for one in Claim.objects.filter(account__customer=who, state=Claim.State.RESERVED)[:1]:
            claims.give_up(one, at=self.clock.now)

    def gift(self, who: Customer) -> None:
        given = points.grant([(f"{self.clock.now}", who.pk, "")], points=9, source="test", at=self.clock.now)
        assert bool(given) != self.is_out(who)

    def leave(self, who: Customer) -> None:
        if not self.is_out(who):
            self.left[who.pk].append((self.clock.now, None))
        leaving.leave(who, at=self.clock.now)

    def come(self, who: Customer) -> None:
        before = {row.pk: row.balance + row.pending for row in Account.objects.filter(customer=who)}
        out = self.is_out(who)
        assert leaving.come_back(who, at=self.clock.now) is out
        if out:
            since, _ = self.left[who.pk].pop()
            self.left[who.pk].append((since, self.clock.now))
            row = Account.objects.get(customer=who)
            if self.clock.now < since + timedelta(days=30):
                assert row.balance + row.pending == before[row.pk]
            else:
                assert max(row.balance, row.pending) <= 0

    def ticks(self, who: Customer) -> None:
        awards.open_due(at=self.clock.now, limit=99)
        expiry.expire(at=self.clock.now)
        tiers.recompute(at=self.clock.now)
        forfeits.write_off_due(at=self.clock.now)
        for absence in Absence.objects.open().exclude(given_up_at=None):
            row = Account.objects.get(customer=absence.customer)
            assert (max(row.balance, 0), row.pending) == (0, 0)
        assert forfeits.write_off_due(at=self.clock.now) == 0

    def is_out(self, who: Customer) -> bool:
        return bool(self.left[who.pk] and self.left[who.pk][-1][1] is None)

    def check(self) -> None:
        assert list(verifying.differences()) == []
        for row in Account.objects.all():
            assert (row.left_at is not None) == any(until is None for _, until in self.left[row.customer_id])
            inside = Lot.objects.filter(account=row).aggregate(n=Sum("left"))["n"] or 0
            assert inside <= max(row.balance, 0)
        for award in OrderAward.objects.exclude(account=None).select_related("account"):
            order = Order.objects.get(reference=award.order)
            whose = award.account.customer_id if award.account else 0
            if order.customer_id == whose and any(
                since <= order.placed_at and (until is None or order.placed_at < until)
                for since, until in self.left[whose]
            ):
                assert award.pending + award.balance - award.forgiven == 0

    def end(self) -> None:
        """Settle everything once more: nothing changes."""
        self.ticks(self.people[0])
        before = list(Account.objects.order_by("pk").values_list("balance", "pending"))
        self.settle(*Order.objects.filter(reference__in=OrderAward.objects.values("order")))
        assert list(Account.objects.order_by("pk").values_list("balance", "pending")) == before


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_to_people_who_come_and_go_the_books_agree(seed: int, clock: Clock) -> None:
    walk = Walk(Random(seed), clock)
    for _ in range(STEPS):
        walk.step()
    walk.end()


def _counts_always(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(absences.Spans, "counts", lambda *_: True)


def _comes_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Difference, "target", lambda self: max(0, self.worth() - self.award.stopped))


def _given_to_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(points, "holders", lambda customers: set(customers))


def _kept_for_late_ones(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(absences, "ends_at", lambda left_at: left_at + timedelta(days=400))


def _gone_too_early(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(absences, "GRACE", timedelta(days=5))


@pytest.mark.parametrize(
    "bug",
    [_counts_always, _comes_again, _given_to_all, _kept_for_late_ones, _gone_too_early],
    ids=lambda bug: bug.__name__,
)
def test_the_same_walks_find_each_of_these_bugs(
    bug: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    bug(monkeypatch)
    for seed in range(12):
        try:
            with transaction.atomic():
                walk = Walk(Random(seed), Clock())
                for _ in range(STEPS):
                    walk.step()
                walk.end()
                transaction.set_rollback(True)
        except (AssertionError, DatabaseError):
            return
    pytest.fail("nothing was found")
