"""Whatever is done to the ledger, in any order and twice over, it says what a ledger kept on paper says.

Nineteen bugs are put into it one by one; the same machine must find each of them, otherwise it proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.cache import LRUCache
from hypothesis.internal.conjecture import providers
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from campaigns.models import Redemption
from loyalty.models import Account, Claim, Lot, Membership, Programme, Reward, TierTable
from loyalty.models.programme import DebtPolicy, Expires
from loyalty.services import (
    awards,
    breakdown,
    claims,
    corrections,
    differences,
    earning,
    ends,
    expiry,
    lots,
    paying,
    points,
    programmes,
    rules,
    settling,
    spending,
    spent_by_orders,
    tier_sums,
    tiers,
    verifying,
)  # fmt: skip
from loyalty.services.earning import Terms
from loyalty.services.matching import Held
from loyalty.services.points import NotEnough
from retention.models import Customer, Order, OrderLine, Refund
from retention.testing.clock import Clock
from tests.loyalty.paper import LIFE, Page, Sale, Wish
from tests.loyalty.till import START, rating, start, table

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("same_walks")]

PEOPLE = 2
who = st.integers(0, PEOPLE - 1)
some = st.integers(1, 60)
which = st.integers(0, 30)
EXTRA = 7
"""Points that every order has beyond its goods."""


@pytest.fixture
def same_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no numbers from the sources that happen to be loaded, so that a walk is the same whatever else is tested."""
    monkeypatch.setattr(providers, "_get_local_constants", providers.Constants)
    monkeypatch.setattr(providers, "CONSTANTS_CACHE", LRUCache(1024))


