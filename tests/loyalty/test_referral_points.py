"""Points of a referral: taken back as the programme's debt policy says, and given to the friend, too."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from campaigns.models import Coupon
from campaigns.services import offers
from campaigns.terms import Kind, Terms
from loyalty import explain
from loyalty.models import Entry, Programme
from loyalty.services import expiry, forfeits, leaving, referral_reviews, spending, verifying
from retention.models import Fact
from retention.services import customers
from retention.testing.shop import FakeShop
from tests.loyalty import friends, till
from tests.loyalty.till import account, ledger

FRIEND = "ben@example.com"


@pytest.fixture(autouse=True)
def books_agree(db: None) -> Any:
    yield
    assert list(verifying.differences()) == []


def of_referrals(user: Any) -> list[int]:
    """Return the points of a member's entries that referrals wrote."""
    rows = Entry.objects.filter(account__customer__user=user, source="referral").order_by("pk")
    return list(rows.values_list("points", flat=True))


def rewarded(shop: FakeShop, ada: Any, *, spent: int = 0) -> str:
    """Let Ada be rewarded for a friend, and spend some of it. Returns the friend's order."""
    first = friends.order(shop, friends.code(ada), FRIEND)
    friends.work(shop.clock.forward(days=14))
    assert (friends.said(first), account(ada)) == (("rewarded", "", ""), (500, 0))
    if spent:
        spending.spend(till.who(ada).pk, amount=spent, key="a", source="test", at=shop.clock.now)
    return first


def mark(shop: FakeShop, order: str, how: str) -> None:
    shop.mark(order, how) if how == "cancelled" else shop.reinstate(order)
    friends.work(shop.clock.forward(days=1))


@pytest.mark.parametrize(
    ("policy", "spent", "after", "stands", "forgiven", "back"),
    [
        ("owe", 500, -500, 0, 0, [-500]),
        ("owe", 200, -200, 0, 0, [-500]),
        ("zero", 500, 0, 500, 500, []),
        ("zero", 200, 0, 200, 200, [-300]),
        ("zero", 0, 0, 0, 0, [-500]),
        ("pending", 500, 0, 500, 500, []),
        ("pending", 200, 300, 500, 500, []),
    ],
)
def test_a_reward_that_was_spent_goes_back_by_the_programmes_debt_policy_once_and_is_not_given_twice(
    policy: str, spent: int, after: int, stands: int, forgiven: int, back: list[int], shop: FakeShop
) -> None:
    till.start(debt_policy=policy)
    friends.terms()
    ada = friends.member()
    first = rewarded(shop, ada, spent=spent)
    mark(shop, first, "cancelled")
    for _ in range(2):  # told twice, it is taken once
        mark(shop, first, "cancelled")
        one = friends.of(first)
        assert (one.state, one.stands, one.forgiven) == ("lost", stands, forgiven)
        assert (account(ada), of_referrals(ada)) == ((after, 0), [500, *back])
    mark(shop, first, "reinstated")
    one = friends.of(first)
    assert (one.state, one.stands, one.forgiven) == ("rewarded", 500, 0)
    assert account(ada) == (500 - spent, 0)
    mark(shop, first, "cancelled")
    assert account(ada) == (after, 0)
    assert sum(of_referrals(ada)) == stands


def test_what_the_policy_has_left_is_not_taken_from_later_points(shop: FakeShop) -> None:
    till.start(debt_policy="zero")
    friends.terms()
    ada = friends.member()
    first = rewarded(shop, ada, spent=500)
    mark(shop, first, "cancelled")
    shop.place(email=ada.email, user=ada, total=Decimal("40.00"))
    mark(shop, first, "cancelled")
    assert account(ada) == (40, 0)


def test_two_that_go_back_at_once_share_what_is_there(shop: FakeShop) -> None:
    till.start(debt_policy="zero")
    friends.terms()
    ada = friends.member()
    code = friends.code(ada)
    orders = [friends.order(shop, code, f"friend{number}@example.com") for number in range(2)]
    friends.work(shop.clock.forward(days=14))
    spending.spend(till.who(ada).pk, amount=300, key="a", source="test", at=shop.clock.now)
    for order in orders:
        shop.mark(order, "cancelled")
    friends.work(shop.clock.forward(days=1))
    assert account(ada) == (0, 0)
    assert sorted(friends.of(order).forgiven for order in orders) == [0, 300]


