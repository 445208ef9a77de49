"""A friend's order that lasts is rewarded, once, and one that does not is not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from campaigns.models import Coupon, Offer
from campaigns.services import offers
from campaigns.terms import Kind, Terms
from loyalty import referral_words
from loyalty.models import Entry, Referral
from loyalty.services import referral_friends, referral_visits, referrals
from retention import registry
from retention.locks import one_at_a_time
from retention.mailboxes import Letters, letters
from retention.models import Customer, Fact, Order
from retention.testing.settling import settle
from retention.testing.shop import FakeShop
from tests.loyalty import friends, till
from tests.loyalty.till import account, ledger

FRIEND = "ben@example.com"


def facts(kind: str) -> int:
    return Fact.objects.filter(kind=f"loyalty.{kind}").count()


def test_a_friends_order_is_rewarded_when_its_window_has_closed(shop: FakeShop) -> None:
    friends.terms()
    ada = friends.member()
    first = friends.order(shop, friends.code(ada), FRIEND)
    assert friends.said(first) == ("waiting", "", "")
    friends.work(shop.clock.forward(days=13, hours=23))
    assert account(ada) == (0, 0)
    friends.work(shop.clock.forward(hours=1))
    assert friends.said(first) == ("rewarded", "", "")
    assert account(ada) == (500, 0)
    for _ in range(3):
        friends.work(shop.clock.forward(days=1))
    assert ledger(ada) == [("grant", "balance", 500)]
    assert (facts("FriendReferred"), facts("ReferralRewarded"), facts("ReferralFlagged")) == (1, 1, 0)


def test_the_window_of_a_sent_order_begins_when_it_is_sent(shop: FakeShop) -> None:
    friends.terms(window_from="fulfilled", window_days=10)
    ada = friends.member()
    first = friends.order(shop, friends.code(ada), FRIEND)
    friends.work(shop.clock.forward(days=30))
    assert friends.said(first) == ("waiting", "", "")
    shop.mark(first, "fulfilled")
    friends.work(shop.clock.now)
    assert account(ada) == (0, 0)
    friends.work(shop.clock.forward(days=10))
    assert account(ada) == (500, 0)


@pytest.mark.parametrize("how", ["cancelled", "refunded"])
def test_an_order_that_does_not_last_gives_nothing(shop: FakeShop, how: str) -> None:
    friends.terms()
    ada = friends.member()
    first = friends.order(shop, friends.code(ada), FRIEND)
    if how == "cancelled":
        shop.mark(first, "cancelled")
    else:
        shop.refund(first, Decimal("40.00"))
    friends.work(shop.clock.forward(days=20))
    assert friends.said(first) == ("lost", "", "")
    assert ledger(ada) == []


def test_an_order_refunded_in_part_lasts(shop: FakeShop) -> None:
    friends.terms()
    ada = friends.member()
    first = friends.order(shop, friends.code(ada), FRIEND)
    shop.refund(first, Decimal("39.99"))
    friends.work(shop.clock.forward(days=14))
    assert account(ada) == (500, 0)


def test_a_late_refund_takes_the_reward_back_and_reinstating_gives_it_again(shop: FakeShop) -> None:
    friends.terms()
    ada = friends.member()
    first = friends.order(shop, friends.code(ada), FRIEND)
    friends.work(shop.clock.forward(days=14))
    shop.mark(first, "cancelled")
    friends.work(shop.clock.forward(days=1))
    assert friends.said(first) == ("lost", "", "")
    assert ledger(ada) == [("grant", "balance", 500), ("reversal", "balance", -500)]
    shop.reinstate(first)
    friends.work(shop.clock.forward(days=1))
    assert ledger(ada) == [("grant", "balance", 500), ("reversal", "balance", -500), ("grant", "balance", 500)]
    assert facts("ReferralRewarded") == 1  # it is one friend


def test_the_reward_may_be_a_coupon_that_is_called_off_with_the_order(shop: FakeShop) -> None:
    ten = Terms(kind=Kind.PERCENTAGE, percent=Decimal(10), valid_days=30)
    offer = offers.create(slug="thanks", name="Thanks", terms=ten, at=till.START)
    friends.terms(points=0, reward_offer=offer)
    ada = friends.member()
    first = friends.order(shop, friends.code(ada), FRIEND)
    friends.work(shop.clock.forward(days=14))
    coupon = Coupon.objects.get()
    assert (coupon.customer, coupon.source, coupon.state) == (till.who(ada), "referral", "issued")
    assert ledger(ada) == []
    shop.mark(first, "cancelled")
    friends.work(shop.clock.forward(days=1))
    coupon.refresh_from_db()
    assert coupon.state == "void"
    shop.reinstate(first)
    friends.work(shop.clock.forward(days=1))
    assert Coupon.objects.filter(state="issued").count() == 1


def test_who_has_ordered_before_is_no_new_friend_however_the_address_is_spelled(shop: FakeShop) -> None:
    friends.terms()
    code = friends.code(friends.member())
    shop.place(email="b.en@gmail.com")
    shop.place(email="cleo+shop@example.com")
    friends.work(shop.clock.now)
    shop.clock.forward(days=1)
    for email in ("ben+again@googlemail.com", "CLEO@example.com"):
        assert friends.said(friends.order(shop, code, email)) == ("no", "known", "")
    assert friends.said(friends.order(shop, code, "bert@gmail.com")) == ("waiting", "", "")
    assert friends.said(friends.order(shop, code, "cleo2@example.com")) == ("waiting", "", "")


def test_an_earlier_order_that_was_cancelled_leaves_the_friend_new(shop: FakeShop) -> None:
    friends.terms()
    code = friends.code(friends.member())
    shop.mark(shop.place(email=FRIEND), "cancelled")
    shop.clock.forward(days=1)
    assert friends.said(friends.order(shop, code, FRIEND)) == ("waiting", "", "")


def test_a_friend_is_brought_once_and_the_first_counts(shop: FakeShop) -> None:
    friends.terms()
    ada, eve = friends.member(), friends.member("eve@example.com")
    first = friends.order(shop, friends.code(ada), FRIEND)
    friends.work(shop.clock.forward(days=14))
    assert friends.said(first) == ("rewarded", "", "")
    shop.mark(first, "cancelled")  # so that the next one is a first order again
    second = friends.order(shop, friends.code(eve), "Ben+2@example.com")
    assert friends.said(second) == ("no", "twice", "")
    friends.work(shop.clock.forward(days=30))
    assert (account(ada), account(eve)) == ((0, 0), (0, 0))


def test_a_friend_who_called_the_first_order_off_may_be_brought_again(shop: FakeShop) -> None:
    friends.terms()
    ada = friends.member()
    first = friends.order(shop, friends.code(ada), FRIEND)
    shop.mark(first, "cancelled")
    shop.clock.forward(days=1)
    second = friends.order(shop, friends.code(ada), "Ben+2@example.com")
    assert (friends.said(first), friends.said(second)) == (("lost", "", ""), ("waiting", "", ""))
    friends.work(shop.clock.forward(days=14))
    assert (friends.said(second), account(ada)) == (("rewarded", "", ""), (500, 0))
    shop.reinstate(first)
    friends.work(shop.clock.forward(days=20))
    assert (friends.said(first), account(ada)) == (("no", "twice", ""), (500, 0))


def test_of_two_orders_of_a_friend_the_first_counts_again_when_it_is_on_again(shop: FakeShop) -> None:
    friends.terms()
    ada, eve = friends.member(), friends.member("eve@example.com")
    first = friends.order(shop, friends.code(ada), FRIEND)
    shop.mark(first, "cancelled")
    shop.clock.forward(days=1)
    second = friends.order(shop, friends.code(eve), FRIEND)
    assert friends.said(second) == ("waiting", "", "")
    shop.reinstate(first)
    friends.work(shop.clock.forward(days=1))
    assert (friends.said(first), friends.said(second)) == (("waiting", "", ""), ("no", "known", ""))
    friends.work(shop.clock.forward(days=20))
    assert (account(ada), account(eve)) == ((500, 0), (0, 0))


def thanks(**given: object) -> Offer:
    ten = Terms(kind=Kind.PERCENTAGE, percent=Decimal(10), valid_days=30, **given)  # type: ignore[arg-type]
    return offers.create(slug="thanks", name="Thanks", terms=ten, at=till.START)


def test_a_coupon_that_cannot_be_given_yet_is_tried_again_and_takes_no_place(shop: FakeShop) -> None:
    offer = thanks()
    friends.terms(points=0, reward_offer=offer, most_ever=1)
    ada = friends.member()
    first = friends.order(shop, friends.code(ada), FRIEND)
    Offer.objects.update(active=False)
    friends.work(shop.clock.forward(days=14))
    friends.work(shop.clock.forward(minutes=59))
    one = friends.of(first)
    assert (one.state, one.coupon, one.rewarded_at, one.slot_ever) == ("waiting", None, None, None)
    assert facts("ReferralRewarded") == 0
    assert referral_words.state(one, at=shop.clock.now) == (
        "The return window has closed. Your reward takes us a little longer than we said; you need not do anything."
    )
    found = registry.troubles["loyalty.referrals"](shop.clock.now)
    assert [str(trouble.what) for trouble in found] == [
        "The offer “Thanks” is promised for friends, and gives no coupons now",
        "1 reward for a friend waits: the offer “Thanks” gives no coupon for it",
    ]
    assert referrals.settle_due(at=shop.clock.now) == 0  # not every ten seconds
    Offer.objects.update(active=True)
    friends.work(shop.clock.forward(hours=1))
    one.refresh_from_db()
    assert (one.state, one.coupon, one.slot_ever) == ("rewarded", Coupon.objects.get(), 1)
    assert (one.rewarded_at, facts("ReferralRewarded")) == (shop.clock.now, 1)
    assert list(registry.troubles["loyalty.referrals"](shop.clock.now)) == []


def test_what_staff_still_look_at_does_not_wait_for_a_window_that_has_closed(shop: FakeShop) -> None:
    friends.terms()
    ada = friends.member("ada@gmail.com")
    first = friends.order(shop, friends.code(ada), "a.d.a+x@gmail.com")
    one = friends.of(first)
    assert one.review == "open"
    assert referral_words.state(one, at=shop.clock.now) == "Waiting for the return window to close"
    friends.work(shop.clock.forward(days=14))
    one.refresh_from_db()
    assert referral_words.state(one, at=shop.clock.now) == "The return window has closed; we are still looking at it"


def test_a_reward_coupon_that_was_used_is_followed_by_no_other(shop: FakeShop) -> None:
    friends.terms(points=0, reward_offer=thanks())
    first = friends.order(shop, friends.code(friends.member()), FRIEND)
    friends.work(shop.clock.forward(days=14))
    Coupon.objects.update(used=1)
    shop.mark(first, "cancelled")
    friends.work(shop.clock.forward(days=1))
    assert friends.said(first) == ("lost", "", "")
    shop.reinstate(first)
    friends.work(shop.clock.forward(days=1))
    assert (friends.said(first), friends.of(first).coupon) == (("rewarded", "", ""), Coupon.objects.get())


def test_other_peoples_addresses_at_gmail_are_not_read(shop: FakeShop) -> None:
    friends.terms()
    shop.place(email="b.en+x@gmail.com")
    for number in range(5):
        shop.place(email=f"b.e.n{number}@googlemail.com")
    friends.work(shop.clock.now)
    one = Order.objects.select_related("customer").get(email="b.en+x@gmail.com")
    with CaptureQueriesContext(connection) as asked:
        same = referral_friends.of_one_mailbox([one])
    assert same == {one.customer_id: "ben@gmail.com"}
    with connection.cursor() as cursor:
        cursor.execute(asked[0]["sql"])
        assert len(cursor.fetchall()) == 1


@pytest.mark.parametrize(
    "spelled",
    ["ben@gmail.com", "b.e.n+a+b@googlemail.com", "b.en@gmail.com", "ann.a@web.de", "ann.a+x.y@web.de", "x@y"],
)
def test_the_database_reads_the_letters_of_a_mailbox_as_we_do_and_finds_them_by_an_index(
    db: None, spelled: str
) -> None:
    made = Customer.objects.create(address=spelled, created_at=till.START)
    found: Any = Customer.objects.annotate(letters=Letters("address"))
    assert found.get(pk=made.pk).letters == letters(spelled)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        same = found.filter(letters__in=[letters(spelled), "other"]).order_by()
        assert "retention_cust_mailbox" in same.explain()


def test_whose_mailbox_is_whose_is_looked_up_before_anybody_has_to_wait(
    shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    friends.terms()
    order = shop.place(email="ben@gmail.com")
    said: list[str] = []
    referral_visits.note(order=order, code=friends.code(friends.member()), address="", at=shop.clock.now)
    settle(at=shop.clock.now)
    look = referral_friends.of_one_mailbox

    def looking(orders: Iterable[Order]) -> dict[int, str]:
        said.append("look")
        return look(orders)

    def turn(name: str, *, wait: bool) -> Any:
        said.append("turn")
        return one_at_a_time(name, wait=wait)

    monkeypatch.setattr(referral_friends, "of_one_mailbox", looking)
    monkeypatch.setattr(referrals, "one_at_a_time", turn)
    referrals.settle([order], at=shop.clock.now)
    assert said == ["look", "turn"]


def test_the_database_knows_a_friend_once_and_nobody_as_their_own(shop: FakeShop) -> None:
    friends.terms()
    ada = friends.member()
    first = friends.order(shop, friends.code(ada), FRIEND)
    key = friends.of(first).friend_key
    for wrong in ({"friend_key": key}, {"referrer": till.who(ada), "friend": till.who(ada)}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Referral.objects.create(order="other", code="X", at=shop.clock.now, **wrong)


def test_a_code_that_nobody_has_is_kept_with_the_reason(shop: FakeShop) -> None:
    friends.terms()
    assert friends.said(friends.order(shop, "NOBODYS222", FRIEND)) == ("no", "unknown", "")


def test_without_terms_nothing_counts_and_old_orders_never_do(shop: FakeShop) -> None:
    ada = friends.member()
    code = friends.code(ada)
    assert friends.said(friends.order(shop, code, FRIEND)) == ("no", "off", "")
    friends.terms()
    old = friends.order(shop, code, "old@example.com", at=shop.clock.now - timedelta(days=800))
    assert friends.said(old) == ("no", "history", "")
    friends.work(shop.clock.forward(days=60))
    assert ledger(ada) == []


def test_a_link_that_was_opened_too_long_ago_does_not_count(shop: FakeShop) -> None:
    friends.terms(link_days=30)
    code = friends.code(friends.member())
    reference = shop.place(email=FRIEND)
    now = shop.clock.now
    Referral.objects.create(order=reference, code=code, parked_at=now - timedelta(days=30, seconds=1), at=now)
    friends.work(now)
    assert friends.said(reference) == ("no", "old", "")


def test_an_order_that_the_shop_never_had_is_given_up_after_a_week(shop: FakeShop) -> None:
    friends.terms()
    code = friends.code(friends.member())
    referral_visits.note(order="99", code=code, at=shop.clock.now)
    friends.work(shop.clock.forward(days=6))
    assert friends.said("99") == ("new", "", "")
    friends.work(shop.clock.forward(days=1))
    assert friends.said("99") == ("no", "no_order", "")


def test_what_was_promised_is_kept_when_the_terms_change(shop: FakeShop) -> None:
    promised = friends.terms()
    ada = friends.member()
    friends.order(shop, friends.code(ada), FRIEND)
    promised.points, promised.window_days, promised.active = 50, 60, False
    promised.save()
    friends.work(shop.clock.forward(days=14))
    assert account(ada) == (500, 0)


def test_over_the_limit_the_ledger_says_so_with_no_points(shop: FakeShop) -> None:
    friends.terms(most_per_month=2, most_ever=3, burst_orders=99)
    ada = friends.member()
    code = friends.code(ada)
    orders = [friends.order(shop, code, f"friend{n}@example.com") for n in range(3)]
    friends.work(shop.clock.forward(days=14))  # 16 March
    assert [friends.said(order)[0] for order in orders] == ["rewarded", "rewarded", "capped"]
    note = Entry.objects.get(points=0)
    assert note.breakdown == {"referral": friends.of(orders[2]).pk, "stopped": 500, "limit": "month", "most": 2}
    shop.clock.forward(days=10)
    later = [friends.order(shop, code, f"friend{n}@example.com") for n in (3, 4)]
    friends.work(shop.clock.forward(days=14))  # 9 April
    assert [friends.said(order)[0] for order in later] == ["rewarded", "capped"]
    assert account(ada) == (1500, 0)
    friends.work(shop.clock.forward(days=30))
    assert account(ada) == (1500, 0)  # what was over the limit stays over it


def test_a_referrer_who_was_forgotten_gets_nothing(shop: FakeShop) -> None:
    friends.terms()
    ada = friends.member()
    first = friends.order(shop, friends.code(ada), FRIEND)
    who = till.who(ada)
    who.erased_at = shop.clock.now
    who.save()
    friends.work(shop.clock.forward(days=14))
    assert friends.said(first) == ("no", "gone", "")
    assert ledger(ada) == []


def test_settling_costs_one_query_where_nobody_came_by_a_link(
    shop: FakeShop, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert referrals.settle(["1", "2"], at=shop.clock.now) == 0
