"""A gift on every so many orders: repeating, undone on cancel, what is over carried on, nothing given twice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from campaigns.models import Coupon, Enrolment, Journey, Offer, Redemption, Step
from campaigns.services import coupons as campaign_coupons
from campaigns.services import journeys
from loyalty.facts import GiftEarned
from loyalty.models import Entry, GiftPlan, GiftProgress, GiftVersion, Present, Task
from loyalty.services import gift_plans, gift_ways, gifts, presents, spending, verifying
from retention.facts import OrderPaid
from retention.models import Fact, Order
from retention.services import facts
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty import gifts as given
from tests.loyalty.gifts import CUP, buy, offer, plan, promise
from tests.loyalty.till import START, account, join, ledger, start, who

Drain = Callable[[datetime], None]


def told(kind: str) -> int:
    return Fact.objects.filter(kind=f"loyalty.{kind}").count()


def use(coupon: Coupon, order: str, clock: Clock) -> None:
    """Let an order have used it, as the redemption's subscriber would write it down."""
    Coupon.objects.filter(pk=coupon.pk).update(used=1)
    Redemption.objects.create(
        coupon=coupon, offer=coupon.offer, customer=coupon.customer, customer_key="x", order=order, state="committed",
        currency="EUR", discount_minor=500, committed_at=clock.now,
    )  # fmt: skip