def test_the_policy_is_that_of_when_the_friend_came(shop: FakeShop) -> None:
    till.start(debt_policy="zero")
    friends.terms()
    ada = friends.member()
    first = rewarded(shop, ada, spent=500)
    Programme.objects.update(debt_policy="owe")
    mark(shop, first, "cancelled")
    assert account(ada) == (0, 0)


def test_a_reward_that_ended_unused_is_not_taken_once_more(shop: FakeShop) -> None:
    till.start(debt_policy="owe", expires="days", expires_after=30, expiry_since=till.START)
    friends.terms()
    ada = friends.member()
    first = rewarded(shop, ada)
    expiry.expire(at=shop.clock.forward(days=400))
    assert account(ada) == (0, 0)
    mark(shop, first, "cancelled")
    assert account(ada) == (0, 0)
    assert friends.of(first).forgiven == 500
    mark(shop, first, "reinstated")
    assert account(ada) == (0, 0)  # nor is it given again


@pytest.mark.parametrize(("policy", "left"), [("owe", -500), ("zero", 0), ("pending", 0)])
def test_an_order_that_proves_to_be_ones_own_goes_by_the_policy_too(policy: str, left: int, shop: FakeShop) -> None:
    till.start(debt_policy=policy, rate="0.01")
    friends.terms()
    ada = friends.member()
    guest = friends.order(shop, friends.code(ada), "other@example.com")
    friends.work(shop.clock.forward(days=14))
    spending.spend(till.who(ada).pk, amount=500, key="a", source="test", at=shop.clock.now)
    ada.email = "other@example.com"
    ada.save()
    customers.change_address(user=ada, at=shop.clock.now)
    shop.claim_order(guest, user=ada)
    customers.prove_address(till.who(ada), at=shop.clock.now)
    shop._tell("claimed", guest)
    friends.work(shop.clock.forward(days=1))
    assert (friends.said(guest), friends.flags(guest)) == (("waiting", "", "open"), ["self"])
    assert account(ada) == (left, 0)


def test_the_friend_gets_points_together_with_the_reward(shop: FakeShop) -> None:
    friends.terms(friend_points=100)
    ada, ben = friends.member(), friends.member(FRIEND)
    first = friends.order(shop, friends.code(ada), FRIEND, user=ben)
    friends.work(shop.clock.forward(days=13, hours=23))
    assert (account(ada), account(ben)) == ((0, 0), (0, 0))
    friends.work(shop.clock.forward(hours=1))
    assert (account(ada), account(ben)) == ((500, 0), (100, 0))
    mark(shop, first, "cancelled")
    assert (account(ada), account(ben)) == ((0, 0), (0, 0))
    mark(shop, first, "reinstated")
    assert (account(ada), account(ben)) == ((500, 0), (100, 0))
    assert ledger(ben) == [("grant", "balance", 100), ("reversal", "balance", -100), ("grant", "balance", 100)]
    said = [explain.cause(entry, "") for entry in Entry.objects.filter(account__customer__user=ben).order_by("pk")]
    assert said == [
        "Your first order, by a friend's link", "Your first order did not last", "Your first order, by a friend's link"
    ]  # fmt: skip
    assert Fact.objects.filter(kind="loyalty.ReferralRewarded").count() == 1


def test_the_friends_points_go_back_by_the_debt_policy(shop: FakeShop) -> None:
    till.start(debt_policy="zero", rate="0.01")
    friends.terms(friend_points=100)
    ada, ben = friends.member(), friends.member(FRIEND)
    first = friends.order(shop, friends.code(ada), FRIEND, user=ben)
    friends.work(shop.clock.forward(days=14))
    spending.spend(till.who(ben).pk, amount=70, key="a", source="test", at=shop.clock.now)
    mark(shop, first, "cancelled")
    one = friends.of(first)
    assert (account(ada), account(ben)) == ((0, 0), (0, 0))
    assert (one.friend_stands, one.friend_forgiven, one.stands, one.forgiven) == (70, 70, 0, 0)
    mark(shop, first, "reinstated")
    assert (account(ada), account(ben)) == ((500, 0), (30, 0))


