"""Members leave at will: their points stand still for 30 days, and are as they were for who comes back in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.services import offers
from campaigns.terms import Money, Terms
from loyalty.facts import PointsForfeited, ProgrammeLeft, ProgrammeReturned, TierChanged
from loyalty.models import (
    Absence,
    Account,
    ActionAward,
    Claim,
    Entry,
    Lot,
    Membership,
    OrderAward,
    Participation,
    Present,
    Reward,
    TierBenefit,
    TierMove,
)
from loyalty.services import (
    absences,
    actions,
    awards,
    claims,
    corrections,
    expiry,
    forfeits,
    leaving,
    notices,
    participants,
    points,
    presents,
    promises,
    rewards,
    spending,
    tiers,
    verifying,
)
from loyalty.services.actions import Done
from loyalty.services.rewards import No
from retention.models import Customer, Fact, Message
from retention.services import customers
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty import club, gifts
from tests.loyalty.till import START, account, award, join, ledger, start, table, who

Drain = Callable[[datetime], None]


@pytest.fixture(autouse=True)
def books_agree(db: None) -> Any:
    yield
    assert list(verifying.differences()) == []


def buy(shop: FakeShop, drain: Drain, clock: Clock, user: Any, total: str = "40.00", **more: Any) -> str:
    reference = shop.place(user=user, total=Decimal(total), at=clock.now, **more)
    drain(clock.now)
    return reference


def leave(user: Any, drain: Drain, clock: Clock) -> Absence:
    """Leave a second later, so that what was placed just now was placed before."""
    absence = leaving.leave(who(user), at=clock.forward(seconds=1))
    drain(clock.now)
    return absence


def back(user: Any, drain: Drain, clock: Clock) -> bool:
    done = leaving.come_back(who(user), at=clock.now)
    drain(clock.now)
    return done


def reward(clock: Clock) -> Reward:
    terms = Terms(kind="amount", valid_days=90, money=(Money(currency="EUR", amount=500),))
    offer = offers.create(slug="five", name="Five off", terms=terms, at=clock.now)
    return Reward.objects.create(name="5.00 off", cost=30, offer=offer, active=True, created_at=clock.now)


# Standing still


def test_points_stand_still_and_are_there_after_29_days(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    user = join()
    buy(shop, drain, clock, user)
    leave(user, drain, clock)
    clock.forward(days=29)
    assert forfeits.write_off_due(at=clock.now) == 0
    assert back(user, drain, clock) is True
    assert account(user) == (40, 0)
    assert ledger(user) == [("award", "balance", 40)]
    buy(shop, drain, clock, user, "5.00")
    assert account(user) == (45, 0)


def test_after_30_days_what_stood_is_written_off_once(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(pending_days=20)
    user = join()
    buy(shop, drain, clock, user)
    awards.open_due(at=clock.forward(days=20), limit=9)
    points.grant([("gift", who(user).pk, "")], points=7, source="test", at=clock.now)
    buy(shop, drain, clock, user, "9.00")
    assert account(user) == (47, 9)
    left = leave(user, drain, clock)
    assert forfeits.write_off_due(at=clock.forward(days=30) - timedelta(seconds=1)) == 0
    assert forfeits.write_off_due(at=clock.now) == 1
    assert forfeits.write_off_due(at=clock.forward(days=1)) == 0
    assert account(user) == (0, 0)
    assert ledger(user)[-3:] == [("forfeit", "pending", -9), ("forfeit", "balance", -40), ("forfeit", "balance", -7)]
    told = Fact.objects.filter(kind=PointsForfeited.kind)
    assert [(fact.customer, fact.payload["points"]) for fact in told] == [(who(user).pk, 56)]
    left.refresh_from_db()
    assert (left.given_up_at, left.returned_at, left.write_offs) == (left.left_at + absences.GRACE, None, 1)


def test_pending_points_that_were_written_off_do_not_open_later(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(pending_days=60)
    user = join()
    reference = buy(shop, drain, clock, user)
    leave(user, drain, clock)
    forfeits.write_off_due(at=clock.forward(days=30))
    back(user, drain, clock)
    awards.open_due(at=clock.forward(days=40), limit=9)
    awards.settle({reference: clock.now})
    assert account(user) == (0, 0)
    assert (award(reference).at_most, award(reference).earned) == (0, 40)


def test_pending_points_open_for_who_is_out_and_are_there_for_who_comes_back(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start(pending_days=14)
    user = join()
    buy(shop, drain, clock, user)
    leave(user, drain, clock)
    awards.open_due(at=clock.forward(days=14), limit=9)
    assert account(user) == (40, 0)
    back(user, drain, clock)
    assert account(user) == (40, 0)


def test_who_comes_back_after_31_days_has_none_even_if_the_tick_was_late(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start()
    user = join()
    buy(shop, drain, clock, user)
    leave(user, drain, clock)
    clock.forward(days=31)
    assert back(user, drain, clock) is True
    assert account(user) == (0, 0)
    assert ledger(user)[-1] == ("forfeit", "balance", -40)
    assert forfeits.write_off_due(at=clock.now) == 0
    buy(shop, drain, clock, user, "5.00")
    assert account(user) == (5, 0)
    told = Fact.objects.filter(kind=ProgrammeReturned.kind)
    assert [fact.payload["in_time"] for fact in told] == [False]


def test_points_with_an_end_of_their_own_keep_it(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(expires="days", expires_after=100)
    expiry.expire(at=clock.now)
    user = join()
    buy(shop, drain, clock, user)
    clock.forward(days=80)
    buy(shop, drain, clock, user, "10.00")
    leave(user, drain, clock)
    expiry.expire(at=clock.forward(days=20))
    assert account(user) == (10, 0)
    forfeits.write_off_due(at=clock.forward(days=10))
    assert account(user) == (0, 0)
    assert [(lot.left, lot.expired) for lot in Lot.objects.order_by("pk")] == [(0, 40), (0, 0)]
    assert expiry.expire(at=clock.forward(days=200)) == 0


def test_a_debt_stays(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    user = join()
    order = buy(shop, drain, clock, user)
    spending.spend(who(user).pk, amount=30, key="s", source="test", at=clock.now)
    leave(user, drain, clock)
    shop.refund(order, Decimal("40.00"), at=clock.forward(days=3))
    drain(clock.now)
    assert account(user) == (-30, 0)
    forfeits.write_off_due(at=clock.forward(days=30))
    assert account(user) == (-30, 0)
    assert not Entry.objects.filter(kind="forfeit").exists()


# Nothing is earned


def test_an_order_a_second_before_leaving_earns_and_one_after_it_never_does(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start()
    user = join()
    before = shop.place(user=user, total=Decimal("10.00"), at=clock.now)
    clock.forward(seconds=1)
    leaving.leave(who(user), at=clock.now)
    after = shop.place(user=user, total=Decimal("20.00"), at=clock.now)
    drain(clock.now)
    assert account(user) == (10, 0)
    back(user, drain, clock.forward(days=3) and clock)
    awards.settle({before: clock.now, after: clock.now})
    assert account(user) == (10, 0)
    assert (award(before).at_most, award(after).at_most, award(after).earned) == (None, 0, 20)


def test_an_order_that_was_settled_before_its_owner_was_seen_to_leave_is_taken_back(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start()
    user = join()
    reference = buy(shop, drain, clock, user)
    leaving.leave(who(user), at=clock.now - timedelta(seconds=1))
    assert account(user) == (40, 0)
    drain(clock.now)
    assert account(user) == (0, 0)
    assert award(reference).at_most == 0


def test_an_order_of_before_that_is_paid_while_out_counts_until_it_is_given_up(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start()
    user = join()
    early = shop.place(user=user, total=Decimal("10.00"), at=clock.now, paid_at=None, status="Pending")
    late = shop.place(user=user, total=Decimal("20.00"), at=clock.now, paid_at=None, status="Pending")
    drain(clock.now)
    leave(user, drain, clock)
    shop.mark(early, "paid", at=clock.forward(days=5))
    drain(clock.now)
    assert account(user) == (10, 0)
    forfeits.write_off_due(at=clock.forward(days=25))
    shop.mark(late, "paid", at=clock.forward(days=5))
    drain(clock.now)
    assert account(user) == (0, 0)
    back(user, drain, clock)
    assert account(user) == (0, 0)
    assert (award(early).at_most, award(late).at_most) == (0, 0)


def test_gifts_of_points_are_refused_while_out(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    user = join()
    leave(user, drain, clock)
    assert points.grant([("journey", who(user).pk, "")], points=5, source="test", at=clock.now) == []
    with pytest.raises(corrections.HasLeft):
        corrections.correct(who(user), amount=5, reason="kind", author="staff", key="1", at=clock.now)
    assert account(user) == (0, 0)
    back(user, drain, clock)
    assert len(points.grant([("journey", who(user).pk, "")], points=5, source="test", at=clock.now)) == 1


def test_what_is_done_while_out_is_declined_and_what_was_done_before_is_not(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    programme = start()
    user = join()
    actions.set_rule(programme, action="review", points=20, often="thing", at=START)
    before = clock.now
    leave(user, drain, clock)
    for subject, when in (("cup", before), ("tea", clock.now)):
        actions.did([Done(action="review", customer=who(user).pk, subject=subject, at=when)], at=clock.now)
    back(user, drain, clock)
    actions.did([Done(action="review", customer=who(user).pk, subject="pot", at=clock.now)], at=clock.now)
    rows = ActionAward.objects.order_by("pk").values_list("subject", "state", "reason")
    assert list(rows) == [("cup", "given", ""), ("tea", "declined", "had left the programme"), ("pot", "given", "")]
    assert account(user) == (40, 0)
    actions.did([Done(action="review", customer=who(user).pk, subject="tea", at=clock.now)], at=clock.now)
    assert account(user) == (60, 0), "what is done again now is the first that counts"


def test_orders_placed_while_out_lead_to_no_gift_and_a_gift_waits_for_who_comes_back(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start()
    user = join()
    gifts.plan(2, points=50)
    buy(shop, drain, clock, user)
    second = shop.place(user=user, total=Decimal("40.00"), at=clock.now, paid_at=None, status="Pending")
    drain(clock.now)
    leave(user, drain, clock)
    buy(shop, drain, clock, user)
    buy(shop, drain, clock, user)
    assert gifts.presents(user) == []
    shop.mark(second, "paid", at=clock.forward(days=1))
    drain(clock.now)
    assert list(Present.objects.values_list("state", "waits")) == [("due", "left")]
    presents.give_due(at=clock.now)
    assert account(user) == (80, 0)
    back(user, drain, clock)
    presents.give_due(at=clock.now)
    assert gifts.presents(user) == [(1, "given")]
    assert account(user) == (130, 0)


def test_who_is_out_joins_no_challenge_and_orders_meanwhile_win_none(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start()
    user = join()
    asked = gifts.challenge(clock, target=1, automatic=False)
    other = gifts.challenge(clock, target=1, automatic=True)
    leave(user, drain, clock)
    with pytest.raises(participants.NotForThem):
        participants.join(asked, who(user), at=clock.now)
    buy(shop, drain, clock, user)
    back(user, drain, clock.forward(hours=1) and clock)
    assert not Participation.objects.filter(challenge=other).exists()
    assert account(user) == (0, 0)


def test_nothing_is_promised_to_who_is_out(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    user = join()
    assert promises.for_amount(Decimal("24.00"), "EUR", at=clock.now, user_id=user.pk) == 24
    reference = buy(shop, drain, clock, user)
    clock.forward(seconds=1)
    leave(user, drain, clock)
    assert promises.for_amount(Decimal("24.00"), "EUR", at=clock.now, user_id=user.pk) == 0
    assert promises.for_amount(Decimal("24.00"), "EUR", at=clock.now) == 24
    assert promises.for_reference(reference) == 40
    other = shop.place(user=user, total=Decimal("20.00"), at=clock.now, paid_at=None, status="Pending")
    drain(clock.now)
    assert promises.for_reference(other) == 0
    assert promises.for_order(shop.orders[other]) == 0


def test_an_order_of_who_is_back_earns_even_if_it_was_settled_before_that_was_seen(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start()
    user = join()
    leave(user, drain, clock)
    reference = shop.place(user=user, total=Decimal("40.00"), at=clock.forward(seconds=5))
    drain(clock.now)
    assert award(reference).at_most == 0
    leaving.come_back(who(user), at=clock.now - timedelta(seconds=1))
    drain(clock.now)
    assert (account(user), award(reference).at_most) == ((40, 0), None)


# Refunds


def test_refunds_while_out_take_back_and_a_return_does_not_bring_it_back(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start()
    user = join()
    order = buy(shop, drain, clock, user)
    leave(user, drain, clock)
    shop.refund(order, Decimal("10.00"), at=clock.forward(days=3))
    drain(clock.now)
    assert account(user) == (30, 0)
    back(user, drain, clock)
    assert account(user) == (30, 0)


@pytest.mark.parametrize(("ends", "refunded", "balance"), [
    ("never", "40.00", -25), ("never", "20.00", -5), ("never", "5.00", 0),
    ("days", "40.00", -25), ("days", "20.00", -5), ("days", "5.00", 0),
])  # fmt: skip
def test_a_refund_after_giving_up_takes_back_what_was_had_and_no_more(
    shop: FakeShop, clock: Clock, drain: Drain, ends: str, refunded: str, balance: int
) -> None:
    start(expires=ends, expires_after=None if ends == "never" else 365)
    user = join()
    order = buy(shop, drain, clock, user)
    spending.spend(who(user).pk, amount=25, key="s", source="test", at=clock.now)
    leave(user, drain, clock)
    forfeits.write_off_due(at=clock.forward(days=30))
    assert (account(user), award(order).at_most) == ((0, 0), 25)
    shop.refund(order, Decimal(refunded), at=clock.forward(days=1))
    drain(clock.now)
    assert account(user) == (balance, 0)
    forfeits.write_off_due(at=clock.forward(days=1))
    back(user, drain, clock)
    assert account(user) == (balance, 0)


# Rewards


def test_a_gift_that_was_given_up_is_not_taken_back_as_a_debt(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    gifts.plan(3, points=50)
    user = join()
    orders = gifts.buy(shop, user, 3)
    drain(clock.now)
    presents.give_due(at=clock.now)
    assert account(user) == (50, 0)
    leave(user, drain, clock)
    forfeits.write_off_due(at=clock.forward(days=31))
    assert account(user) == (0, 0)
    shop.mark(orders[0], "cancelled")
    drain(clock.now)
    assert account(user) == (0, 0)


def test_what_was_set_aside_is_back_and_nothing_can_be_claimed(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    user = join()
    buy(shop, drain, clock, user)
    made = claims.claim(reward(clock), who(user), key="k", at=clock.now)
    leave(user, drain, clock)
    made.refresh_from_db()
    assert (made.state, made.reason) == (Claim.State.RELEASED, Claim.Reason.LEFT)
    assert Account.objects.values_list("balance", "held").get() == (40, 0)
    with pytest.raises(claims.Refused) as caught:
        claims.claim(Reward.objects.get(), who(user), key="k2", at=clock.now)
    assert caught.value.no == No.HAS_LEFT
    assert [one.no for one in rewards.choices(who(user), Account.objects.get(), at=clock.now)] == [No.HAS_LEFT]
    with pytest.raises(points.NotEnough):
        spending.spend(who(user).pk, amount=1, key="s", source="test", at=clock.now)
    back(user, drain, clock)
    assert claims.claim(Reward.objects.get(), who(user), key="k3", at=clock.now).points == 30


# Tiers


def test_who_is_out_stands_in_no_tier_and_stands_where_they_did_after_coming_back(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start()
    rungs = table(("Silver", 3000), ("Gold", 9000), term="days", term_days=200)
    user = join()
    buy(shop, drain, clock, user, "95.00")
    stood = Membership.objects.get()
    assert (stood.tier and stood.tier.name, tiers.count_fit(rungs, at=clock.now)) == ("Gold", {stood.tier_id: 1})
    leave(user, drain, clock.forward(days=2) and clock)
    assert not Membership.objects.exists()
    assert tiers.count_fit(rungs, at=clock.now) == {}
    tiers.recompute(at=clock.now)
    assert not Membership.objects.exists()
    back(user, drain, clock.forward(days=20) and clock)
    again = Membership.objects.get()
    assert (again.tier, again.since, again.held_until) == (stood.tier, stood.since, stood.held_until)
    moves = TierMove.objects.order_by("pk").values_list("old_name", "new_name")
    assert list(moves) == [("", "Gold"), ("Gold", ""), ("", "Gold")]
    told = Fact.objects.filter(kind=TierChanged.kind).order_by("pk")
    assert [fact.payload["history"] for fact in told][1:] == [True, True]


def test_what_is_bought_while_out_counts_for_no_tier(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    table(("Silver", 3000), ("Gold", 9000))
    user = join()
    buy(shop, drain, clock, user, "50.00")
    clock.forward(days=1)
    leave(user, drain, clock)
    buy(shop, drain, clock, user, "50.00")
    back(user, drain, clock.forward(days=40) and clock)
    tier = Membership.objects.get().tier
    assert tier is not None
    assert tier.name == "Silver"


def test_free_shipping_of_a_tier_is_called_off_and_given_again(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    rungs = table(("Silver", 3000))
    TierBenefit.objects.create(tier=rungs.tiers.get(), kind="shipping", offer=club.shipping())
    user = join()
    buy(shop, drain, clock, user)
    leave(user, drain, clock)
    back(user, drain, clock.forward(days=1) and clock)
    assert gifts.coupons(user) == [("void", 0), ("issued", 0)]


# Mail, and other rows of the same person


def test_who_is_out_gets_no_mail_about_points_that_end(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(expires="days", expires_after=60)
    expiry.expire(at=clock.now)
    user = join()
    buy(shop, drain, clock, user)
    leave(user, drain, clock)
    clock.forward(days=29)
    assert notices.warn(at=clock.now + timedelta(days=2)) == 0
    back(user, drain, clock)
    assert notices.warn(at=clock.now + timedelta(days=2)) == 1
    leave(user, drain, clock)
    [message] = Message.objects.filter(mail=notices.MAIL)
    assert notices.ending([message.customer_id], at=clock.now) == {}


def test_a_guests_orders_come_to_who_is_out_by_when_they_were_placed(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start()
    user = join()
    before = shop.place(email="ada@example.com", total=Decimal("10.00"), at=clock.now)
    drain(clock.now)
    leave(user, drain, clock)
    after = shop.place(email="ada@example.com", total=Decimal("20.00"), at=clock.forward(days=1))
    drain(clock.now)
    guest = Customer.objects.get(kind="guest")
    assert customers.absorb(guest, into=who(user), at=clock.now)
    drain(clock.now)
    assert account(user) == (10, 0)
    assert (award(before).at_most, award(after).at_most) == (None, 0)


# Once, and whom it is for


def test_leaving_and_coming_back_twice_is_once(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    user = join()
    first = leave(user, drain, clock)
    second = leave(user, drain, clock.forward(days=1) and clock)
    assert (first, first.left_at) == (second, second.left_at)
    assert [back(user, drain, clock), back(user, drain, clock)] == [True, False]
    leave(user, drain, clock.forward(days=1) and clock)
    assert Absence.objects.count() == 2
    assert Account.objects.get().absences == 2
    assert Fact.objects.filter(kind=ProgrammeLeft.kind).count() == 2
    assert len(mail.outbox) == 0


def test_guests_and_the_forgotten_cannot_leave(shop: FakeShop, clock: Clock) -> None:
    guest = Customer.objects.create(kind="guest", address="g@example.com", created_at=clock.now)
    gone = Customer.objects.create(kind="member", created_at=clock.now, erased_at=clock.now)
    for customer in (guest, gone):
        with pytest.raises(leaving.NotAMember):
            leaving.leave(customer, at=clock.now)
    assert not Absence.objects.exists()


def test_the_tick_takes_the_same_number_of_queries_for_one_and_for_twelve(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start(expires="days", expires_after=365)

    def crowd(many: int, name: str) -> None:
        for number in range(many):
            user = join(f"{name}{number}@example.com")
            for _ in range(number % 3 + 1):
                buy(shop, drain, clock, user)
            leave(user, drain, clock)

    crowd(1, "a")
    with CaptureQueriesContext(connection) as few:
        assert forfeits.write_off_due(at=clock.forward(days=30)) == 1
    crowd(12, "b")
    with CaptureQueriesContext(connection) as many:
        assert forfeits.write_off_due(at=clock.forward(days=30)) == 12
    assert len(many) == len(few)
    assert OrderAward.objects.exclude(balance=0, pending=0).count() == 0
