"""Rewards are claimed: points are set aside, leave with an order, and fall back when none comes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from campaigns.models import Coupon
from campaigns.services import offers, replacing
from campaigns.terms import Money, Terms
from loyalty.models import Account, Claim, Lot, Reward
from loyalty.services import claims, corrections, expiry, points, rewards, spending, verifying
from loyalty.services.points import Kind, NotEnough, Posting
from loyalty.services.rewards import No
from retention import registry
from retention.models import ParkedFact
from retention.shop import CouponUse
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import join, ledger, start, who

Drain = Callable[[datetime], None]


@pytest.fixture(autouse=True)
def books_agree(db: None) -> Any:
    yield
    assert list(verifying.differences()) == []


def five_off(clock: Clock, **given: Any) -> Reward:
    """500 points buy a coupon of 5.00."""
    terms = Terms(kind="amount", valid_days=90, money=(Money(currency="EUR", amount=500),))
    offer = offers.create(slug="five", name="Five off", terms=terms, at=clock.now)
    return Reward.objects.create(
        **{"name": "5.00 off", "cost": 500, "offer": offer, "active": True, "created_at": clock.now, **given}
    )


def points_off(clock: Clock, **given: Any) -> Reward:
    return Reward.objects.create(
        **{"name": "Points off", "kind": "points", "cost": 10, "active": True, "created_at": clock.now, **given}
    )


def member(number: int, clock: Clock, email: str = "ada@example.com") -> Any:
    user = join(email)
    points.grant([(f"gift:{email}", who(user).pk, "")], points=number, source="test", at=clock.now)
    return user


def state(user: Any) -> tuple[int, int]:
    """Return the balance and what of it is set aside."""
    row = Account.objects.get(customer__user=user)
    return row.balance, row.held


def buy(shop: FakeShop, user: Any, made: Claim, *, discount: str = "5.00", total: str = "35.00", **more: Any) -> str:
    assert made.coupon is not None
    used = (CouponUse(code=made.coupon.code, discount=Decimal(discount)),)
    return shop.place(user=user, total=Decimal(total), coupons=used, **more)


def now(made: Claim) -> Claim:
    return Claim.objects.get(pk=made.pk)


def refused(reward: Reward, user: Any, clock: Clock, **given: Any) -> tuple[No, int]:
    with pytest.raises(claims.Refused) as caught:
        claims.claim(reward, who(user), key="no", at=clock.now, **given)
    assert not Claim.objects.filter(key="no").exists()
    return caught.value.no, caught.value.missing


def test_a_claim_sets_points_aside_and_gives_a_coupon_of_ones_own(shop: FakeShop, clock: Clock) -> None:
    user = member(800, clock)
    made = claims.claim(five_off(clock), who(user), key="one", at=clock.now)
    assert state(user) == (800, 500)
    assert ledger(user) == [("grant", "balance", 800)]
    coupon = Coupon.objects.get()
    assert made.coupon == coupon
    assert (coupon.customer, coupon.max_uses, coupon.money) == (who(user), 1, Money(currency="EUR", amount=500))
    assert coupon.code in shop.coupons
    with pytest.raises(NotEnough):
        spending.spend(who(user).pk, amount=301, key="x", source="test", at=clock.now)
    spending.spend(who(user).pk, amount=300, key="x", source="test", at=clock.now)
    assert state(user) == (500, 500)


def test_the_same_wish_twice_is_one_claim(shop: FakeShop, clock: Clock) -> None:
    user = member(2000, clock)
    reward = five_off(clock)
    first = claims.claim(reward, who(user), key="one", at=clock.now)
    assert claims.claim(reward, who(user), key="one", at=clock.now) == first
    assert state(user) == (2000, 500)
    other = five_off_again(clock, reward)
    with pytest.raises(points.KeyReused):
        claims.claim(other, who(user), key="one", at=clock.now)


def five_off_again(clock: Clock, like: Reward) -> Reward:
    return Reward.objects.create(name="Again", cost=1, offer=like.offer, active=True, created_at=clock.now)


def test_points_leave_when_an_order_arrives_and_not_before(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    user = member(800, clock)
    made = claims.claim(five_off(clock), who(user), key="one", at=clock.now)
    order = buy(shop, user, made)
    assert state(user) == (800, 500)
    drain(clock.now)
    assert state(user) == (300, 0)
    assert ledger(user)[-1] == ("spend", "balance", -500)
    made = now(made)
    assert (made.state, made.spent, made.order, made.paid_minor) == ("committed", 500, order, 500)
    drain(clock.now)
    assert state(user) == (300, 0)


def test_what_no_order_used_falls_back_and_its_code_is_called_off(shop: FakeShop, clock: Clock) -> None:
    user = member(800, clock)
    made = claims.claim(five_off(clock, valid_days=7), who(user), key="one", at=clock.now)
    assert made.coupon is not None
    assert made.lease_until is not None
    assert claims.release_due(at=made.lease_until - timedelta(seconds=1)) == 0
    assert claims.release_due(at=made.lease_until) == 1
    assert claims.release_due(at=made.lease_until) == 0
    assert state(user) == (800, 0)
    assert ledger(user) == [("grant", "balance", 800)]
    assert (now(made).state, now(made).reason) == ("released", "lease")
    assert Coupon.objects.get().state == "void"
    assert shop.coupons[made.coupon.code].disabled


def test_a_cancelled_order_gives_the_points_back_and_its_coupon_is_no_second_gift(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    user = member(500, clock)
    made = claims.claim(five_off(clock), who(user), key="one", at=clock.now)
    order = buy(shop, user, made)
    drain(clock.now)
    shop.mark(order, "cancelled")
    drain(clock.now)
    assert state(user) == (500, 0)
    assert ledger(user)[-2:] == [("spend", "balance", -500), ("return", "balance", 500)]
    assert (now(made).state, now(made).reason, now(made).spent) == ("released", "cancelled", 0)
    assert Coupon.objects.get().state == "void"


def test_an_order_taken_up_again_spends_the_points_again(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    user = member(500, clock)
    made = claims.claim(five_off(clock, per_person=1, stock=1), who(user), key="one", at=clock.now)
    order = buy(shop, user, made)
    for _ in range(3):
        drain(clock.now)
        assert (state(user), Reward.objects.get().taken) == ((0, 0), 1)
        shop.mark(order, "cancelled")
        drain(clock.now)
        assert (state(user), Reward.objects.get().taken) == ((500, 0), 0)
        shop.reinstate(order)
    drain(clock.now)
    assert (state(user), now(made).state) == ((0, 0), "committed")


def test_two_orders_taken_up_again_stand_though_one_reward_is_all_that_a_person_can_have(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    user, reward = member(2000, clock), five_off(clock, per_person=1)
    first = claims.claim(reward, who(user), key="one", at=clock.now)
    one = buy(shop, user, first)
    drain(clock.now)
    shop.mark(one, "cancelled")
    drain(clock.now)
    second = claims.claim(reward, who(user), key="two", at=clock.now)
    shop.reinstate(one)
    drain(clock.now)
    assert [(now(made).state, now(made).slot) for made in (first, second)] == [("committed", None), ("reserved", 1)]
    assert state(user) == (1500, 500)
    two = buy(shop, user, second)
    for order in (one, two):
        shop.mark(order, "cancelled")
    drain(clock.now)
    for order in (one, two):
        shop.reinstate(order)
    drain(clock.now)
    assert sorted((now(made).state, now(made).spent) for made in (first, second)) == [("committed", 500)] * 2
    assert state(user) == (1000, 0)
    assert not ParkedFact.objects.exists()


def test_an_order_told_late_stands_beside_the_claim_that_took_its_place(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    user, reward = member(2000, clock), five_off(clock, per_person=1)
    first = claims.claim(reward, who(user), key="one", at=clock.now)
    assert claims.release([first.pk], reason="lease", at=clock.now) == [first.pk]
    second = claims.claim(reward, who(user), key="two", at=clock.now)
    buy(shop, user, first)
    drain(clock.now)
    assert [(now(made).state, now(made).spent) for made in (first, second)] == [("committed", 500), ("reserved", 0)]
    assert state(user) == (1500, 500)


@pytest.mark.parametrize(
    ("refund", "back"), [("0.01", 0), ("7.00", 100), ("17.50", 250), ("34.99", 499), ("35.00", 500)]
)
def test_a_refund_gives_back_its_share_of_the_points_rounded_down(
    shop: FakeShop, clock: Clock, drain: Drain, refund: str, back: int
) -> None:
    user = member(500, clock)
    made = claims.claim(five_off(clock), who(user), key="one", at=clock.now)
    order = buy(shop, user, made)
    drain(clock.now)
    shop.refund(order, Decimal(refund))
    drain(clock.now)
    assert state(user) == (back, 0)


def test_refunds_one_after_the_other_give_back_no_more_than_together(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    user = member(500, clock)
    made = claims.claim(five_off(clock), who(user), key="one", at=clock.now)
    order = buy(shop, user, made)
    shop.refund(order, Decimal("0.05"))
    for _ in range(10):
        shop.refund(order, Decimal("1.01"))
        drain(clock.now)
    assert state(user) == (500 * 1015 // 3500, 0)


def test_the_order_is_told_of_only_after_its_cancellation(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    user = member(500, clock)
    made = claims.claim(five_off(clock), who(user), key="one", at=clock.now)
    order = buy(shop, user, made)
    shop.mark(order, "cancelled")
    drain(clock.now)
    assert state(user) == (500, 500)
    assert claims.release_due(at=clock.now + timedelta(days=100)) == 1
    assert state(user) == (500, 0)


def test_an_order_that_takes_the_coupon_of_one_that_was_just_cancelled_takes_its_points_too(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    user = member(500, clock)
    made = claims.claim(five_off(clock), who(user), key="one", at=clock.now)
    first = buy(shop, user, made)
    drain(clock.now)
    shop.mark(first, "cancelled")
    second = buy(shop, user, made)  # before anybody could call the code off
    drain(clock.now)
    assert (now(made).state, now(made).order, now(made).spent) == ("committed", second, 500)
    assert state(user) == (0, 0)
    shop.mark(second, "cancelled")
    drain(clock.now)
    assert (now(made).state, state(user)) == ("released", (500, 0))


def test_a_new_code_for_a_lost_one_is_paid_for_by_the_same_points(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    user = member(500, clock)
    made = claims.claim(five_off(clock), who(user), key="one", at=clock.now)
    assert made.coupon is not None
    fresh = replacing.reissue(made.coupon, source="staff:1", at=clock.now)
    used = (CouponUse(code=fresh.code, discount=Decimal("5.00")),)
    order = shop.place(user=user, total=Decimal("35.00"), coupons=used)
    drain(clock.now)
    assert (now(made).state, now(made).order, state(user)) == ("committed", order, (0, 0))
    shop.mark(order, "cancelled")
    drain(clock.now)
    assert (now(made).state, state(user)) == ("released", (500, 0))
    assert set(Coupon.objects.values_list("state", flat=True)) == {"void"}


def test_an_order_that_comes_after_the_lease_takes_what_is_there_and_staff_see_the_rest(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    user = member(500, clock)
    made = claims.claim(five_off(clock), who(user), key="one", at=clock.now)
    buy(shop, user, made)  # the shop told nobody yet
    assert claims.release_due(at=clock.now + timedelta(days=100)) == 1
    spending.spend(who(user).pk, amount=350, key="x", source="test", at=clock.now)
    drain(clock.now)
    assert state(user) == (0, 0)
    made = now(made)
    assert (made.state, made.spent, made.missing) == ("committed", 150, 350)


def test_who_has_too_few_points_is_told_how_many_are_missing(shop: FakeShop, clock: Clock) -> None:
    assert refused(five_off(clock), member(380, clock), clock) == (No.NOT_ENOUGH, 120)


def test_what_is_set_aside_cannot_be_claimed_again(shop: FakeShop, clock: Clock) -> None:
    user, reward = member(999, clock), five_off(clock)
    claims.claim(reward, who(user), key="one", at=clock.now)
    assert refused(reward, user, clock) == (No.NOT_ENOUGH, 1)


def test_a_reward_is_claimed_as_often_as_a_person_may_and_again_when_it_came_back(shop: FakeShop, clock: Clock) -> None:
    user, reward = member(5000, clock), five_off(clock, per_person=2)
    first, second = (claims.claim(reward, who(user), key=key, at=clock.now) for key in ("a", "b"))
    assert (first.slot, second.slot) == (1, 2)
    assert refused(reward, user, clock) == (No.LIMIT, 0)
    assert claims.give_up(first, at=clock.now) is True
    assert claims.give_up(first, at=clock.now) is False
    assert claims.claim(reward, who(user), key="c", at=clock.now).slot == 1


@pytest.mark.parametrize("allowed", [1, 2, 3])
def test_a_limit_set_later_counts_what_somebody_had_before(shop: FakeShop, clock: Clock, allowed: int) -> None:
    user, reward = member(5000, clock), five_off(clock)
    for key in ("a", "b", "c"):
        claims.claim(reward, who(user), key=key, at=clock.now)
    Reward.objects.update(per_person=allowed)
    with pytest.raises(claims.Refused) as refusal:
        claims.claim(reward, who(user), key="d", at=clock.now)
    assert refusal.value.no == No.LIMIT


def test_a_lower_limit_counts_what_stands_and_not_only_its_places(shop: FakeShop, clock: Clock) -> None:
    user, reward = member(5000, clock), five_off(clock, per_person=3)
    first, *_ = (claims.claim(reward, who(user), key=key, at=clock.now) for key in ("a", "b", "c"))
    claims.give_up(first, at=clock.now)
    Reward.objects.update(per_person=2)
    with pytest.raises(claims.Refused):
        claims.claim(reward, who(user), key="d", at=clock.now)
    [choice] = rewards.choices(who(user), Account.objects.get(), at=clock.now)
    assert choice.no == No.LIMIT
    Reward.objects.update(per_person=3)
    assert claims.claim(reward, who(user), key="d", at=clock.now).slot == 1


def test_of_a_stock_of_two_the_third_gets_none_until_one_comes_back(shop: FakeShop, clock: Clock) -> None:
    reward = five_off(clock, stock=2)
    people = [member(500, clock, f"{n}@example.com") for n in range(3)]
    first = claims.claim(reward, who(people[0]), key="a", at=clock.now)
    claims.claim(reward, who(people[1]), key="b", at=clock.now)
    assert refused(reward, people[2], clock) == (No.GONE, 0)
    assert state(people[2]) == (500, 0)
    claims.give_up(first, at=clock.now)
    claims.claim(reward, who(people[2]), key="c", at=clock.now)
    assert Reward.objects.get().taken == 2


@pytest.mark.parametrize(
    "given",
    [
        {"active": False},
        {"starts_at": datetime(2100, 1, 1).astimezone()},
        {"ends_at": datetime(2020, 1, 1).astimezone()},
    ],
)
def test_what_is_not_on_offer_cannot_be_claimed(shop: FakeShop, clock: Clock, given: Any) -> None:
    assert refused(five_off(clock, **given), member(500, clock), clock) == (No.NOT_ON_OFFER, 0)


def test_a_reward_for_some_is_for_no_others(shop: FakeShop, clock: Clock) -> None:
    reward = five_off(clock, condition="loyalty.has_points", parameters={"points": 700})
    assert refused(reward, member(600, clock), clock) == (No.NOT_FOR_YOU, 0)
    claims.claim(reward, who(member(700, clock, "b@example.com")), key="b", at=clock.now)


def test_a_coupon_that_its_offer_does_not_give_takes_no_points(shop: FakeShop, clock: Clock) -> None:
    reward = five_off(clock)
    assert reward.offer is not None
    reward.offer.active = False
    reward.offer.save()
    user = member(500, clock)
    assert refused(reward, user, clock) == (No.NO_COUPON, 0)
    assert state(user) == (500, 0)


# Points off the basket


def test_points_pay_what_they_are_worth_and_what_a_basket_left_over_comes_back(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start(worth="0.01")
    user = member(1000, clock)
    made = claims.claim(points_off(clock), who(user), key="one", amount=700, currency="EUR", at=clock.now)
    assert made.coupon is not None
    assert (made.coupon.amount_minor, made.coupon.currency) == (700, "EUR")
    assert shop.coupons[made.coupon.code].spec.value == Decimal("7.00")
    assert state(user) == (1000, 700)
    buy(shop, user, made, discount="0.80", total="0.00", paid_at=None)
    drain(clock.now)
    assert state(user) == (920, 0)
    assert (now(made).spent, now(made).paid_minor) == (80, 80)


def test_points_that_are_worth_a_third_of_a_cent_pay_rounded_down_and_cost_rounded_up(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start(worth="0.003333")
    user = member(1000, clock)
    made = claims.claim(points_off(clock), who(user), key="one", amount=1000, currency="EUR", at=clock.now)
    assert made.worth_minor == 333
    buy(shop, user, made, discount="1.00", total="0.00", paid_at=None)
    drain(clock.now)
    assert now(made).spent == 301
    assert state(user) == (699, 0)


@pytest.mark.parametrize(
    ("amount", "currency", "no"),
    [
        (9, "EUR", No.TOO_FEW),
        (0, "EUR", No.TOO_FEW),
        (-50, "EUR", No.TOO_FEW),
        (501, "EUR", No.NOT_ENOUGH),
        (10**30, "EUR", No.NOT_ENOUGH),
        (100, "USD", No.NO_WORTH),
        (100, "", No.NO_WORTH),
    ],
)
def test_points_that_cannot_pay_are_refused_with_the_reason(
    shop: FakeShop, clock: Clock, amount: int, currency: str, no: No
) -> None:
    start(worth="0.01")
    user = member(500, clock)
    assert refused(points_off(clock), user, clock, amount=amount, currency=currency)[0] == no
    assert state(user) == (500, 0)


# What goes back while it is set aside


def test_a_clawback_takes_what_is_set_aside_and_the_youngest_claim_goes(shop: FakeShop, clock: Clock) -> None:
    user, reward = member(1000, clock), five_off(clock)
    older, younger = (claims.claim(reward, who(user), key=key, at=clock.now) for key in ("a", "b"))
    corrections.correct(who(user), amount=-1, reason="slip", author="bob", key="c", at=clock.now)
    assert Account.objects.get().uncovered == 1
    assert claims.release_uncovered(at=clock.now) == 1
    assert (now(older).state, now(younger).state, now(younger).reason) == ("reserved", "released", "uncovered")
    assert (Account.objects.get().uncovered, state(user)) == (0, (999, 500))


def test_an_order_that_was_quicker_than_the_release_has_its_points_and_the_other_claim_falls(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    user, reward = member(1000, clock), five_off(clock)
    older, younger = (claims.claim(reward, who(user), key=key, at=clock.now) for key in ("a", "b"))
    corrections.correct(who(user), amount=-100, reason="slip", author="bob", key="c", at=clock.now)
    buy(shop, user, younger)
    drain(clock.now)
    assert (now(younger).spent, now(younger).missing) == (500, 0)
    assert state(user) == (400, 500)
    assert claims.release_uncovered(at=clock.now) == 1
    assert (now(older).state, state(user)) == ("released", (400, 0))


# Points that end


def ending(clock: Clock, number: int, days: int, key: str, user: Any) -> None:
    """Give points that end after so many days."""
    from_now = clock.now + timedelta(days=days)
    posting = Posting(
        key=key, customer=who(user).pk, points=number, kind=Kind.GRANT, source="test", expires_at=from_now, at=clock.now
    )
    points.post([posting], at=clock.now)


def lots() -> list[tuple[int, int]]:
    return list(Lot.objects.order_by("expires_at", "pk").values_list("left", "expired"))


@pytest.fixture
def expiring(db: None) -> None:
    start(expires="days", expires_after=365, expiry_since=datetime(2020, 1, 1, tzinfo=UTC))


@pytest.mark.usefixtures("expiring")
def test_what_is_set_aside_does_not_end_and_what_is_beside_it_does(shop: FakeShop, clock: Clock) -> None:
    user = join()
    ending(clock, 300, 10, "a", user)
    ending(clock, 400, 20, "b", user)
    ending(clock, 100, 30, "c", user)
    made = claims.claim(five_off(clock), who(user), key="one", at=clock.now)
    later = clock.now + timedelta(days=25)
    assert expiry.expire(at=later) == 1
    assert expiry.expire(at=later) == 0
    assert state(user) == (600, 500)
    assert sum(left for left, _ in lots()) == 600
    assert claims.give_up(made, at=later)
    assert expiry.expire(at=later) == 1
    assert state(user) == (100, 0)
    assert lots() == [(0, 300), (0, 400), (100, 0)]


@pytest.mark.usefixtures("expiring")
def test_a_cancelled_order_gives_points_back_with_their_old_end(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    user = join()
    ending(clock, 300, 10, "a", user)
    ending(clock, 400, 20, "b", user)
    made = claims.claim(five_off(clock), who(user), key="one", at=clock.now)
    order = buy(shop, user, made, paid_at=None)
    drain(clock.now)
    assert [left for left, _ in lots()] == [0, 200]
    shop.refund(order, Decimal("21.00"))
    drain(clock.now)
    assert [left for left, _ in lots()] == [100, 400], "what was taken last comes back first"
    shop.mark(order, "cancelled")
    drain(clock.now)
    assert [left for left, _ in lots()] == [300, 400]
    assert expiry.expire(at=clock.now + timedelta(days=15)) == 1
    assert state(user) == (400, 0)


# Two rows of one person


def test_an_absorbed_row_brings_its_claims_and_what_is_set_aside(shop: FakeShop, clock: Clock) -> None:
    old, user = member(700, clock, "old@example.com"), member(100, clock)
    made = claims.claim(five_off(clock, per_person=1), who(old), key="one", at=clock.now)
    for person in ("loyalty", "loyalty.rewards"):
        registry.people[person].absorb(who(old), who(user), clock.now)
    assert (state(old), state(user)) == ((0, 0), (800, 500))
    assert now(made).account == Account.objects.get(customer=who(user))
    claims.give_up(now(made), at=clock.now)
    assert state(user) == (800, 0)


def test_a_person_takes_out_what_they_have_claimed(shop: FakeShop, clock: Clock) -> None:
    user = member(700, clock)
    made = claims.claim(five_off(clock), who(user), key="one", at=clock.now)
    assert made.coupon is not None
    [row] = registry.people["loyalty.rewards"].export(who(user))["rewards"]
    assert (row["reward__name"], row["state"], row["points"], row["coupon__code"]) == (
        "5.00 off", "reserved", 500, made.coupon.code
    )  # fmt: skip


# Seen by loyalty_verify


def test_points_set_aside_for_no_claim_are_found(shop: FakeShop, clock: Clock) -> None:
    user = member(700, clock)
    made = claims.claim(five_off(clock), who(user), key="one", at=clock.now)
    Account.objects.update(held=400)
    assert [str(one) for one in verifying.differences()] == [
        f"account {Account.objects.get().pk}: held is 400, its entries say 500"
    ]
    Account.objects.update(held=500)
    Claim.objects.filter(pk=made.pk).update(state="committed", spent=1)
    assert {one.column for one in verifying.differences()} == {"held", "spent"}
    Claim.objects.filter(pk=made.pk).update(state="reserved", spent=0)


@pytest.mark.parametrize("change", [{"held": 701}, {"held": -1}, {"balance": 499}])
def test_the_database_itself_sets_no_more_aside_than_there_is(
    shop: FakeShop, clock: Clock, change: dict[str, int]
) -> None:
    claims.claim(five_off(clock), who(member(700, clock)), key="one", at=clock.now)
    with pytest.raises(IntegrityError, match="loyalty_held"), transaction.atomic():
        Account.objects.update(**change)
