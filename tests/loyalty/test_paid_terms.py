"""A paid membership is what its orders are: bought, renewed, called off, refunded, claimed, given and ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.models import Coupon, Offer
from campaigns.services import offers
from campaigns.terms import Kind, Terms
from loyalty.models import PaidMember, PaidTerm, Plan, PlanPause
from loyalty.services import paid_members, paid_notices, paid_persons, paid_spans, paid_terms, plan_pauses
from loyalty.services.paid_spans import Piece
from retention.conf import conf as ground
from retention.models import Customer, Fact, Message
from retention.services import customers
from retention.shop import LineData, RefundData
from retention.testing.settling import settle
from retention.testing.shop import FakeShop
from tests.loyalty import club, till
from tests.loyalty.club import runs

DAY = timedelta(days=1)


def names(kind: str) -> int:
    return Fact.objects.filter(kind=f"loyalty.{kind}").count()


def test_whoever_pays_for_it_is_a_member_for_its_time(shop: FakeShop) -> None:
    ada, year = till.join(), club.plan(shop)
    club.buy(shop, year, ada)
    club.work(shop.clock.now)
    assert runs(ada) == [("2026-03-02", "2027-03-02")]
    row = PaidMember.objects.get()
    assert (row.since, row.until, row.runs) == (shop.clock.now, datetime(2027, 3, 2, 9, tzinfo=UTC), 1)
    assert (names("PaidMembershipBegan"), names("PaidMembershipEnded")) == (1, 0)
    club.work(datetime(2027, 3, 2, 8, 59, 59, tzinfo=UTC))
    assert PaidMember.objects.get().until is not None
    club.work(datetime(2027, 3, 2, 9, tzinfo=UTC))
    row.refresh_from_db()
    assert (row.since, row.until, row.due_at) == (None, None, None)
    assert (names("PaidMembershipBegan"), names("PaidMembershipEnded")) == (1, 1)


def test_bought_again_while_it_runs_it_goes_on_from_its_end_and_two_pieces_are_two_terms(shop: FakeShop) -> None:
    ada, month = till.join(), club.plan(shop, months=1)
    club.buy(shop, month, ada)
    club.work(shop.clock.now)
    shop.clock.forward(days=10)
    club.buy(shop, month, ada, quantity=2)
    club.work(shop.clock.now)
    assert runs(ada) == [("2026-03-02", "2026-04-02"), ("2026-04-02", "2026-06-02")]
    assert list(PaidTerm.objects.order_by("pk").values_list("renews", flat=True)) == [False, True]
    club.work(shop.clock.forward(days=50))
    assert (names("PaidMembershipBegan"), names("PaidMembershipEnded")) == (1, 0)


def test_bought_long_after_the_end_it_begins_anew(shop: FakeShop) -> None:
    ada, month = till.join(), club.plan(shop, months=1)
    club.buy(shop, month, ada)
    club.work(shop.clock.now)
    club.work(shop.clock.forward(days=100))
    club.buy(shop, month, ada)
    club.work(shop.clock.now)
    assert runs(ada) == [("2026-03-02", "2026-04-02"), ("2026-06-10", "2026-07-10")]
    assert (names("PaidMembershipBegan"), names("PaidMembershipEnded")) == (2, 1)
    assert list(PaidTerm.objects.order_by("pk").values_list("renews", flat=True)) == [False, False]


@pytest.mark.parametrize("how", ["cancelled", "refunded"])
def test_an_order_called_off_takes_its_time_out_and_what_follows_moves_up(shop: FakeShop, how: str) -> None:
    ada, month = till.join(), club.plan(shop, months=1)
    first = club.buy(shop, month, ada)
    club.work(shop.clock.now)
    shop.clock.forward(days=10)
    club.buy(shop, month, ada)
    club.work(shop.clock.now)
    shop.clock.forward(days=1)
    if how == "cancelled":
        shop.mark(first, "cancelled")
    else:
        shop.refund(first, club.PRICE)
    club.work(shop.clock.now)
    assert runs(ada) == [("2026-03-12", "2026-04-12")]
    assert PaidMember.objects.get().until == datetime(2026, 4, 12, 8, tzinfo=UTC)  # summer time


def test_a_cancelled_order_that_is_on_again_gives_its_time_again(shop: FakeShop) -> None:
    ada, year = till.join(), club.plan(shop)
    order = club.buy(shop, year, ada)
    club.work(shop.clock.now)
    shop.mark(order, "cancelled")
    club.work(shop.clock.now)
    assert runs(ada) == []
    shop.reinstate(order)
    club.work(shop.clock.forward(days=1))
    assert runs(ada) == [("2026-03-02", "2027-03-02")]
    assert (names("PaidMembershipBegan"), names("PaidMembershipEnded")) == (2, 1)


def test_a_refund_of_one_of_two_pieces_takes_one_out(shop: FakeShop) -> None:
    ada, year = till.join(), club.plan(shop)
    order = club.buy(shop, year, ada, quantity=2)
    club.work(shop.clock.now)
    assert runs(ada) == [("2026-03-02", "2028-03-02")]
    shop.refund(order, club.PRICE - Decimal("0.01"))
    club.work(shop.clock.now)
    assert runs(ada) == [("2026-03-02", "2028-03-02")]
    shop.refund(order, Decimal("0.01"))
    club.work(shop.clock.now)
    assert runs(ada) == [("2026-03-02", "2027-03-02")]
    assert PaidTerm.objects.values_list("bought", "units", "paid_minor").get() == (2, 1, 6000)


@pytest.mark.parametrize(
    ("shipping", "named", "back", "left"),
    [
        ("0", "0", "79.99", 1), ("0", "0", "80.00", 0),  # all the goods
        ("5", "0", "79.99", 1), ("5", "0", "80.00", 0),  # the shop keeps what shipping cost
        ("5", "0", "60.00", 1),  # may have been for the cup
        ("5", "20", "59.99", 1), ("5", "20", "60.00", 0),  # the cup has gone back already
        ("60", "0", "80.00", 1), ("60", "0", "139.99", 1), ("60", "0", "140.00", 0),  # the cup and its shipping, or all
    ],
)  # fmt: skip
def test_a_refund_that_names_no_line_is_for_other_goods_first(
    shop: FakeShop, shipping: str, named: str, back: str, left: int
) -> None:
    ada, year = till.join(), club.plan(shop)
    order = club.buy(shop, year, ada, beside=Decimal(20))
    whole = Decimal(80) + Decimal(shipping)
    shop._change(order, shipping=Decimal(shipping), total=whole)
    refunds = [RefundData(reference="b", amount=Decimal(back), at=shop.clock.now)]
    if Decimal(named):
        part = Decimal(named)
        refunds.append(RefundData(reference="a", amount=part, at=shop.clock.now, lines=(("2", part),)))
    shop._change(order, refunds=tuple(refunds))
    club.work(shop.clock.now)
    assert PaidTerm.objects.get().units == left


def test_shipping_that_goes_back_alone_ends_nothing(shop: FakeShop) -> None:
    ada, year = till.join(), club.plan(shop)
    order = club.buy(shop, year, ada)
    shop._change(order, shipping=club.PRICE, total=2 * club.PRICE)
    shop.refund(order, club.PRICE)
    club.work(shop.clock.now)
    assert PaidTerm.objects.get().units == 1


def test_of_two_memberships_in_one_order_neither_goes_by_half_a_refund(shop: FakeShop) -> None:
    ada, year, gold = till.join(), club.plan(shop), club.plan(shop, name="Gold")
    lines = tuple(
        LineData(reference=what.name, product=what.product, list_price=club.PRICE, amount=club.PRICE)
        for what in (year, gold)
    )
    order = shop.place(user=ada, email=ada.email, total=2 * club.PRICE, lines=lines)
    shop.refund(order, club.PRICE)  # of which, nobody says
    club.work(shop.clock.now)
    assert list(PaidTerm.objects.values_list("units", flat=True)) == [1, 1]


def test_a_refund_of_the_goods_without_their_shipping_is_whole(shop: FakeShop) -> None:
    ada, year = till.join(), club.plan(shop)
    order = club.buy(shop, year, ada)
    shop._change(order, shipping=Decimal(5), total=Decimal(65))
    shop.refund(order, club.PRICE)
    club.work(shop.clock.now)
    assert PaidTerm.objects.get().units == 0


def test_a_refund_beside_other_goods_counts_by_its_lines(shop: FakeShop) -> None:
    ada, year = till.join(), club.plan(shop)
    order = club.buy(shop, year, ada, beside=Decimal("100.00"))
    club.work(shop.clock.now)
    shop.refund(order, Decimal("70.00"))  # of what, nobody says
    club.work(shop.clock.now)
    assert len(runs(ada)) == 1
    back = RefundData(reference="r9", amount=club.PRICE, at=shop.clock.now, lines=(("1", club.PRICE),))
    shop._change(order, refunds=(back,))
    club.work(shop.clock.now)
    assert runs(ada) == []


def test_not_paid_is_no_membership_until_it_is_paid(shop: FakeShop) -> None:
    ada, year = till.join(), club.plan(shop)
    order = club.buy(shop, year, ada, paid_at=None)
    club.work(shop.clock.forward(days=3))
    assert PaidTerm.objects.count() == 0
    shop.mark(order, "paid")
    club.work(shop.clock.now)
    assert runs(ada) == [("2026-03-05", "2027-03-05")]


def test_a_guests_term_waits_for_the_account_and_starts_then(shop: FakeShop) -> None:
    year = club.plan(shop, free_shipping=club.shipping())
    order = club.buy(shop, year, email="ben@example.com")
    club.work(shop.clock.now)
    assert PaidTerm.objects.values_list("ready_at", "starts_at", "units").get() == (None, None, 1)
    assert (PaidMember.objects.count(), Coupon.objects.count()) == (0, 0)
    shop.clock.forward(days=20)
    ben = till.join("ben@example.com", at=shop.clock.now)
    shop.claim_order(order, user=ben)
    customers.prove_address(till.who(ben), at=shop.clock.now)
    shop._tell("claimed", order)
    club.work(shop.clock.now)
    assert runs(ben) == [("2026-03-22", "2027-03-22")]
    assert Coupon.objects.get().customer == till.who(ben)


def test_an_order_that_changes_hands_takes_the_membership_with_it(shop: FakeShop) -> None:
    ada, ben, year = till.join(), till.join("ben@example.com"), club.plan(shop, free_shipping=club.shipping())
    order = club.buy(shop, year, ada)
    club.work(shop.clock.now)
    shop._change(order, user_id=ben.pk, email=ben.email)
    club.work(shop.clock.forward(days=1))
    assert (runs(ada), runs(ben)) == ([], [("2026-03-02", "2027-03-02")])
    assert list(Coupon.objects.order_by("pk").values_list("customer__user", "state")) == [
        (ada.pk, "void"), (ben.pk, "issued")
    ]  # fmt: skip


def test_free_shipping_stands_while_it_runs_and_is_called_off_with_it(shop: FakeShop) -> None:
    ada, month = till.join(), club.plan(shop, months=1, free_shipping=club.shipping())
    club.buy(shop, month, ada)
    club.work(shop.clock.now)
    coupon = Coupon.objects.get()
    assert (coupon.customer, coupon.state, coupon.source) == (
        till.who(ada),
        "issued",
        f"standing:membership:{month.pk}",
    )
    club.work(shop.clock.forward(days=20))
    assert paid_members.refresh(at=shop.clock.now) == 0
    club.work(shop.clock.forward(days=20))
    coupon.refresh_from_db()
    assert coupon.state == "void"
    assert Coupon.objects.count() == 1


def test_who_gets_another_offer_from_the_plan_has_it_within_the_hour(shop: FakeShop) -> None:
    ada, year = till.join(), club.plan(shop, free_shipping=club.shipping())
    club.buy(shop, year, ada)
    club.work(shop.clock.now)
    year.free_shipping = club.shipping("other")
    year.save()
    paid_members.refresh(at=shop.clock.now)
    found = Coupon.objects.order_by("pk").values_list("offer__slug", "state")
    assert list(found) == [("club-shipping", "void"), ("other", "issued")]
    Plan.objects.update(free_shipping=None)
    paid_members.refresh(at=shop.clock.now)
    assert not Coupon.objects.filter(state="issued").exists()


def test_the_gift_on_joining_comes_once_whatever_is_refunded_and_bought_again(shop: FakeShop) -> None:
    ten = Terms(kind=Kind.PERCENTAGE, percent=Decimal(10), valid_days=30)
    gift = offers.create(slug="gift", name="Gift", terms=ten, at=till.START)
    ada, month = till.join(), club.plan(shop, months=1, gift=gift)
    order = club.buy(shop, month, ada)
    club.work(shop.clock.now)
    shop.mark(order, "cancelled")
    club.work(shop.clock.forward(days=1))
    club.buy(shop, month, ada)
    club.work(shop.clock.now)
    # the first was called off unused: what was bought again brings it again
    assert list(Coupon.objects.order_by("pk").values_list("offer", "state")) == [(gift.pk, "void"), (gift.pk, "issued")]
    assert PaidMember.objects.get().runs == 2
    Coupon.objects.filter(state="issued").update(used=1)
    PaidTerm.objects.filter(units=1).update(ended_at=shop.clock.now, ended_reason="Moved", ended_by="grace")
    club.work(shop.clock.forward(days=40))
    club.buy(shop, month, ada)
    club.work(shop.clock.now)
    assert Coupon.objects.filter(offer=gift).count() == 2


def present() -> Offer:
    ten = Terms(kind=Kind.PERCENTAGE, percent=Decimal(10), valid_days=60)
    return offers.create(slug="gift", name="Gift", terms=ten, at=till.START)


def test_the_gift_on_joining_is_called_off_unused_with_what_was_bought_and_not_when_it_runs_out(shop: FakeShop) -> None:
    ada, ben, month = till.join(), till.join("ben@example.com"), club.plan(shop, months=1, gift=present())
    order = club.buy(shop, month, ada)
    club.buy(shop, month, ben)
    club.work(shop.clock.now)
    shop.refund(order, club.PRICE)
    club.work(shop.clock.forward(days=1))
    found = Coupon.objects.order_by("pk").values_list("customer__user", "state", "void_reason")
    assert sorted(found) == [(ada.pk, "void", "the membership was called off"), (ben.pk, "issued", "")]
    club.work(shop.clock.forward(days=40))
    assert PaidMember.objects.filter(until__isnull=False).count() == 0
    assert Coupon.objects.get(state="issued").customer == till.who(ben)


def test_a_gift_that_was_used_stays_and_comes_no_second_time(shop: FakeShop) -> None:
    ada, month = till.join(), club.plan(shop, months=1, gift=present())
    order = club.buy(shop, month, ada)
    club.work(shop.clock.now)
    Coupon.objects.update(used=1)
    shop.mark(order, "cancelled")
    club.work(shop.clock.forward(days=1))
    club.buy(shop, month, ada)
    club.work(shop.clock.now)
    assert Coupon.objects.values_list("state", "used").get() == ("issued", 1)


def test_a_gift_whose_offer_was_off_on_joining_comes_when_it_is_on(shop: FakeShop) -> None:
    gift = present()
    ada, year = till.join(), club.plan(shop, gift=gift)
    Offer.objects.update(active=False)
    club.buy(shop, year, ada)
    club.work(shop.clock.now)
    assert paid_members.refresh(at=shop.clock.forward(hours=1)) == 0
    assert (Coupon.objects.count(), PaidMember.objects.get().gift_due) == (0, gift)
    Offer.objects.update(active=True)
    assert [paid_members.refresh(at=shop.clock.forward(hours=1)) for _ in range(2)] == [1, 0]
    assert (Coupon.objects.get().customer, PaidMember.objects.get().gift_due) == (till.who(ada), None)


def test_what_was_given_to_somebody_of_an_import_is_theirs_when_they_open_an_account(shop: FakeShop) -> None:
    year = club.plan(shop, product="", free_shipping=club.shipping(), gift=present())
    old = Customer.objects.create(
        kind="import", source="old", number="7", email="ben@example.com", address="ben@example.com",
        created_at=shop.clock.now,
    )  # fmt: skip
    paid_terms.grant(old, year, months=12, reason="Sorry", author="grace", key="1", at=shop.clock.now)
    club.work(shop.clock.now)
    assert Coupon.objects.count() == 2
    ben = till.join("ben@example.com", at=shop.clock.forward(days=1))
    customers.prove_address(till.who(ben), at=shop.clock.now)
    club.work(shop.clock.now)
    paid_members.refresh(at=shop.clock.now)
    assert runs(ben) == [("2026-03-02", "2027-03-02")]
    row = PaidMember.objects.get()
    assert (row.customer, row.runs, names("PaidMembershipBegan"), names("PaidMembershipEnded")) == (
        till.who(ben), 1, 1, 0
    )  # fmt: skip
    assert set(Coupon.objects.values_list("customer__user", "state")) == {(ben.pk, "issued")}
    assert Coupon.objects.count() == 2


def test_a_membership_of_before_goes_on_from_that_of_the_account_it_is_added_to(shop: FakeShop) -> None:
    year = club.plan(shop, months=1, gift=present())
    ben = till.join("ben@example.com")
    old = Customer.objects.create(
        kind="import", source="old", number="7", email="ben@example.com", address="ben@example.com",
        created_at=shop.clock.now,
    )  # fmt: skip
    for number, customer in enumerate((till.who(ben), old)):
        paid_terms.grant(customer, year, months=1, reason="Sorry", author="g", key=str(number), at=shop.clock.now)
    club.work(shop.clock.now)
    customers.prove_address(till.who(ben), at=shop.clock.now)
    club.work(shop.clock.now)
    assert runs(ben) == [("2026-03-02", "2026-04-02"), ("2026-04-02", "2026-05-02")]
    assert PaidMember.objects.values_list("customer", "runs").get() == (till.who(ben).pk, 1)


def test_what_a_new_member_orders_in_the_same_round_earns_what_was_bought(shop: FakeShop) -> None:
    till.start()
    ada, year = till.join(), club.plan(shop, multiplier=Decimal(2))
    club.buy(shop, year, ada)
    second = shop.place(user=ada, email=ada.email, total=Decimal("40.00"), at=shop.clock.forward(hours=1))
    club.work(shop.clock.now)
    assert till.award(second).earned == 80


@pytest.mark.parametrize(
    ("quantity", "paid", "back", "left"),
    [(2, "19.97", "9.98", 1), (2, "19.97", "9.97", 2), (3, "100.00", "33.33", 2), (3, "100.00", "66.67", 1),
     (3, "100.00", "100.00", 0), (1, "60.00", "59.99", 1), (2, "0.01", "0.01", 0)],
)  # fmt: skip
def test_a_piece_is_taken_out_by_its_price_as_the_shop_rounds_it(
    shop: FakeShop, quantity: int, paid: str, back: str, left: int
) -> None:
    ada, year = till.join(), club.plan(shop)
    line = LineData(
        reference="1", product=year.product, quantity=quantity, list_price=Decimal(paid), amount=Decimal(paid)
    )
    order = shop.place(user=ada, email=ada.email, total=Decimal(paid), lines=(line,), product=year.product)
    club.work(shop.clock.now)
    part = RefundData(reference="r", amount=Decimal(back), at=shop.clock.now, lines=(("1", Decimal(back)),))
    shop._change(order, refunds=(part,))
    club.work(shop.clock.now)
    assert PaidTerm.objects.get().units == left


def test_orders_of_members_earn_what_was_bought(shop: FakeShop) -> None:
    ada, year = till.join(), club.plan(shop, multiplier=Decimal("1.5"))
    club.buy(shop, year, ada)
    club.work(shop.clock.now)
    who = till.who(ada).pk
    Plan.objects.update(multiplier=Decimal(3))  # for who buys from now on
    assert paid_members.multipliers([who], at=shop.clock.now) == {who: Decimal("1.5")}
    assert paid_members.multipliers([who], at=shop.clock.now - DAY) == {}
    assert paid_members.multipliers([who], at=shop.clock.now + 400 * DAY) == {}


def test_old_orders_count_only_where_the_merchant_says_so(shop: FakeShop) -> None:
    ada, year = till.join(at=datetime(2024, 1, 1, tzinfo=UTC)), club.plan(shop)
    club.buy(shop, year, ada, at=datetime(2024, 12, 1, tzinfo=UTC))
    club.work(shop.clock.now)
    assert PaidTerm.objects.count() == 0
    Plan.objects.update(count_history=True)
    assert paid_terms.sweep(at=shop.clock.now) == 1
    assert runs(ada) == [("2024-12-01", "2025-12-01")]
    club.work(shop.clock.now)
    assert (names("PaidMembershipBegan"), names("PaidMembershipEnded")) == (0, 0)  # it is over
    assert paid_terms.sweep(at=shop.clock.now) == 0


def test_who_is_a_member_by_an_old_order_has_what_members_have_and_is_no_news(shop: FakeShop) -> None:
    ten = Terms(kind=Kind.PERCENTAGE, percent=Decimal(10), valid_days=30)
    gift = offers.create(slug="gift", name="Gift", terms=ten, at=till.START)
    long_ago = datetime(2024, 1, 1, tzinfo=UTC)
    ada, years = till.join(at=long_ago), club.plan(shop, months=60, count_history=True, gift=gift,
                                                   free_shipping=club.shipping())  # fmt: skip
    club.buy(shop, years, ada, at=long_ago)
    club.work(shop.clock.now)
    assert runs(ada) == [("2024-01-01", "2029-01-01")]
    assert [fact.payload["history"] for fact in Fact.objects.filter(kind="loyalty.PaidMembershipBegan")] == [True]
    assert list(Coupon.objects.values_list("offer__slug", flat=True)) == ["club-shipping"]


def test_orders_from_before_the_plan_was_made_are_found(shop: FakeShop) -> None:
    ada, product = till.join(), shop.add_product("Club", price=club.PRICE)
    club.buy(shop, Plan(product=product), ada)
    club.work(shop.clock.now)
    assert PaidTerm.objects.count() == 0
    club.plan(shop, product=product)
    assert paid_terms.sweep(at=shop.clock.forward(days=2)) == 1
    club.work(shop.clock.now)
    assert runs(ada) == [("2026-03-02", "2027-03-02")]


def test_a_plan_that_is_off_sells_nothing_new_and_keeps_its_word(shop: FakeShop) -> None:
    ada, ben, year = till.join(), till.join("ben@example.com"), club.plan(shop)
    order = club.buy(shop, year, ada)
    club.work(shop.clock.now)
    Plan.objects.update(active=False)
    club.buy(shop, year, ben)
    shop.mark(order, "fulfilled")
    club.work(shop.clock.now)
    assert (runs(ada), runs(ben)) == ([("2026-03-02", "2027-03-02")], [])


def switched(plan: Plan, active: bool, *, at: datetime) -> None:
    was, plan.active = plan.active, active
    plan.save()
    plan_pauses.switch(plan, was_active=was, at=at)


def test_an_order_placed_while_the_plan_is_off_brings_nothing_even_once_it_is_on_again(shop: FakeShop) -> None:
    ada, ben, eve, year = *(till.join(f"{name}@example.com") for name in ("ada", "ben", "eve")), club.plan(shop)
    early = club.buy(shop, year, eve, paid_at=None)
    switched(year, False, at=shop.clock.forward(days=1))
    order = club.buy(shop, year, ada)
    shop.mark(early, "paid")
    club.work(shop.clock.now)
    assert (runs(ada), runs(eve)) == ([], [("2026-03-03", "2027-03-03")])  # she had ordered it while it was on sale
    switched(year, True, at=shop.clock.forward(days=30))
    assert paid_terms.sweep(at=shop.clock.now) == 0
    shop.mark(order, "fulfilled")
    club.buy(shop, year, ben)
    club.work(shop.clock.now)
    assert (runs(ada), runs(ben)) == ([], [("2026-04-02", "2027-04-02")])
    switched(year, False, at=shop.clock.forward(days=1))
    assert PlanPause.objects.filter(ended_at=None).count() == 1


def test_a_plan_made_off_sale_brings_nothing_for_orders_before_it_is_on_but_old_ones_count_if_ticked(
    shop: FakeShop,
) -> None:
    ada, ben = till.join(at=datetime(2024, 1, 1, tzinfo=UTC)), till.join("ben@example.com")
    year = club.plan(shop, active=False, count_history=True)
    plan_pauses.switch(year, was_active=None, at=shop.clock.now)
    club.buy(shop, year, ada, at=datetime(2025, 12, 1, tzinfo=UTC))
    club.buy(shop, year, ben)
    club.work(shop.clock.now)
    assert PaidTerm.objects.count() == 0
    switched(year, True, at=shop.clock.forward(days=1))
    assert paid_terms.sweep(at=shop.clock.now) == 1
    assert (runs(ada), runs(ben)) == ([("2025-12-01", "2026-12-01")], [])


def test_a_plan_of_which_nobody_knows_since_when_it_is_off_brings_nothing_from_before(shop: FakeShop) -> None:
    ada, year = till.join(), club.plan(shop, active=False)
    club.buy(shop, year, ada)
    club.work(shop.clock.now)
    switched(year, True, at=shop.clock.forward(days=1))
    assert paid_terms.sweep(at=shop.clock.now) == 0
    assert list(PlanPause.objects.values_list("began_at", "ended_at")) == [(None, shop.clock.now)]
    with pytest.raises(IntegrityError, match=r"one_at_a_time|plan_id"), transaction.atomic():
        PlanPause.objects.bulk_create(PlanPause(plan=year) for _ in range(2))
    with pytest.raises(IntegrityError, match="loyalty_plan_pause_ends_after_start"), transaction.atomic():
        PlanPause.objects.create(plan=year, began_at=shop.clock.now, ended_at=shop.clock.now - DAY)


def test_what_was_bought_stays_when_the_plan_is_sold_by_another_product(shop: FakeShop) -> None:
    ada, year = till.join(), club.plan(shop)
    order = club.buy(shop, year, ada)
    club.work(shop.clock.now)
    Plan.objects.update(product=shop.add_product("New club", price=club.PRICE), months=1)
    shop.mark(order, "fulfilled")
    club.work(shop.clock.now)
    assert runs(ada) == [("2026-03-02", "2027-03-02")]


def test_staff_give_a_membership_once_with_a_reason(shop: FakeShop) -> None:
    ada, year = till.join(), club.plan(shop, product="")
    about: dict[str, Any] = {"months": 3, "author": "grace", "at": shop.clock.now}
    assert paid_terms.grant(till.who(ada), year, reason="Sorry", key="1", **about)
    assert not paid_terms.grant(till.who(ada), year, reason="Sorry", key="1", **about)
    club.work(shop.clock.now)
    assert runs(ada) == [("2026-03-02", "2026-06-02")]
    with pytest.raises(paid_terms.NoReason):
        paid_terms.grant(till.who(ada), year, reason=" ", key="2", **about)
    with pytest.raises(ValueError, match="0 months"):
        paid_terms.grant(till.who(ada), year, reason="Sorry", key="3", **{**about, "months": 0})
    guest = customers.for_guest("ben@example.com", at=shop.clock.now)
    with pytest.raises(paid_terms.NotAMember):
        paid_terms.grant(guest, year, reason="Sorry", key="4", **about)
    assert PaidTerm.objects.count() == 1


def test_who_was_joined_or_forgotten_while_the_form_was_open_is_given_nothing(shop: FakeShop) -> None:
    year = club.plan(shop, product="")
    about: dict[str, Any] = {"months": 3, "reason": "Sorry", "author": "grace", "at": shop.clock.now}
    other = till.who(till.join("b@example.com"))
    gone: list[dict[str, Any]] = [{"erased_at": shop.clock.now}, {"absorbed_into": other}]
    for number, meanwhile in enumerate(gone):
        read_before = till.who(till.join(f"ada{number}@example.com"))
        Customer.objects.filter(pk=read_before.pk).update(**meanwhile)
        with pytest.raises(paid_terms.NotAMember):
            paid_terms.grant(read_before, year, key=f"late{number}", **about)
    guest = customers.for_guest("ben@example.com", at=shop.clock.now)
    Customer.objects.filter(pk=guest.pk).update(kind="member")
    assert paid_terms.grant(guest, year, key="joined", **about)
    assert PaidTerm.objects.count() == 1


def test_staff_end_a_term_and_what_would_follow_it(shop: FakeShop) -> None:
    ada, month = till.join(), club.plan(shop, months=1, free_shipping=club.shipping())
    for _ in range(2):
        club.buy(shop, month, ada)
    club.work(shop.clock.now)
    term = PaidTerm.objects.order_by("starts_at").first()
    assert term is not None
    with pytest.raises(paid_terms.NoReason):
        paid_terms.end(term, reason="", author="grace", at=shop.clock.now)
    paid_terms.end(term, reason="Abuse", author="grace", at=shop.clock.forward(days=5))
    club.work(shop.clock.now)
    assert runs(ada) == [("2026-03-02", "2026-03-07")]
    assert Coupon.objects.get().state == "void"
    with pytest.raises(paid_terms.Over):
        paid_terms.end(term, reason="Abuse", author="grace", at=shop.clock.forward(days=1))
    club.buy(shop, month, ada)
    club.work(shop.clock.now)
    assert runs(ada) == [("2026-03-02", "2026-03-07"), ("2026-03-08", "2026-04-08")]


def test_members_are_told_of_the_end_once_and_not_when_they_have_renewed(shop: FakeShop) -> None:
    ada, ben, month = till.join(), till.join("ben@example.com"), club.plan(shop, months=1, notice_days=7)
    club.buy(shop, month, ada)
    club.buy(shop, month, ben)
    club.work(shop.clock.now)
    assert paid_notices.warn(at=shop.clock.forward(days=20)) == 0
    club.buy(shop, month, ben)
    club.work(shop.clock.now)
    assert paid_notices.warn(at=shop.clock.forward(days=5)) == 1
    assert paid_notices.warn(at=shop.clock.forward(days=1)) == 0
    assert list(Message.objects.values_list("mail", "customer__user", "purpose")) == [
        ("loyalty.membership_ends", ada.pk, "service")
    ]
    assert paid_notices.warn(at=shop.clock.forward(days=28)) == 1  # Ben's second end


def test_two_plans_run_beside_each_other_and_the_larger_factor_counts(shop: FakeShop) -> None:
    ada = till.join()
    basic, gold = club.plan(shop, multiplier=2), club.plan(shop, name="Gold", multiplier=5, months=1)
    club.buy(shop, basic, ada)
    club.buy(shop, gold, ada)
    club.work(shop.clock.now)
    who = till.who(ada).pk
    assert sorted(runs(ada)) == [("2026-03-02", "2026-04-02"), ("2026-03-02", "2027-03-02")]
    assert paid_members.multipliers([who], at=shop.clock.now) == {who: 5}
    assert paid_members.multipliers([who], at=shop.clock.now + 60 * DAY) == {who: 2}


@pytest.mark.parametrize(
    "wrong", [{"months": 0}, {"months": 121}, {"multiplier": Decimal("0.5")}, {"product": "p1", "name": "Other"}]
)
def test_the_database_refuses_a_plan_that_makes_no_sense(shop: FakeShop, wrong: dict[str, Any]) -> None:
    Plan.objects.create(name="Club", product="p1")
    with pytest.raises(IntegrityError), transaction.atomic():
        Plan.objects.create(**{"name": "Other", "product": "p2", **wrong})


def test_orders_without_a_membership_cost_four_queries_at_most(shop: FakeShop) -> None:
    club.plan(shop)
    orders = [shop.place(product="cup") for _ in range(20)]
    club.work(shop.clock.now)
    with CaptureQueriesContext(connection) as captured:
        assert paid_terms.settle(orders, at=shop.clock.now) == 0
    assert len(captured) <= 4
    assert PaidTerm.objects.count() == 0


def test_the_number_of_queries_does_not_depend_on_how_many_bought(shop: FakeShop) -> None:
    year = club.plan(shop, free_shipping=club.shipping())

    def cost(emails: list[str]) -> int:
        for email in emails:
            club.buy(shop, year, till.join(email))
        with CaptureQueriesContext(connection) as captured:
            club.work(shop.clock.now)
        return len(captured)

    few = cost([f"a{number}@example.com" for number in range(3)])
    assert cost([f"b{number}@example.com" for number in range(30)]) <= few + 2


def test_forgetting_a_person_empties_the_words_and_calls_the_benefits_off(shop: FakeShop) -> None:
    ada, year = till.join(), club.plan(shop, free_shipping=club.shipping())
    paid_terms.grant(till.who(ada), year, months=3, reason="Ada is nice", author="grace", key="1", at=shop.clock.now)
    club.work(shop.clock.now)
    assert paid_persons.export(till.who(ada))["memberships"][0]["reason"] == "Ada is nice"
    Customer.objects.filter(user=ada).update(erased_at=shop.clock.now)
    paid_persons.erase(till.who(ada), shop.clock.now)
    club.work(shop.clock.forward(days=1))
    assert PaidTerm.objects.get().reason == "(erased)"
    assert Coupon.objects.get().state == "void"
    assert PaidMember.objects.get().until is None


# When terms run


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T09:00+00:00")


def test_months_are_counted_from_the_first_day_of_all_that_follow_each_other() -> None:
    pieces = [Piece(name=f"{number}", months=1, ready_at=at("2026-01-31")) for number in range(4)]
    spans = paid_spans.lay(pieces)
    assert [f"{spans[name].ends_at:%Y-%m-%d}" for name in sorted(spans)] == [
        "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"
    ]  # fmt: skip


def test_a_year_from_a_leap_day_ends_on_the_28th_and_the_hour_is_the_shops() -> None:
    assert f"{paid_spans.later(at('2028-02-29'), 12):%Y-%m-%d %H:%M}" == "2029-02-28 09:00"
    winter, summer = at("2026-03-01"), paid_spans.later(at("2026-03-01"), 2)
    assert ground.SPEED == 1
    assert (summer - winter) in (timedelta(days=61), timedelta(days=61, hours=-1))


def test_a_membership_longer_than_any_calendar_still_ends() -> None:
    spans = paid_spans.lay([Piece(name="1", months=120 * 4_000, ready_at=at("2026-03-02"))])
    assert spans["1"].ends_at.year == 2126


DAYS = st.integers(0, 900).map(lambda n: at("2026-01-01") + n * DAY)
PIECES = st.lists(
    st.builds(
        Piece,
        name=st.uuids().map(str),
        months=st.integers(0, 24),
        ready_at=DAYS,
        ended_at=st.none() | DAYS,
    ),
    max_size=8,
    unique_by=lambda piece: piece.name,
)


@settings(max_examples=150, deadline=None)
@given(pieces=PIECES, data=st.data())
def test_terms_never_overlap_never_start_early_and_do_not_mind_their_order(pieces: list[Piece], data: Any) -> None:
    spans = paid_spans.lay(pieces)
    assert paid_spans.lay(data.draw(st.permutations(pieces))) == spans
    ready = {piece.name: piece for piece in pieces}
    laid = sorted(spans.items(), key=lambda item: item[1].starts_at)
    for name, span in laid:
        assert span.starts_at >= ready[name].ready_at
        assert span.starts_at < span.ends_at
        ended = ready[name].ended_at
        assert ended is None or span.ends_at <= ended
    for (_, one), (_, other) in pairwise(laid):
        assert one.ends_at <= other.starts_at
    without = [piece for piece in pieces if piece.months]
    assert paid_spans.lay(without) == spans  # what was called off was never there


CHANGES = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["cancel", "reinstate", "refund"])), max_size=6)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES, data=st.data())
def test_in_whatever_order_the_facts_come_the_terms_are_those_of_the_orders(
    shop: FakeShop, changes: list[tuple[int, str]], data: Any
) -> None:
    """The terms after every change was looked at, twice or not at all, are those of who looks at the end alone."""
    with transaction.atomic():
        shop.reset(shop.clock)
        ada, month = till.join(f"{uuid4()}@example.com"), club.plan(shop, name=str(uuid4()), months=1)
        start = shop.clock.now
        orders = [club.buy(shop, month, ada, quantity=number + 1, at=start + number * DAY) for number in range(3)]
        settle(at=start + 3 * DAY)
        for number, what in changes:
            if what == "cancel":
                shop.mark(orders[number], "cancelled", at=start + 4 * DAY)
            elif what == "reinstate":
                shop.reinstate(orders[number])
            else:
                shop.refund(orders[number], club.PRICE, at=start + 4 * DAY)
            if data.draw(st.booleans()):
                settle(at=start + 5 * DAY)
                paid_terms.settle(data.draw(st.permutations(orders)), at=start)  # an old fact that is retried
        settle(at=start + 6 * DAY)
        stood = _standing(ada)
        PaidTerm.objects.all().delete()
        paid_terms.settle(orders, at=start + 6 * DAY)
        assert _standing(ada) == stood
        assert sum(units for _, units, *_ in stood) == sum(_wanted(shop, reference) for reference in orders)
        transaction.set_rollback(True)


def _standing(user: Any) -> list[tuple[Any, ...]]:
    rows = PaidTerm.objects.filter(customer__user=user, units__gt=0).order_by("order")
    return list(rows.values_list("order", "units", "starts_at", "ends_at", "paid_minor"))


def _wanted(shop: FakeShop, reference: str) -> int:
    order = shop.orders[reference]
    refunded = sum((refund.amount for refund in order.refunds), Decimal(0))
    return 0 if order.cancelled_at else max(0, order.lines[0].quantity - int(refunded / club.PRICE))