def test_a_guest_gets_the_points_with_the_account_and_once(shop: FakeShop) -> None:
    friends.terms(friend_points=100)
    ada = friends.member()
    guest = friends.order(shop, friends.code(ada), FRIEND)
    friends.work(shop.clock.forward(days=14))
    assert account(ada) == (500, 0)
    assert friends.of(guest).friend_stands == 0
    ben = till.join(FRIEND, at=shop.clock.now)
    shop.claim_order(guest, user=ben)
    customers.prove_address(till.who(ben), at=shop.clock.now)
    shop._tell("claimed", guest)
    for _ in range(2):
        friends.work(shop.clock.forward(days=1))
        assert (account(ada), account(ben)) == ((500, 0), (100, 0))
    assert ledger(ben) == [("grant", "balance", 100)]


@pytest.mark.parametrize("kept", [0, 40])
def test_the_friends_points_follow_an_order_that_changes_hands_and_comes_back(kept: int, shop: FakeShop) -> None:
    till.start(debt_policy="zero", rate="0.01")
    friends.terms(friend_points=100)
    ada, ben, eve = friends.member(), friends.member(FRIEND), friends.member("eve@example.com")
    first = friends.order(shop, friends.code(ada), FRIEND, user=ben)
    friends.work(shop.clock.forward(days=14))
    if kept:
        spending.spend(till.who(ben).pk, amount=kept, key="a", source="test", at=shop.clock.now)
    for owner, expected in ((eve, (0, 100)), (ben, (100 - kept, 0)), (eve, (0, 100))):
        shop._change(first, user_id=owner.pk, email=owner.email)
        friends.work(shop.clock.forward(days=1))
        assert (account(ben)[0], account(eve)[0], account(ada)[0]) == (*expected, 500)


def test_who_is_over_the_limit_does_not_cost_the_friend_theirs(shop: FakeShop) -> None:
    friends.terms(friend_points=100, most_ever=1)
    ada, ben, cleo = friends.member(), friends.member(FRIEND), friends.member("cleo@example.com")
    code = friends.code(ada)
    orders = [friends.order(shop, code, user.email, user=user) for user in (ben, cleo)]
    friends.work(shop.clock.forward(days=14))
    assert [friends.said(order)[0] for order in orders] == ["rewarded", "capped"]
    assert (account(ada), account(ben), account(cleo)) == ((500, 0), (100, 0), (100, 0))
    mark(shop, orders[1], "cancelled")
    assert account(cleo) == (0, 0)


def test_a_friend_whom_staff_decline_gets_nothing_and_one_whom_they_approve_does(shop: FakeShop) -> None:
    friends.terms(friend_points=100, burst_orders=2)
    ada, ben, cleo = friends.member(), friends.member(FRIEND), friends.member("cleo@example.com")
    code = friends.code(ada)
    orders = [friends.order(shop, code, user.email, user=user) for user in (ben, cleo)]
    friends.work(shop.clock.forward(days=14))
    assert (account(ben), account(cleo)) == ((0, 0), (0, 0))
    for order, approve in zip(orders, (True, False), strict=True):
        referral_reviews.decide(friends.of(order), approve=approve, reason="Seen", author="staff", at=shop.clock.now)
    assert (account(ada), account(ben), account(cleo)) == ((500, 0), (100, 0), (0, 0))


def test_the_friends_points_wait_for_a_reward_that_cannot_be_given_yet(shop: FakeShop) -> None:
    ten = Terms(kind=Kind.PERCENTAGE, percent=Decimal(10), valid_days=30)
    offer = offers.create(slug="thanks", name="Thanks", terms=ten, at=till.START)
    friends.terms(points=0, reward_offer=offer, friend_points=100)
    ada, ben = friends.member(), friends.member(FRIEND)
    first = friends.order(shop, friends.code(ada), FRIEND, user=ben)
    type(offer).objects.update(active=False)
    friends.work(shop.clock.forward(days=14))
    assert (friends.said(first), account(ben)) == (("waiting", "", ""), (0, 0))
    type(offer).objects.update(active=True)
    friends.work(shop.clock.forward(hours=1))
    assert (friends.said(first), account(ben), Coupon.objects.count()) == (("rewarded", "", ""), (100, 0), 1)
    for how, expected in (("cancelled", (0, 0)), ("reinstated", (100, 0))):
        mark(shop, first, how)
        assert account(ben) == expected
    assert Coupon.objects.filter(state="issued").count() == 1


