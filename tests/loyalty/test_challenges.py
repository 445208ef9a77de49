"""Challenges: so much within a time, for points or a coupon; joined or automatic, undone in time, then final."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from campaigns.models import Coupon
from loyalty.models import Participation, Present
from loyalty.services import challenge_reach, challenges, participants, verifying
from retention.models import Fact
from retention.shop import LineData
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty import gifts as given
from tests.loyalty.gifts import buy, challenge, offer
from tests.loyalty.till import START, account, join, who

Drain = Callable[[datetime], None]
DAY = timedelta(days=1)
FEBRUARY = datetime.fromisoformat("2026-02-20T00:00:00+00:00")


def state() -> tuple[str, int, int]:
    return Participation.objects.values_list("state", "progress", "wins").get()


def told(kind: str) -> int:
    return Fact.objects.filter(kind=f"loyalty.{kind}").count()


def lines(*products: str, amount: str = "20.00", categories: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what ``place`` takes for an order of these products."""
    rows = tuple(
        LineData(reference=str(n), product=product, amount=Decimal(amount), categories=categories)
        for n, product in enumerate(products)
    )
    return {"lines": rows, "items": Decimal(amount) * len(rows), "total": str(Decimal(amount) * len(rows))}


def test_who_joins_and_orders_three_times_gets_the_points_once(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    made, user = challenge(clock), join()
    buy(shop, user, 1)  # before joining: it does not count
    participants.join(made, who(user), at=clock.now)
    buy(shop, user, 2)
    drain(clock.now)
    assert (state(), account(user)) == (("running", 2, 0), (0, 0))
    buy(shop, user, 1)
    drain(clock.now)
    assert (state(), account(user)) == (("won", 3, 1), (100, 0))
    buy(shop, user, 4)
    drain(clock.now)
    assert (state(), account(user)) == (("won", 7, 1), (100, 0))
    assert told("ChallengeWon") == 1


def test_joining_twice_is_one_participation(shop: FakeShop, clock: Clock) -> None:
    made, user = challenge(clock), join()
    first = participants.join(made, who(user), at=clock.now)
    assert participants.join(made, who(user), at=clock.forward(hours=1)) == first
    assert Participation.objects.count() == 1
    with (
        pytest.raises(IntegrityError, match=r"loyalty_challenge_once_per_person|UNIQUE.*challenge_id"),
        transaction.atomic(),
    ):
        participants.begin(made, who(user).pk, at=clock.now).save()


def test_who_does_not_join_wins_nothing(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    challenge(clock)
    user = join()
    buy(shop, user, 5)
    drain(clock.now)
    assert (Participation.objects.count(), account(user)) == (0, (0, 0))


def test_an_automatic_one_counts_from_its_first_day(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    made = challenge(clock, automatic=True)
    user, late = join(), join("bob@example.com")
    shop.place(user=user, at=made.starts_at - timedelta(seconds=1))
    shop.place(user=user, at=made.starts_at)
    buy(shop, user, 2)
    shop.place(user=late, at=made.ends_at)
    drain(clock.now)
    assert (state(), account(user)) == (("won", 3, 1), (100, 0))
    with pytest.raises(participants.NoJoining):
        participants.join(made, who(user), at=clock.now)


def test_orders_after_the_end_do_not_count_and_it_is_said_to_have_ended(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    made, user = challenge(clock, ends_at=clock.now + 3 * DAY), join()
    participants.join(made, who(user), at=clock.now)
    buy(shop, user, 2)
    drain(clock.now)
    clock.now = made.ends_at
    buy(shop, user, 1)
    drain(clock.now)
    assert state() == ("missed", 2, 0)
    assert challenges.close(at=clock.now) == 0
    clock.now = made.ends_at + 14 * DAY
    assert challenges.close(at=clock.now) == 1
    assert Participation.objects.get().closed_at == clock.now
    assert challenges.close(at=clock.now) == 0


def test_the_tick_says_that_it_ended_to_who_did_not_order(shop: FakeShop, clock: Clock) -> None:
    made, user = challenge(clock, ends_at=clock.now + 3 * DAY), join()
    participants.join(made, who(user), at=clock.now)
    assert challenges.close(at=made.ends_at - timedelta(seconds=1)) == 0
    assert challenges.close(at=made.ends_at) == 1
    assert state() == ("missed", 0, 0)


def test_a_return_in_the_window_undoes_it_and_a_later_one_does_not(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    made, user = challenge(clock, ends_at=clock.now + 3 * DAY), join()
    participants.join(made, who(user), at=clock.now)
    placed = buy(shop, user, 3)
    drain(clock.now)
    clock.now = made.ends_at + 13 * DAY
    shop.refund(placed[0], Decimal("40.00"), at=clock.now)
    drain(clock.now)
    assert (state(), account(user)) == (("missed", 2, 0), (0, 0))
    assert told("ChallengeUndone") == 1
    shop._change(placed[0], refunds=())
    drain(clock.now)
    assert (state(), account(user)) == (("won", 3, 1), (100, 0))
    clock.now = made.ends_at + 14 * DAY
    assert challenges.close(at=clock.now) == 1
    shop.mark(placed[1], "cancelled", at=clock.now)
    drain(clock.now)
    assert (state(), account(user)) == (("won", 3, 1), (100, 0))
    assert list(verifying.differences()) == []


def test_a_coupon_that_was_used_stays(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    made, user = challenge(clock, gives="coupon", offer=offer()), join()
    participants.join(made, who(user), at=clock.now)
    placed = buy(shop, user, 3)
    drain(clock.now)
    [coupon] = Coupon.objects.all()
    assert coupon.source == f"challenge:{made.pk}"
    Coupon.objects.update(used=1)
    shop.mark(placed[0], "cancelled", at=clock.now)
    drain(clock.now)
    assert state() == ("won", 2, 1)
    buy(shop, user, 1)
    drain(clock.now)
    assert given.presents(user) == [(1, "given")]
    assert Coupon.objects.count() == 1


def test_different_products_count_each_once(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    made, user = challenge(clock, goal="products", target=3), join()
    participants.join(made, who(user), at=clock.now)
    buy(shop, user, 1, **lines("p1", "p2"))
    buy(shop, user, 1, **lines("p2", "p1"))
    drain(clock.now)
    assert state() == ("running", 2, 0)
    buy(shop, user, 1, **lines("p3"))
    drain(clock.now)
    assert state() == ("won", 3, 1)


def test_only_named_products_and_categories_count(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    goods = [("product", "p1"), ("category", "clay")]
    made, user = challenge(clock, goal="products", target=2, goods=goods), join()
    participants.join(made, who(user), at=clock.now)
    buy(shop, user, 1, **lines("p1", "p2"))
    drain(clock.now)
    assert state() == ("running", 1, 0)
    buy(shop, user, 1, **lines("p9", categories=("clay", "clay/cups")))
    drain(clock.now)
    assert state() == ("won", 2, 1)


def test_an_amount_counts_goods_less_refunds_in_its_currency(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    made, user = challenge(clock, goal="amount", target=10000, currency="EUR"), join()
    participants.join(made, who(user), at=clock.now)
    [first] = buy(shop, user, 1, total="60.00")
    buy(shop, user, 1, total="9000", currency="JPY")
    buy(shop, user, 1, total="40.00")
    drain(clock.now)
    assert state() == ("won", 10000, 1)
    shop.refund(first, Decimal("0.01"), at=clock.now)
    drain(clock.now)
    assert state() == ("running", 9999, 0)


def test_days_from_joining(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    made, user = challenge(clock, span="joined", days=7, ends_at=None), join()
    row = participants.join(made, who(user), at=clock.now)
    assert (row.starts_at, row.ends_at, row.closes_at) == (clock.now, clock.now + 7 * DAY, clock.now + 21 * DAY)
    buy(shop, user, 2)
    drain(clock.now)
    assert row.ends_at is not None
    clock.now = row.ends_at
    buy(shop, user, 1)
    drain(clock.now)
    assert state() == ("missed", 2, 0)


def test_days_from_the_first_order_that_counts(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    made, user = challenge(clock, span="order", days=7, automatic=True, ends_at=None), join()
    [first] = buy(shop, user, 1)
    begun = shop.orders[first].placed_at
    drain(clock.now)
    assert Participation.objects.get().ends_at == begun + 7 * DAY
    clock.forward(days=5)
    placed = buy(shop, user, 1)
    shop.mark(first, "cancelled", at=clock.now)
    drain(clock.now)
    assert Participation.objects.get().ends_at == shop.orders[placed[0]].placed_at + 7 * DAY
    clock.forward(days=5)
    buy(shop, user, 2)
    drain(clock.now)
    assert (state(), made.participations.count()) == (("won", 3, 1), 1)


def test_one_that_can_be_won_again_is_won_as_often_as_allowed(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    made, user = challenge(clock, target=2, most=2), join()
    participants.join(made, who(user), at=clock.now)
    placed = buy(shop, user, 7)
    drain(clock.now)
    assert (state(), account(user)) == (("won", 7, 2), (200, 0))
    for order in placed[:4]:
        shop.mark(order, "cancelled", at=clock.now)
    drain(clock.now)
    assert (state(), account(user)) == (("won", 3, 1), (100, 0))


def test_it_is_only_for_whom_its_condition_holds(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    asked = {"condition": "campaigns.not_ordered_for", "parameters": {"days": 30}}
    made, user, other = challenge(clock, target=1, **asked), join(), join("bob@example.com")
    with pytest.raises(participants.NotForThem):
        participants.join(made, who(user), at=clock.now)
    shop.place(user=other, at=clock.now - timedelta(days=5))
    drain(clock.now)
    with pytest.raises(participants.NotForThem):
        participants.join(made, who(other), at=clock.now)
    participants.join(made, who(other), at=clock.forward(days=29))
    assert Participation.objects.count() == 1


def test_one_that_is_off_over_or_not_begun_is_not_joined(shop: FakeShop, clock: Clock) -> None:
    user = who(join())
    for wrong in ({"active": False}, {"starts_at": clock.now + DAY}, {"ends_at": clock.now}):
        with pytest.raises(participants.NotOpen):
            participants.join(challenge(clock, **wrong), user, at=clock.now)
    assert Participation.objects.count() == 0


def test_history_wins_nothing(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    challenge(clock, automatic=True, target=1, starts_at=START - timedelta(days=3000))
    user = join()
    shop.place(user=user, at=clock.now - timedelta(days=800))
    drain(clock.now)
    assert (Participation.objects.count(), Present.objects.count()) == (0, 0)


def test_guests_take_no_part_until_the_order_is_theirs(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    challenge(clock, automatic=True, target=1)
    order = shop.place(email="ada@example.com")
    drain(clock.now)
    assert Participation.objects.count() == 0
    user = join()
    shop._change(order, user_id=user.pk)
    drain(clock.now)
    assert (state(), account(user)) == (("won", 1, 1), (100, 0))


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"target": 0}, "loyalty_challenge_asks_something"),
        ({"ends_at": FEBRUARY, "starts_at": FEBRUARY}, "loyalty_challenge_ends_later"),
        ({"ends_at": None}, "loyalty_challenge_has_a_time"),
        ({"span": "joined"}, "loyalty_challenge_has_a_time"),
        ({"goal": "amount"}, "loyalty_challenge_amount_has_a_currency"),
        ({"span": "joined", "days": 3, "automatic": True}, "loyalty_challenge_joined_by_button"),
        ({"points": None}, "loyalty_challenge_gives_one_thing"),
        ({"most": 0}, "loyalty_challenge_can_be_won"),
    ],
)
def test_what_makes_no_sense_is_not_stored(wrong: dict[str, Any], constraint: str, clock: Clock, db: None) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        challenge(clock, **wrong)


def test_who_would_have_done_it_in_a_window_like_this(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    ada, bob, _ = join(), join("bob@example.com"), join("eve@example.com")
    buy(shop, ada, 3, **lines("p1", categories=("clay",)))
    buy(shop, bob, 1, **lines("p1", "p2", amount="50.00"))
    drain(clock.now)
    clock.forward(minutes=1)

    def done(**more: Any) -> int:
        found = challenge_reach.reach(challenge(clock, **more), at=clock.now)
        assert (found.customers, found.days) == (3, 31)
        return found.done

    assert done() == 1
    assert done(target=1) == 2
    assert done(goal="products", target=2) == 1
    assert done(goal="products", target=1, goods=[("product", "p2")]) == 1
    assert done(target=1, goods=[("category", "clay")]) == 1
    assert done(goal="amount", currency="EUR", target=10000) == 1
    assert done(goal="amount", currency="EUR", target=6000, goods=[("category", "clay")]) == 1
    assert done(goal="amount", currency="EUR", target=5000, goods=[("product", "p2")]) == 1
    assert done(goal="amount", currency="USD", target=1) == 0


def test_challenges_that_run_at_the_same_time_are_found(clock: Clock, db: None) -> None:
    first = challenge(clock)
    second = challenge(clock, starts_at=clock.now + 29 * DAY, ends_at=clock.now + 40 * DAY)
    challenge(clock, starts_at=clock.now + 50 * DAY, ends_at=clock.now + 60 * DAY)
    challenge(clock, active=False)
    assert list(challenge_reach.overlapping(first)) == [second]
    assert list(challenge_reach.overlapping(second)) == [first]