class Machine(RuleBasedStateMachine):
    """A programme whose points live for thirty days, two members, and the same on paper."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.clock = Clock()
        self.programme: Programme = start(
            expires=Expires.DAYS, expires_after=LIFE.days, expiry_since=START, debt_policy=DebtPolicy.OWE, worth="0.01"
        )
        self.rate, self.times = Decimal(1), Decimal(2)
        self.tea = rules.set_rule(
            self.programme, at=START, name="Tea", goods="only", products=["tea"], times=self.times
        )
        rules.set_rule(self.programme, at=START, name="Extra", effect="order", points=EXTRA)
        self.table: TierTable = table(("Silver", 3000), ("Gold", 8000))
        self.people = Customer.objects.bulk_create(
            Customer(kind="member", address=f"{n}@x.example", created_at=self.clock.now) for n in range(PEOPLE)
        )
        self.pages = [Page() for _ in self.people]
        self.sales: dict[str, Sale] = {}
        self.spent: dict[str, Any] = {}
        self.number = 0
        self.reward = Reward.objects.create(
            name="Points off", kind="points", cost=1, valid_days=366, active=True, created_at=self.clock.now
        )
        self.wishes: dict[int, Wish] = {}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def next(self) -> str:
        self.number += 1
        return f"k{self.number}"

    def settle(self, *references: str) -> None:
        awards.settle(dict.fromkeys(references, self.clock.now))
        tiers.recompute(at=self.clock.now)
        for reference in references:
            sale = self.sales[reference]
            self.pages[sale.customer].settle(reference, sale)
        self.settle_claims(*references)

    def pick(self, number: int) -> str:
        return sorted(self.sales)[number % len(self.sales)]

    # Orders

    @rule(customer=who, minor=st.integers(100, 6000), percent=st.integers(0, 100))
    def order(self, customer: int, minor: int, percent: int) -> None:
        reference = self.next()
        made = Order.objects.create(
            reference=reference, number=reference, customer=self.people[customer], currency="EUR", items_minor=minor,
            total_minor=minor, placed_at=self.clock.now, paid_at=self.clock.now, first_seen_at=self.clock.now,
            read_at=self.clock.now,
        )  # fmt: skip
        tea = minor * percent // 100
        OrderLine.objects.bulk_create(
            OrderLine(order=made, reference=product, product=product, amount_minor=part, list_minor=part)
            for product, part in (("tea", tea), ("cup", minor - tea))
        )
        self.sales[reference] = Sale(
            customer, minor, self.rate, self.clock.now + LIFE, tea=tea, times=self.times, extra=EXTRA
        )
        self.settle(reference)

    @rule(number=which, percent=st.integers(1, 100), named=st.booleans(), paid_by_points=st.booleans())
    def refund(self, number: int, percent: int, named: bool, paid_by_points: bool) -> None:
        if self.sales:
            theirs = sorted(wish.sale for wish in self.wishes.values() if wish.sale) if paid_by_points else []
            reference = theirs[number % len(theirs)] if theirs else self.pick(number)
            sale = self.sales[reference]
            amount = (sale.minor - sale.refunded) * percent // 100
            of_tea = min(amount, sale.tea - sale.tea_back) if named else 0
            sale.refunded += amount
            sale.tea_back += of_tea
            order = Order.objects.get(reference=reference)
            Refund.objects.create(
                order=order, reference=self.next(), amount_minor=amount, at=self.clock.now,
                lines=[["tea", of_tea]] if of_tea else [],
            )  # fmt: skip
            Order.objects.filter(pk=order.pk).update(refunded_minor=sale.refunded)
            self.settle(reference)

    @rule(number=which)
    def cancel_or_reinstate(self, number: int) -> None:
        if self.sales:
            reference = self.pick(number)
            sale = self.sales[reference]
            sale.cancelled = not sale.cancelled
            at = self.clock.now if sale.cancelled else None
            Order.objects.filter(reference=reference).update(cancelled_at=at)
            self.settle(reference)

    @rule()
    def settle_all_again(self) -> None:
        self.settle(*reversed(self.sales), *self.sales)

    @rule(rate=st.sampled_from(["0.5", "1", "2"]), times=st.sampled_from(["1.5", "2", "3"]))
    def change_the_rate_and_the_rule(self, rate: str, times: str) -> None:
        self.clock.forward(seconds=1)
        self.rate, self.times = Decimal(rate), Decimal(times)
        rating(self.programme, rate, at=self.clock.now, worth="0.01")
        self.tea = rules.set_rule(
            self.programme, at=self.clock.now, replaces=self.tea, name="Tea", goods="only", products=["tea"],
            times=self.times,
        )  # fmt: skip

    # Rewards

    def settle_claims(self, *references: str) -> None:
        for reference in references:
            sale = self.sales[reference]
            counts = not sale.cancelled and sale.refunded < sale.minor
            state = Redemption.State.COMMITTED if counts else Redemption.State.RELEASED
            Redemption.objects.filter(order=reference).update(state=state)
        # a use that is called off, or taken up again, is a fact of its own coupon
        used = Redemption.objects.filter(order__in=references).values_list("coupon", flat=True)
        spent_by_orders.settle(orders=references, of_coupons=set(used), at=self.clock.now)
        for wish in self.wishes.values():
            if wish.sale in references:
                self.pages[wish.customer].claim(wish, self.sales[wish.sale])

    @rule(customer=who, percent=st.integers(1, 110))
    def claim(self, customer: int, percent: int) -> None:
        key, page = self.next(), self.pages[customer]
        there = page.balance - page.held
        number = max(1, there * percent // 100)
        if number > there:
            with pytest.raises(claims.Refused):
                self.want(customer, number, key)
            return
        made = [self.want(customer, number, key) for _ in range(2)]
        assert made[0] == made[1]
        page.held += number
        self.wishes[made[0].pk] = Wish(customer, number)

    def want(self, customer: int, number: int, key: str) -> Claim:
        return claims.claim(
            self.reward, self.people[customer], key=key, amount=number, currency="EUR", at=self.clock.now
        )

    @rule(number=which, of_order=which, percent=st.integers(1, 100))
    def use(self, number: int, of_order: int, percent: int) -> None:
        """Let an order name a claim's coupon; it may be over by then."""
        used = {wish.sale for wish in self.wishes.values()}
        fresh = [pk for pk, wish in self.wishes.items() if not wish.sale]
        if not fresh:
            return
        pk = fresh[number % len(fresh)]
        wish = self.wishes[pk]
        mine = sorted(key for key, sale in self.sales.items() if sale.customer == wish.customer and key not in used)
        if not mine:
            return
        wish.sale, wish.discount = mine[of_order % len(mine)], max(1, wish.points * percent // 100)
        coupon = Claim.objects.select_related("coupon").get(pk=pk).coupon
        assert coupon is not None
        Redemption.objects.create(
            coupon=coupon, offer_id=coupon.offer_id, customer_key=f"person {wish.customer}", state="committed",
            order=wish.sale, currency="EUR", discount_minor=wish.discount, committed_at=self.clock.now,
        )  # fmt: skip
        counts = not self.sales[wish.sale].cancelled and self.sales[wish.sale].refunded < self.sales[wish.sale].minor
        if not counts:
            Redemption.objects.filter(order=wish.sale).update(state="released")
        spent_by_orders.settle(of_coupons=[coupon.pk], at=self.clock.now)
        self.pages[wish.customer].claim(wish, self.sales[wish.sale])

    @rule(customer=who, minor=st.integers(100, 6000), percent=st.integers(10, 100), used=st.sampled_from([100, 60]))
    def order_that_points_pay_for(self, customer: int, minor: int, percent: int, used: int) -> None:
        self.order(customer=customer, minor=minor, percent=0)
        self.claim(customer=customer, percent=percent)
        self.use(number=-1, of_order=-1, percent=used)

    @rule(number=which)
    def give_up(self, number: int) -> None:
        standing = [pk for pk, wish in self.wishes.items() if wish.state == "reserved"]
        if standing:
            pk = standing[number % len(standing)]
            for _ in range(2):
                claims.give_up(Claim.objects.get(pk=pk), at=self.clock.now)
            self.let_go(self.wishes[pk])

    def let_go(self, wish: Wish) -> None:
        wish.state = "released"
        self.pages[wish.customer].held -= wish.points

    # By hand

    @rule(customer=who, number=some)
    def give(self, customer: int, number: int) -> None:
        key = self.next()
        for _ in range(2):
            points.grant([(key, self.people[customer].pk, "")], points=number, source="test", at=self.clock.now)
        self.pages[customer].add(number, end=self.clock.now + LIFE)

    @rule(customer=who, number=st.integers(-90, 20).filter(bool))
    def correct(self, customer: int, number: int) -> None:
        corrections.correct(
            self.people[customer], amount=number, reason="r", author="a", key=self.next(), at=self.clock.now
        )
        page = self.pages[customer]
        page.add(number, end=self.clock.now + LIFE) if number > 0 else page.take(-number)

    # Spending

    @rule(customer=who, percent=st.integers(1, 110))
    def spend(self, customer: int, percent: int) -> None:
        key, page = self.next(), self.pages[customer]
        there = page.balance - page.held
        number = max(1, there * percent // 100)
        if number > there:
            with pytest.raises(NotEnough):
                self.take(customer, number, key)
            return
        for _ in range(2):
            self.take(customer, number, key)
        self.spent[key] = (customer, number, page.take(number))

    def take(self, customer: int, number: int, key: str) -> None:
        with transaction.atomic():
            spending.spend(self.people[customer].pk, amount=number, key=key, source="test", at=self.clock.now)

    @rule(number=which)
    def give_back(self, number: int) -> None:
        if self.spent:
            key = sorted(self.spent)[number % len(self.spent)]
            for _ in range(2):
                spending.give_back(key, source="test", at=self.clock.now)
            customer, amount, taken = self.spent.pop(key)
            self.pages[customer].put_back(amount, taken)

    # Time

    @rule(days=st.integers(1, 20))
    def wait(self, days: int) -> None:
        self.clock.forward(days=days)

    @rule()
    def wait_until_something_ends_to_the_instant(self) -> None:
        if ahead := [end for page in self.pages for end, left, _ in page.seen()[1] if left and end > self.clock.now]:
            self.clock.now = min(ahead)

    @rule()
    def tick(self) -> None:
        expiry.expire(at=self.clock.now)
        expiry.expire(at=self.clock.now)
        for page in self.pages:
            page.expire(self.clock.now)
        claims.release_uncovered(at=self.clock.now)
        for _, wish in sorted(self.wishes.items(), reverse=True):
            if wish.state == "reserved" and self.pages[wish.customer].balance < self.pages[wish.customer].held:
                self.let_go(wish)

    @invariant()
    def the_ledger_says_what_the_paper_says(self) -> None:
        balances = dict(Account.objects.values_list("customer", "balance"))
        rows = list(Lot.objects.values_list("account__customer", "expires_at", "left", "expired"))
        for person, page in zip(self.people, self.pages, strict=True):
            mine = sorted((end, left, ended) for owner, end, left, ended in rows if owner == person.pk)
            assert (balances.get(person.pk, 0), mine) == page.seen()
        wishes = Claim.objects.values_list("pk", "state", "spent", "missing")
        assert {pk: (wish.state, wish.spent, wish.missing) for pk, wish in self.wishes.items()} == {
            pk: tuple(rest) for pk, *rest in wishes
        }
        assert list(verifying.differences()) == []

    @invariant()
    def tiers_follow_spend_and_not_points(self) -> None:
        tiers.recompute(at=self.clock.now)
        stand = dict(Membership.objects.values_list("customer", "tier__name"))
        for number, person in enumerate(self.people):
            spent = sum(sale.net for sale in self.sales.values() if sale.customer == number)
            name = "Gold" if spent >= 8000 else "Silver" if spent >= 3000 else None
            assert stand.get(person.pk) == name


def run(examples: int, *, start_at: int | None = None) -> None:
    machine = Machine if start_at is None else seed(start_at)(type("Machine", (Machine,), {}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("examples", [25, pytest.param(5000, marks=pytest.mark.faults)])
def test_the_ledger_and_the_paper_agree(examples: int) -> None:
    run(examples)


def test_points_that_a_debt_has_eaten_do_not_come_back_a_second_time() -> None:
    machine = Machine()
    machine.order_that_points_pay_for(customer=1, minor=851, percent=86, used=100)
    machine.cancel_or_reinstate(number=0)
    machine.wait(days=5)
    machine.cancel_or_reinstate(number=0)
    machine.wait_until_something_ends_to_the_instant()
    machine.tick()
    machine.cancel_or_reinstate(number=0)
    machine.the_ledger_says_what_the_paper_says()
    assert machine.pages[1].seen()[0] == 0
    machine.teardown()


# The bugs

Patch = Callable[[pytest.MonkeyPatch], None]


def latest_first(patch: pytest.MonkeyPatch) -> None:
    right = lots.Lots._standing
    patch.setattr(lots.Lots, "_standing", lambda self, account: right(self, account)[::-1])


def a_return_lives_anew(patch: pytest.MonkeyPatch) -> None:
    def give_back(self: Any, entry: Any, points: int, *, taken: Any) -> None:
        self.put(entry, points, expires_at=entry.at + LIFE)

    patch.setattr(lots.Lots, "give_back", give_back)


def a_return_forgets_the_debt(patch: pytest.MonkeyPatch) -> None:
    right = lots.Lots.give_back
    patch.setattr(
        lots.Lots, "give_back", lambda self, entry, points, *, taken: right(self, entry, entry.points, taken=taken)
    )


def new_points_forget_the_debt(patch: pytest.MonkeyPatch) -> None:
    right = lots.Lots.put
    patch.setattr(
        lots.Lots, "put", lambda self, entry, points, *, expires_at: right(
            self, entry, entry.points, expires_at=expires_at
        )
    )  # fmt: skip


def an_instant_too_late(patch: pytest.MonkeyPatch) -> None:
    right = expiry._expire
    patch.setattr(expiry, "_expire", lambda *, at, **rest: right(at=at - timedelta(microseconds=1), **rest))


def in_the_statements(patch: pytest.MonkeyPatch, right: str, wrong: str) -> None:
    """Say something else in the statements of expiry, in the one that says it all and in those that follow another."""
    patch.setattr(expiry, "TOGETHER", replaced(expiry.TOGETHER, right, wrong))
    patch.setattr(expiry, "APART", [sql.replace(right, wrong) for sql in expiry.APART])


def replaced(sql: str, right: str, wrong: str) -> str:
    assert right in sql
    return sql.replace(right, wrong)


def what_ended_is_not_noted(patch: pytest.MonkeyPatch) -> None:
    in_the_statements(patch, 'l.expired + l."left"', "l.expired")


def the_balance_keeps_what_ended(patch: pytest.MonkeyPatch) -> None:
    in_the_statements(patch, "a.balance - gone.points", "a.balance")


def a_refund_takes_what_ended_once_more(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(differences.Difference, "_enjoyed", lambda self, customer, target: 10**9)


def a_refund_goes_by_todays_rate(patch: pytest.MonkeyPatch) -> None:
    def terms(award: Any) -> Terms:
        rate = programmes.running().rates[-1]  # type: ignore[union-attr]
        return Terms(currency=award.currency, points=rate.points, refund_policy=award.refund_policy)

    patch.setattr(differences, "terms_of", terms)


def a_refund_takes_the_soonest_first(patch: pytest.MonkeyPatch) -> None:
    right = lots.Lots.take

    def take(self: Any, entry: Any, points: int) -> None:
        order, entry.order = entry.order, ""
        right(self, entry, points)
        entry.order = order

    patch.setattr(lots.Lots, "take", take)


def points_live_from_when_they_are_settled(patch: pytest.MonkeyPatch) -> None:
    right = settling._record_window

    def window(award: Any, order: Any) -> None:
        right(award, order)
        award.expires_at = ends.of(award.expires, award.expires_after, opened=award.settled_at + timedelta(seconds=1))

    patch.setattr(settling, "_record_window", window)


def a_refund_forgets_which_line_it_was(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settling, "_by_line", lambda lines: {})


def an_old_order_goes_by_todays_rule(patch: pytest.MonkeyPatch) -> None:
    def complete(kept: Any, goods: Any, versions: Any) -> Any:
        current = tuple(version for version in versions if version.superseded_at is None)
        return breakdown.record(Held(rules=current), goods)

    patch.setattr(breakdown, "complete", complete)


def extra_points_outlive_their_order(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(earning._Order, "_back", lambda self, extra: 0)


def tiers_forget_refunds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        tier_sums, "SPEND", replaced(tier_sums.SPEND, "THEN total_minor - refunded_minor", "THEN total_minor")
    )


def nothing_ends_beside_a_claim(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(expiry, "_expire_beside", lambda **words: 0)


def a_partial_use_spends_it_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(paying, "used", lambda discount_minor, *, points, worth_minor: points)


def a_claim_that_is_over_keeps_its_points(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(points.Book, "let_go", lambda self, customer, points: None)


def a_refund_forgets_the_claim(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(paying, "given_back", lambda spent, *, refunded_minor, total_minor: 0)


BUGS: list[Patch] = [
    latest_first, a_return_lives_anew, a_return_forgets_the_debt, new_points_forget_the_debt, an_instant_too_late,
    what_ended_is_not_noted, the_balance_keeps_what_ended, a_refund_takes_what_ended_once_more,
    a_refund_goes_by_todays_rate, a_refund_takes_the_soonest_first, points_live_from_when_they_are_settled,
    tiers_forget_refunds, a_refund_forgets_which_line_it_was, an_old_order_goes_by_todays_rule,
    extra_points_outlive_their_order, nothing_ends_beside_a_claim, a_partial_use_spends_it_all,
    a_claim_that_is_over_keeps_its_points, a_refund_forgets_the_claim,
]  # fmt: skip


FOUND_AT: dict[Patch, int] = {
    a_refund_takes_what_ended_once_more: 14, nothing_ends_beside_a_claim: 17, a_return_forgets_the_debt: 4,
    an_instant_too_late: 3, what_ended_is_not_noted: 3, the_balance_keeps_what_ended: 3,
}  # fmt: skip
"""Where the machine has found a bug within a few walks; all others it finds from 2 on."""


@pytest.mark.sqlite  # the faster of the two: no bug of these is one of the database
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_bug_is_found(bug: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    bug(monkeypatch)
    with pytest.raises((AssertionError, DatabaseError)):
        hunt(FOUND_AT.get(bug, 2))


def hunt(place: int) -> None:
    """Begin at a place, and go on anywhere if it was not found there."""
    run(5, start_at=place)
    run(1000)