def test_what_was_promised_to_the_friend_is_kept_when_the_terms_change(shop: FakeShop) -> None:
    terms = friends.terms(friend_points=100)
    ada, ben = friends.member(), friends.member(FRIEND)
    friends.order(shop, friends.code(ada), FRIEND, user=ben)
    terms.friend_points = 0
    terms.save()
    friends.work(shop.clock.now + timedelta(days=14))
    assert account(ben) == (100, 0)


def test_the_reward_of_who_has_left_the_programme_waits_until_they_come_back(shop: FakeShop) -> None:
    till.start()
    friends.terms(friend_points=100)
    ada, ben = friends.member(), friends.member(FRIEND)
    first = friends.order(shop, friends.code(ada), FRIEND, user=ben)
    leaving.leave(till.who(ada), at=shop.clock.now)
    friends.work(shop.clock.forward(days=14))
    assert (friends.said(first), of_referrals(ada), of_referrals(ben)) == (("waiting", "", ""), [], [])
    assert friends.of(first).slot_ever is None
    leaving.come_back(till.who(ada), at=shop.clock.forward(days=1))
    friends.work(shop.clock.forward(hours=1))
    assert (friends.said(first), of_referrals(ada), of_referrals(ben)) == (("rewarded", "", ""), [500], [100])


def test_a_friend_who_has_left_gets_no_more_and_what_was_given_goes_back_only_with_the_order(shop: FakeShop) -> None:
    till.start()
    friends.terms(friend_points=100, burst_orders=9)
    ada, ben, cleo = friends.member(), friends.member(FRIEND), friends.member("cleo@example.com")
    code = friends.code(ada)
    first, second = (friends.order(shop, code, user.email, user=user) for user in (ben, cleo))
    leaving.leave(till.who(cleo), at=shop.clock.now)
    friends.work(shop.clock.forward(days=14))
    leaving.leave(till.who(ben), at=shop.clock.now)
    shop.refund(first, Decimal("1.00"))
    shop.refund(second, Decimal("1.00"))
    friends.work(shop.clock.forward(days=1))
    assert (of_referrals(ada), of_referrals(ben), of_referrals(cleo)) == ([500, 500], [100], [])
    mark(shop, first, "cancelled")
    assert of_referrals(ben) == [100, -100]


def test_a_reward_that_was_given_up_is_not_taken_back_as_a_debt(shop: FakeShop) -> None:
    till.start(debt_policy="owe")
    friends.terms()
    ada = friends.member()
    first = rewarded(shop, ada)
    leaving.leave(till.who(ada), at=shop.clock.forward(seconds=1))
    forfeits.write_off_due(at=shop.clock.forward(days=31))
    assert account(ada) == (0, 0)
    mark(shop, first, "cancelled")
    one = friends.of(first)
    assert (account(ada), one.stands, one.forgiven) == ((0, 0), 500, 500)
    mark(shop, first, "reinstated")
    assert account(ada) == (0, 0)


def test_a_friend_who_was_out_when_the_reward_came_gets_theirs_on_coming_back(shop: FakeShop) -> None:
    till.start()
    friends.terms(friend_points=100)
    ada, ben = friends.member(), till.join(FRIEND)
    friends.order(shop, friends.code(ada), FRIEND, user=ben)
    friends.work(shop.clock.forward(days=13))
    leaving.leave(till.who(ben), at=shop.clock.forward(seconds=1))
    friends.work(shop.clock.forward(days=1))
    assert (account(ada), account(ben)) == ((500, 0), (40, 0))
    leaving.come_back(till.who(ben), at=shop.clock.forward(days=1))
    friends.work(shop.clock.now)
    assert account(ben) == (140, 0)