def test_seven_orders_at_every_five_are_one_gift_and_two_towards_the_next(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    made, user = plan(5, points=80), join()
    buy(shop, user, 7)
    drain(clock.now)
    assert given.presents(user) == [(1, "given")]
    assert account(user) == (80, 0)
    row = GiftProgress.objects.get()
    assert (row.orders, row.towards, row.every, row.rounds, row.standing) == (7, 2, 5, 1, 1)
    [(one, count, ahead)] = gift_ways.progress(who(user))
    assert (one.plan, count.towards, count.every, ahead) == (made, 2, 5, 0)
    buy(shop, user, 3)
    drain(clock.now)
    assert given.presents(user) == [(1, "given"), (2, "given")]
    assert account(user) == (160, 0)
    assert told("GiftEarned") == 2


def test_the_gift_is_told_once_with_the_order_that_brought_it(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    made, user = plan(2, surprise=True), join()
    placed = buy(shop, user, 2)
    drain(clock.now)
    fact = Fact.objects.get(kind="loyalty.GiftEarned")
    assert fact.customer == who(user).pk
    assert fact.payload == {
        "present": Present.objects.get().pk, "plan": made.pk, "number": 1, "gives": "points", "surprise": True,
        "order": placed[1],
    }  # fmt: skip


def test_a_coupon_of_an_offer_is_a_gift_and_is_called_off_when_its_order_is_cancelled(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    plan(2, offer=offer())
    user = join()
    placed = buy(shop, user, 2)
    drain(clock.now)
    [coupon] = Coupon.objects.filter(customer__user=user)
    assert (coupon.state, coupon.source, coupon.order) == ("issued", f"gift:{GiftPlan.objects.get().pk}", placed[1])
    shop.mark(placed[0], "cancelled", at=clock.now)
    drain(clock.now)
    assert given.presents(user) == [(1, "undone")]
    assert given.coupons(user) == [("void", 0)]
    assert told("GiftUndone") == 1
    shop.reinstate(placed[0])
    drain(clock.now)
    assert given.presents(user) == [(1, "undone"), (1, "given")]
    assert given.coupons(user) == [("void", 0), ("issued", 0)]


def test_points_go_back_by_a_mirror_entry(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    plan(2, points=50)
    user = join()
    placed = buy(shop, user, 2)
    drain(clock.now)
    shop.refund(placed[1], Decimal("40.00"), at=clock.now)
    drain(clock.now)
    assert ledger(user) == [("grant", "balance", 50), ("reversal", "balance", -50)]
    assert account(user) == (0, 0)
    assert list(verifying.differences()) == []


def test_a_partial_refund_leaves_the_order_counted(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    plan(2)
    user = join()
    placed = buy(shop, user, 2)
    drain(clock.now)
    shop.refund(placed[1], Decimal("39.99"), at=clock.now)
    drain(clock.now)
    assert given.presents(user) == [(1, "given")]


def test_something_in_the_parcel_is_a_task_that_is_withdrawn(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    plan(2, thing="A postcard")
    user = join()
    placed = buy(shop, user, 2)
    drain(clock.now)
    task = Task.objects.get()
    assert (task.what, task.order, task.state, task.kind) == ("A postcard", placed[1], "open", "gift")
    shop.mark(placed[1], "cancelled", at=clock.now)
    drain(clock.now)
    task.refresh_from_db()
    assert (task.state, task.closed_at) == ("withdrawn", clock.now)


def test_what_is_in_the_parcel_already_stays(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    plan(2, thing="A postcard")
    user = join()
    placed = buy(shop, user, 2)
    drain(clock.now)
    Task.objects.update(state="done", closed_at=clock.now, by="sam")
    shop.mark(placed[1], "cancelled", at=clock.now)
    drain(clock.now)
    assert given.presents(user) == [(1, "given")]
    buy(shop, user, 1)
    drain(clock.now)
    assert given.presents(user) == [(1, "given")]
    assert Task.objects.count() == 1


def test_a_gift_that_was_used_stays_and_the_next_one_takes_one_more(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    plan(2, offer=offer())
    user = join()
    placed = buy(shop, user, 2)
    drain(clock.now)
    use(Coupon.objects.get(), placed[1], clock)
    shop.mark(placed[0], "cancelled", at=clock.now)
    drain(clock.now)
    assert given.presents(user) == [(1, "given")]
    assert GiftProgress.objects.values_list("rounds", "standing", "towards").get() == (0, 1, 1)
    [(_, count, ahead)] = gift_ways.progress(who(user))
    assert (count.towards, ahead) == (1, 1)
    buy(shop, user, 1)  # the second that counts: the gift that stands is for this round
    drain(clock.now)
    assert given.presents(user) == [(1, "given")]
    buy(shop, user, 2)
    drain(clock.now)
    assert given.presents(user) == [(1, "given"), (2, "given")]


def test_of_two_gifts_the_unused_one_is_undone(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    plan(1, offer=offer())
    user = join()
    placed = buy(shop, user, 2)
    drain(clock.now)
    use(Coupon.objects.order_by("pk")[1], "later", clock)
    shop.mark(placed[1], "cancelled", at=clock.now)
    drain(clock.now)
    assert given.presents(user) == [(1, "undone"), (2, "given")]


def test_a_use_that_falls_back_lets_the_gift_be_undone(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    plan(2, offer=offer())
    user = join()
    placed = buy(shop, user, 2)
    drain(clock.now)
    Coupon.objects.update(used=1)  # a basket holds it
    shop.mark(placed[0], "cancelled", at=clock.now)
    drain(clock.now)
    assert given.presents(user) == [(1, "given")]
    assert gifts.settle_surplus(at=clock.now) == 0
    Coupon.objects.update(used=0)  # the basket's time is over
    assert gifts.settle_surplus(at=clock.now) == 1
    assert given.presents(user) == [(1, "undone")]
    assert gifts.settle_surplus(at=clock.now) == 0


def test_a_reissued_code_that_was_used_makes_the_gift_used(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    plan(2, offer=offer())
    user = join()
    placed = buy(shop, user, 2)
    drain(clock.now)
    old = Coupon.objects.get()
    wish = campaign_coupons.Wish(key="again", customer=who(user).pk, replaces=old)
    new = campaign_coupons.issue(wish, offer=old.offer, source="staff", at=clock.now)
    assert new is not None
    campaign_coupons.void([old], reason="lost", at=clock.now)
    Coupon.objects.filter(pk=new.pk).update(used=1)
    shop.mark(placed[0], "cancelled", at=clock.now)
    drain(clock.now)
    assert given.presents(user) == [(1, "given")]


@pytest.mark.parametrize(
    ("policy", "state", "balance"), [("owe", "undone", -30), ("zero", "given", 20), ("pending", "given", 20)]
)
def test_spent_points_go_by_the_programmes_debt_policy(
    policy: str, state: str, balance: int, shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start(debt_policy=policy, currency="JPY")
    plan(2, points=50)
    user = join()
    placed = buy(shop, user, 2)
    drain(clock.now)
    spending.spend(who(user).pk, amount=30, key="a", source="test", at=clock.now)
    shop.mark(placed[1], "cancelled", at=clock.now)
    drain(clock.now)
    assert given.presents(user) == [(1, state)]
    assert account(user) == (balance, 0)
    assert list(verifying.differences()) == []


def test_cancelled_orders_never_counted(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    plan(2)
    user = join()
    placed = buy(shop, user, 2)
    shop.mark(placed[0], "cancelled", at=clock.now)
    drain(clock.now)
    assert given.presents(user) == []


def test_an_order_counts_once_it_is_paid_in_the_place_where_it_was_placed(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    plan(2)
    user = join()
    first = shop.place(user=user, paid_at=None)
    clock.forward(hours=1)
    buy(shop, user, 1)
    drain(clock.now)
    assert given.presents(user) == []
    shop.mark(first, "paid", at=clock.now)
    drain(clock.now)
    assert given.presents(user) == [(1, "given")]
    assert Present.objects.get().order == "2"


def test_an_order_below_the_minimum_or_in_another_currency_does_not_count(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    plan(1, minimums={"EUR": 4000})
    user = join()
    buy(shop, user, 1, total="39.99")
    buy(shop, user, 1, total="5000", currency="JPY")
    drain(clock.now)
    assert given.presents(user) == []
    [large] = buy(shop, user, 1, total="40.00")
    drain(clock.now)
    assert given.presents(user) == [(1, "given")]
    shop.refund(large, Decimal("0.01"), at=clock.now)
    drain(clock.now)
    assert given.presents(user) == [(1, "undone")]


def test_a_changed_number_is_for_rounds_that_begin_from_then_on(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    made, user = plan(3, points=10), join()
    buy(shop, user, 2)
    drain(clock.now)
    promise(made, 2, at=clock.now, points=99)
    buy(shop, user, 1)
    drain(clock.now)
    assert account(user) == (10, 0)  # the round that had begun
    buy(shop, user, 2)
    drain(clock.now)
    assert account(user) == (109, 0)


def test_versions_are_superseded_and_the_same_words_are_no_new_version(clock: Clock, db: None) -> None:
    made = plan(3, points=10)
    first = GiftVersion.objects.get()
    promise(made, 3, at=clock.now, points=10)
    assert GiftVersion.objects.get() == first
    promise(made, 4, at=clock.now, points=10)
    first.refresh_from_db()
    assert (first.every, first.ends_at) == (3, clock.now)
    assert GiftVersion.objects.get(ends_at=None).every == 4


def test_what_was_ordered_while_the_plan_was_off_does_not_count(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    made, user = plan(2), join()
    buy(shop, user, 1)
    assert gift_plans.end(made, at=clock.now) is True
    assert gift_plans.end(made, at=clock.now) is False
    buy(shop, user, 3)
    drain(clock.now)
    assert given.presents(user) == []
    promise(made, 2, at=clock.now)
    buy(shop, user, 1)
    drain(clock.now)
    assert given.presents(user) == [(1, "given")]


@pytest.mark.parametrize(("before", "state"), [(False, []), (True, [(1, "given")])])
def test_orders_of_before_count_towards_the_first_gift_only_if_the_merchant_says_so(
    before: bool, state: list[tuple[int, str]], shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    user = join()
    buy(shop, user, 9)
    drain(clock.now)
    plan(3, at=clock.now, count_before=before)
    gifts.settle([who(user).pk], at=clock.now)
    assert given.presents(user) == []  # never for what was before alone
    buy(shop, user, 1)
    drain(clock.now)
    assert given.presents(user) == state


def test_history_brings_no_gift(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    plan(1, at=START - timedelta(days=2000))
    user = join()
    shop.place(user=user, at=clock.now - timedelta(days=800))
    drain(clock.now)
    assert Order.objects.get().history
    assert given.presents(user) == []
    assert GiftProgress.objects.count() == 0


def test_a_guest_gets_none_until_the_orders_belong_to_an_account(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    plan(2)
    first = shop.place(email="ada@example.com")
    second = shop.place(email="ada@example.com", at=clock.forward(hours=1))
    drain(clock.now)
    assert Present.objects.count() == 0
    user = join()
    for reference in (first, second):
        shop._change(reference, user_id=user.pk)
    drain(clock.now)
    assert given.presents(user) == [(1, "given")]


def test_an_order_that_changes_hands_takes_the_gift_along(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    plan(2)
    ada, bob = join(), join("bob@example.com")
    placed = buy(shop, ada, 2)
    buy(shop, bob, 1)
    drain(clock.now)
    shop._change(placed[0], user_id=bob.pk)
    drain(clock.now)
    assert given.presents(ada) == [(1, "undone")]
    assert given.presents(bob) == [(1, "given")]


def test_facts_that_come_again_change_nothing(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    plan(2)
    user = join()
    placed = buy(shop, user, 4)
    drain(clock.now)
    facts.publish(OrderPaid(customer=who(user).pk, at=clock.now, order=one) for one in placed)
    drain(clock.now)
    assert given.presents(user) == [(1, "given"), (2, "given")]
    assert Entry.objects.count() == 2


def test_an_offer_that_is_off_makes_the_gift_wait_and_nothing_is_lost(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    closed = offer()
    plan(2, offer=closed)
    closed.active = False
    closed.save()
    user = join()
    buy(shop, user, 2)
    drain(clock.now)
    assert list(Present.objects.values_list("state", "waits")) == [("due", "offer_off")]
    assert told("GiftEarned") == 0
    assert presents.give_due(at=clock.now) == 0
    closed.active = True
    closed.save()
    assert presents.give_due(at=clock.now) == 1
    assert presents.give_due(at=clock.now) == 0
    assert given.coupons(user) == [("issued", 0)]
    assert told("GiftEarned") == 1


def test_a_gift_that_waits_is_undone_without_having_been_given(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    closed = offer()
    plan(2, offer=closed)
    closed.active = False
    closed.save()
    user = join()
    placed = buy(shop, user, 2)
    drain(clock.now)
    shop.mark(placed[0], "cancelled", at=clock.now)
    drain(clock.now)
    assert given.presents(user) == [(1, "undone")]
    assert (told("GiftEarned"), told("GiftUndone")) == (0, 0)


def test_zero_orders_and_closed_offers_are_no_promise(clock: Clock, db: None) -> None:
    with pytest.raises(gift_plans.NothingAsked):
        plan(0)
    closed = offer()
    closed.active = False
    closed.save()
    with pytest.raises(gift_plans.OfferClosed):
        plan(2, offer=closed)
    made = plan(2)
    with pytest.raises(IntegrityError, match="loyalty_gift_every_from_one"), transaction.atomic():
        GiftVersion.objects.create(plan=made, every=0, gives="points", points=5, starts_at=START, ends_at=START)


def test_switching_off_ends_the_running_promise_and_all_that_was_to_follow(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    made, user, off = plan(2), join(), clock.now
    first, second, third = (off + timedelta(days=days) for days in (10, 20, 30))
    for every, at in ((3, first), (4, second), (5, third)):
        promise(made, every, at=at)
    assert gift_plans.end(made, at=off)
    assert list(GiftVersion.objects.order_by("starts_at").values_list("starts_at", "ends_at")) == [
        (START, off), (first, first), (second, second), (third, third)
    ]  # fmt: skip
    assert not gift_plans.end(made, at=clock.forward(minutes=1))
    for now in (off, first, second, third):
        clock.now = now + timedelta(hours=1)
        buy(shop, user, 5)
    drain(clock.now)
    assert (given.presents(user), account(user)) == ([], (0, 0))


def test_a_change_from_now_on_takes_the_place_of_one_that_was_planned(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    made, user, now = plan(5), join(), clock.now
    planned = now + timedelta(days=10)
    promise(made, 4, at=planned)
    promise(made, 2, at=now, points=80)
    assert list(GiftVersion.objects.order_by("pk").values_list("every", "starts_at", "ends_at")) == [
        (5, START, now), (4, planned, planned), (2, now, None)
    ]  # fmt: skip
    buy(shop, user, 2)
    drain(clock.now)
    assert account(user) == (80, 0)
    clock.now = planned
    buy(shop, user, 2)
    drain(clock.now)
    assert account(user) == (160, 0)


def switch(on: bool, *rows: Offer) -> None:
    Offer.objects.filter(pk__in=[row.pk for row in rows]).update(active=on)


def test_gifts_that_cannot_be_given_stand_in_nobodys_way(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    later = clock.now + timedelta(days=1)
    over, jug, user = offer(terms=replace(CUP, ends_on=later.date())), offer("jug"), join()
    first = plan(1, offer=over)
    gift_plans.end(first, at=later)
    plan(1, offer=jug, at=later, name="Jug")
    switch(False, over, jug)
    buy(shop, user, 3)
    drain(clock.now)
    clock.now = later
    buy(shop, user, 1)
    drain(clock.now)
    assert given.presents(user) == [(1, "due"), (2, "due"), (3, "due"), (1, "due")]
    switch(True, over, jug)
    clock.forward(days=5)
    assert presents.give_due(at=clock.now, limit=2) == 1
    assert list(Present.objects.order_by("pk").values_list("state", "waits")) == [
        *[("due", "offer_ended")] * 3, ("given", "")
    ]  # fmt: skip
    with CaptureQueriesContext(connection) as seen:
        assert presents.give_due(at=clock.now, limit=2) == 0
    assert not [one["sql"] for one in seen if one["sql"].startswith(("INSERT", "UPDATE"))]


def test_one_number_of_one_series_stands_once(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    plan(1)
    user = join()
    buy(shop, user, 1)
    drain(clock.now)
    row = Present.objects.get()
    row.pk, row.attempt = None, 2
    twice = r"loyalty_present_once_per_number|UNIQUE.*series.*number"  # SQLite names the columns
    with pytest.raises(IntegrityError, match=twice), transaction.atomic():
        row.save()


def test_how_many_would_have_had_it_in_the_last_year(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    ada, bob = join(), join("bob@example.com")
    buy(shop, ada, 3)
    buy(shop, bob, 2, total="90.00")
    drain(clock.now)
    assert gift_plans.reach(2, minimums={}, at=clock.now) == (2, 2)
    assert gift_plans.reach(3, minimums={}, at=clock.now) == (1, 2)
    assert gift_plans.reach(2, minimums={"EUR": 5000}, at=clock.now) == (1, 2)
    assert gift_plans.reach(1, minimums={"USD": 1}, at=clock.now) == (0, 2)


def test_a_journey_can_write_about_it_and_gives_nothing_itself(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    journey = Journey.objects.create(slug="gift", name="Gift", trigger=GiftEarned.kind, once=Journey.Once.ORDER)
    Step.objects.create(journey=journey, position=1, kind="mail", mail="campaigns.next_order")
    journeys.switch(journey, Journey.State.DRY, at=clock.now)
    plan(2)
    user = join()
    placed = buy(shop, user, 2)
    drain(clock.now)
    assert list(Enrolment.objects.values_list("customer__user", "order")) == [(user.pk, placed[1])]
    assert given.presents(user) == [(1, "given")]
