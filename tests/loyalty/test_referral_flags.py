"""What stands out about a referral goes to staff with its reason; nothing is dropped without a word."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.models import Referral
from loyalty.services import referral_persons, referral_reviews, referral_visits, referrals
from retention.hashing import origin_hash
from retention.models import Fact
from retention.services import customers
from retention.testing.settling import settle
from retention.testing.shop import FakeShop
from tests.loyalty import friends, till
from tests.loyalty.till import account, ledger

FRIEND = "ben@example.com"


def decide(reference: str, approve: bool, at: Any) -> None:
    referral_reviews.decide(friends.of(reference), approve=approve, reason="Called them", author="staff", at=at)


def test_ones_own_order_is_flagged_and_cannot_be_approved(shop: FakeShop) -> None:
    friends.terms()
    ada = friends.member()
    own = friends.order(shop, friends.code(ada), ada.email, user=ada)
    assert (friends.said(own), friends.flags(own)) == (("waiting", "", "open"), ["self"])
    with pytest.raises(referral_reviews.OwnOrder):
        decide(own, True, shop.clock.now)
    decide(own, False, shop.clock.now)
    assert friends.said(own) == ("declined", "", "declined")
    friends.work(shop.clock.forward(days=30))
    assert ledger(ada) == []


def test_another_spelling_of_the_referrers_mailbox_is_flagged(shop: FakeShop) -> None:
    friends.terms()
    ada = friends.member("a.da@gmail.com")
    alias = friends.order(shop, friends.code(ada), "ada+new@googlemail.com")
    assert (friends.said(alias), friends.flags(alias)) == (("waiting", "", "open"), ["address"])
    friends.work(shop.clock.forward(days=30))
    assert friends.said(alias) == ("waiting", "", "open")  # until somebody has looked
    assert ledger(ada) == []


@pytest.mark.parametrize("spelled", ["ada+new@googlemail.com", "a.da@gmail.com"])
def test_who_has_ordered_before_is_flagged_for_their_own_mailbox_too(shop: FakeShop, spelled: str) -> None:
    friends.terms()
    ada = friends.member("a.da@gmail.com")
    shop.place(email=ada.email, user=ada)
    friends.work(shop.clock.forward(days=1))
    alias = friends.order(shop, friends.code(ada), spelled)
    assert (friends.said(alias), friends.flags(alias)) == (("waiting", "", "open"), ["address"])
    friends.work(shop.clock.forward(days=30))
    assert (friends.said(alias), ledger(ada)) == (("waiting", "", "open"), [])


def test_every_own_order_of_who_has_ordered_before_is_flagged(shop: FakeShop) -> None:
    friends.terms()
    ada = friends.member()
    shop.place(email=ada.email, user=ada)
    friends.work(shop.clock.forward(days=1))
    code = friends.code(ada)
    for _ in range(2):
        own = friends.order(shop, code, ada.email, user=ada)
        assert (friends.said(own), friends.flags(own)) == (("waiting", "", "open"), ["self"])
        with pytest.raises(referral_reviews.OwnOrder):
            decide(own, True, shop.clock.now)
        decide(own, False, shop.clock.now)
        assert friends.said(own) == ("declined", "", "declined")
        shop.clock.forward(days=1)
    assert Fact.objects.filter(kind="loyalty.FriendReferred").count() == 0  # nobody was brought
    friends.work(shop.clock.forward(days=30))
    assert ledger(ada) == []


def test_of_several_orders_of_one_shared_mailbox_one_is_a_friends_by_approval(shop: FakeShop) -> None:
    friends.terms()
    ada = friends.member("a.da@gmail.com")
    code = friends.code(ada)
    orders = [friends.order(shop, code, f"ada+{number}@gmail.com") for number in range(3)]
    assert [(friends.said(order), friends.flags(order)) for order in orders] == [
        (("waiting", "", "open"), ["address"])
    ] * 3
    decide(orders[0], False, shop.clock.now)
    decide(orders[1], True, shop.clock.now)
    decide(orders[2], True, shop.clock.now)
    assert [friends.said(order) for order in orders] == [
        ("declined", "", "declined"), ("waiting", "", "approved"), ("no", "twice", "approved")
    ]  # fmt: skip
    friends.work(shop.clock.forward(days=30))
    assert account(ada) == (500, 0)


def test_somebody_else_who_has_ordered_before_is_in_the_list_with_the_reason_and_asked_about_by_nobody(
    shop: FakeShop,
) -> None:
    friends.terms()
    ada = friends.member()
    shop.place(email=ada.email, user=ada)
    shop.place(email=FRIEND)
    friends.work(shop.clock.forward(days=1))
    known = friends.order(shop, friends.code(ada), FRIEND)
    assert (friends.said(known), friends.flags(known)) == (("no", "known", ""), [])
    assert list(Referral.objects.filter(why="known").values_list("order", flat=True)) == [known]


def test_the_same_name_is_flagged_and_with_the_same_postcode_as_that(shop: FakeShop) -> None:
    friends.terms(burst_orders=99)
    ada = friends.member(first_name="Ada", last_name="Byron")
    shop.place(email=ada.email, user=ada, postcode="SW1A 1AA")
    friends.work(shop.clock.now)
    code = friends.code(ada)
    for first, last, postcode, expected in (
        ("ada", "BYRON", "sw1a1aa", ["home"]),
        ("ada", "Byron", "SW1A 2AA", ["name"]),
        ("Ada", " byron ", "", ["name"]),
        ("Eve", "Byron", "SW1A 1AA", []),
        ("Ada", "Smith", "SW1A 1AA", []),
    ):
        order = friends.order(
            shop, code, f"{postcode[-3:]}{first}{last.strip()}@example.com",
            first_name=first, last_name=last, postcode=postcode,
        )  # fmt: skip
        assert friends.flags(order) == expected
        assert friends.said(order) == ("waiting", "", "open" if expected else "")


def test_half_a_name_stands_out_only_with_the_postcode(shop: FakeShop) -> None:
    friends.terms(burst_orders=99)
    ada = friends.member(first_name="Ada")
    shop.place(email=ada.email, user=ada, postcode="10115")
    friends.work(shop.clock.now)
    code = friends.code(ada)
    near = friends.order(shop, code, "near@example.com", first_name="Ada", postcode="10115")
    far = friends.order(shop, code, "far@example.com", first_name="Ada", postcode="20095")
    assert (friends.flags(near), friends.flags(far)) == (["home"], [])


def test_many_from_one_network_are_flagged_all_of_them(shop: FakeShop) -> None:
    friends.terms(network_orders=3, network_days=7, burst_orders=99)
    ada, eve = friends.member(), friends.member("eve@example.com")
    code, other = friends.code(ada), friends.code(eve)
    home, office = "2001:db8::1", "192.0.2.7"
    first = friends.order(shop, code, "f1@example.com", network=home)
    shop.clock.forward(days=6)
    second = friends.order(shop, other, "f2@example.com", network="2001:db8::2")  # the household has them all
    apart = friends.order(shop, code, "f3@example.com", network=office)
    assert [friends.flags(order) for order in (first, second, apart)] == [[], [], []]
    third = friends.order(shop, code, "f4@example.com", network=home)
    assert [friends.flags(order) for order in (first, second, apart, third)] == [
        ["network"], ["network"], [], ["network"]
    ]  # fmt: skip
    assert [friends.of(order).review for order in (first, second, apart, third)] == ["open", "open", "", "open"]
    assert Fact.objects.filter(kind="loyalty.ReferralFlagged").count() == 3


def test_those_from_one_network_with_days_between_are_not_flagged(shop: FakeShop) -> None:
    friends.terms(network_orders=3, network_days=7, burst_orders=99)
    code = friends.code(friends.member())
    for number in range(4):
        assert friends.flags(friends.order(shop, code, f"f{number}@example.com", network="192.0.2.7")) == []
        shop.clock.forward(days=4)


def test_many_friends_at_once_are_flagged(shop: FakeShop) -> None:
    friends.terms(burst_orders=3, burst_hours=24)
    code = friends.code(friends.member())
    orders = [friends.order(shop, code, f"f{number}@example.com") for number in range(2)]
    shop.clock.forward(hours=25)
    orders += [friends.order(shop, code, f"g{number}@example.com") for number in range(3)]
    assert [friends.flags(order) for order in orders] == [[], [], ["burst"], ["burst"], ["burst"]]


def test_what_is_approved_is_rewarded_when_its_window_closes_and_flagged_no_more(shop: FakeShop) -> None:
    friends.terms()
    ada = friends.member("a.da@gmail.com")
    alias = friends.order(shop, friends.code(ada), "ada@gmail.com")
    decide(alias, True, shop.clock.forward(days=1))
    assert friends.said(alias) == ("waiting", "", "approved")
    friends.work(shop.clock.forward(days=13))
    assert friends.said(alias) == ("rewarded", "", "approved")
    assert account(ada) == (500, 0)


def test_an_approval_after_the_window_rewards_at_once(shop: FakeShop) -> None:
    friends.terms()
    ada = friends.member("a.da@gmail.com")
    alias = friends.order(shop, friends.code(ada), "ada@gmail.com")
    decide(alias, True, shop.clock.forward(days=40))
    assert account(ada) == (500, 0)


def test_a_decision_is_made_once_with_a_reason_and_a_name(shop: FakeShop) -> None:
    friends.terms()
    ada = friends.member("a.da@gmail.com")
    alias = friends.of(friends.order(shop, friends.code(ada), "ada@gmail.com"))
    for reason, author in (("", "staff"), ("Because", " ")):
        with pytest.raises(referral_reviews.NoReason):
            referral_reviews.decide(alias, approve=False, reason=reason, author=author, at=shop.clock.now)
    decide(alias.order, False, shop.clock.now)
    with pytest.raises(referral_reviews.Reviewed):
        decide(alias.order, True, shop.clock.now)
    alias.refresh_from_db()
    assert (alias.review, alias.review_reason, alias.reviewed_by) == ("declined", "Called them", "staff")


def test_what_was_not_flagged_is_not_reviewed(shop: FakeShop) -> None:
    friends.terms()
    plain = friends.order(shop, friends.code(friends.member()), FRIEND)
    with pytest.raises(referral_reviews.Reviewed):
        decide(plain, False, shop.clock.now)
    assert friends.said(plain) == ("waiting", "", "")


def test_a_friends_order_that_proves_to_be_the_referrers_own_takes_its_reward_back(shop: FakeShop) -> None:
    """Ada ordered as a guest by another address of hers, and moves her account there later."""
    friends.terms()
    ada = friends.member()
    guest = friends.order(shop, friends.code(ada), "other@example.com")
    friends.work(shop.clock.forward(days=14))
    assert account(ada) == (500, 0)
    ada.email = "other@example.com"
    ada.save()
    customers.change_address(user=ada, at=shop.clock.now)
    shop.claim_order(guest, user=ada)
    customers.prove_address(till.who(ada), at=shop.clock.now)
    shop._tell("claimed", guest)
    friends.work(shop.clock.forward(days=1))
    assert friends.of(guest).friend is None
    assert (friends.said(guest), friends.flags(guest)) == (("waiting", "", "open"), ["self"])
    assert account(ada) == (0, 0)


def test_a_friend_who_joins_stays_the_friend(shop: FakeShop) -> None:
    friends.terms()
    ada = friends.member()
    guest = friends.order(shop, friends.code(ada), FRIEND)
    ben = till.join(FRIEND, at=shop.clock.now)
    shop.claim_order(guest, user=ben)
    customers.prove_address(till.who(ben), at=shop.clock.now)
    shop._tell("claimed", guest)
    friends.work(shop.clock.forward(days=14))
    assert friends.of(guest).friend == till.who(ben)
    assert account(ada) == (500, 0)
    assert account(ben) == (0, 0)


def test_networks_are_kept_as_a_hash_of_their_own_and_forgotten(shop: FakeShop) -> None:
    friends.terms(network_days=7)
    first = friends.order(shop, friends.code(friends.member()), FRIEND, network="192.0.2.7")
    kept = friends.of(first).network_hash
    assert len(kept) == 64
    assert kept != origin_hash("192.0.2.7")  # it says nothing for another purpose
    assert referrals.forget_networks(at=shop.clock.forward(days=6)) == 0
    assert referrals.forget_networks(at=shop.clock.forward(days=1)) == 1
    assert friends.of(first).network_hash == ""


def test_the_number_of_queries_does_not_depend_on_how_many_came(shop: FakeShop) -> None:
    friends.terms(burst_orders=999)
    codes = [friends.code(friends.member(f"m{number}@example.com")) for number in range(25)]

    def came(emails: list[str]) -> int:
        orders = [shop.place(email=email) for email in emails]
        for number, order in enumerate(orders):
            referral_visits.note(order=order, code=codes[number % 25], address="192.0.2.7", at=shop.clock.now)
        with CaptureQueriesContext(connection) as captured:
            settle(at=shop.clock.now)
        assert Referral.objects.filter(order__in=orders, state="waiting").count() == len(emails)
        return len(captured)

    few = came([f"a{number}@example.com" for number in range(3)])
    assert came([f"b{number}@example.com" for number in range(25)]) <= few + 2  # batches of addresses


def test_erasure_takes_words_and_networks(shop: FakeShop) -> None:
    friends.terms()
    ada = friends.member("a.da@gmail.com")
    alias = friends.order(shop, friends.code(ada), "ada@gmail.com", network="192.0.2.7")
    decide(alias, True, shop.clock.now)
    referral_persons.erase(till.who(ada), shop.clock.now)
    gone = friends.of(alias)
    assert (gone.review_reason, gone.network_hash, gone.reviewed_by) == ("(erased)", "", "staff")
    assert gone.friend_key != ""  # that this mailbox was a friend is remembered, not whose it is
