"""Points end when they were said to, once, and never twice over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from loyalty import terms as words
from loyalty.facts import PointsExpired
from loyalty.models import Account, Entry, Lot, Programme
from loyalty.models.programme import Expires
from loyalty.services import awards, corrections, ends, expiry, notices, points, spending, verifying
from loyalty.services.points import NotEnough
from retention.models import Customer, Fact, Message
from retention.services import delivery, orders
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import account, award, join, ledger, start, who
from tests.races.together import together

Drain = Callable[[datetime], None]
pytestmark = pytest.mark.django_db


def on(**given: Any) -> Programme:
    """Run a programme whose points end after 100 days, as if that had been so from the beginning."""
    terms = {"expires": Expires.DAYS, "expires_after": 100, "expiry_since": datetime(2020, 1, 1, tzinfo=UTC)}
    return start(**{**terms, **given})


def give(user: Any, number: int, key: str, clock: Clock) -> None:
    points.grant([(key, who(user).pk, "")], points=number, source="test", at=clock.now)


def lots(user: Any) -> list[tuple[int, int]]:
    """Return what is left and what ended of each lot, the one that ends first first."""
    rows = Lot.objects.filter(account__customer__user=user).order_by("expires_at", "pk")
    return list(rows.values_list("left", "expired"))


def sound() -> bool:
    return list(verifying.differences()) == []


# When


@pytest.mark.parametrize(
    ("expires", "after", "end"),
    [
        (Expires.NEVER, 5, None),
        (Expires.DAYS, None, None),
        (Expires.DAYS, 180, "2026-08-14T12:00:00+00:00"),
        (Expires.INACTIVE, 1, "2026-02-16T12:00:00+00:00"),
        (Expires.MONTH, 12, "2027-02-28T23:00:00+00:00"),
        (Expires.MONTH, 1, "2026-03-31T22:00:00+00:00"),  # summer time has begun
        (Expires.QUARTER, 1, "2026-03-31T22:00:00+00:00"),
        (Expires.QUARTER, 2, "2026-06-30T22:00:00+00:00"),
        (Expires.YEAR, 10, "2026-12-31T23:00:00+00:00"),
        (Expires.YEAR, 11, "2027-12-31T23:00:00+00:00"),
    ],
)
def test_points_end_on_the_shops_own_calendar(expires: str, after: int, end: str | None, settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "TIME_ZONE": "Europe/Berlin"}
    opened = datetime(2026, 2, 15, 12, tzinfo=UTC)
    assert ends.of(expires, after, opened=opened) == (datetime.fromisoformat(end) if end else None)


def test_an_orders_points_end_so_many_days_after_they_opened(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    on(pending_days=14)
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    awards.open_due(at=clock.forward(days=15), limit=9)  # a tick that is late does not make them live longer
    assert account(user) == (40, 0)
    paid = shop.orders[order].paid_at
    assert paid is not None
    assert award(order).expires_at == paid + timedelta(days=114)
    assert expiry.expire(at=paid + timedelta(days=114, microseconds=-1)) == 0
    assert expiry.expire(at=paid + timedelta(days=114)) == 1
    assert expiry.expire(at=paid + timedelta(days=115)) == 0
    assert account(user) == (0, 0)
    assert ledger(user)[-1] == ("expiry", "balance", -40)
    assert Entry.objects.latest("pk").balance_after == 0
    assert [fact.payload["points"] for fact in Fact.objects.filter(kind=PointsExpired.kind)] == [40]
    assert sound()


def test_each_lot_ends_by_itself_and_many_at_once_are_counted_one_after_the_other(clock: Clock) -> None:
    on()
    user = join()
    for number, key in ((10, "a"), (20, "b"), (30, "c")):
        give(user, number, key, clock)
        clock.forward(days=10)
    expiry.expire(at=clock.now + timedelta(days=80))  # day 110: a and b are over
    assert lots(user) == [(0, 10), (0, 20), (30, 0)]
    assert list(Entry.objects.filter(kind="expiry").order_by("pk").values_list("points", "balance_after")) == [
        (-10, 50),
        (-20, 30),
    ]
    assert sound()


def test_without_a_programme_or_without_expiry_nothing_ends(clock: Clock) -> None:
    programme = on()
    user = join()
    give(user, 10, "a", clock)
    clock.forward(days=500)
    Programme.objects.update(active=False)
    assert expiry.expire(at=clock.now) == 0
    Programme.objects.update(active=True, expires=Expires.NEVER)
    assert expiry.expire(at=clock.now) == 0
    assert account(user) == (10, 0)
    # switched on again: one whole period from now
    Programme.objects.filter(pk=programme.pk).update(expires=Expires.DAYS)
    assert expiry.expire(at=clock.now) == 0
    assert expiry.expire(at=clock.now + timedelta(days=100, seconds=-1)) == 0
    assert expiry.expire(at=clock.now + timedelta(days=100)) == 1
    assert account(user) == (0, 0)
    assert sound()


def test_switching_it_on_gives_what_stands_one_whole_period_once(clock: Clock) -> None:
    programme = start()
    user, other = join(), join("bob@example.com")
    give(user, 50, "a", clock)
    corrections.correct(who(other), amount=-5, reason="slip", author="grace", key="k", at=clock.now)
    assert Lot.objects.count() == 0
    clock.forward(days=400)
    Programme.objects.update(expires=Expires.DAYS, expires_after=30)
    programme.refresh_from_db()
    assert expiry.expire(at=clock.now) == 0
    assert Lot.objects.values_list("left", "expires_at").get() == (50, clock.now + timedelta(days=30))
    assert expiry.switch_on(programme, at=clock.forward(days=1)) is False
    assert expiry.expire(at=clock.forward(days=29)) == 1
    assert (account(user), account(other)) == ((0, 0), (-5, 0))
    assert sound()


# Spending


def test_what_ends_soonest_is_spent_first_and_what_never_ends_last(clock: Clock) -> None:
    user = join()
    start()
    give(user, 100, "for ever", clock)
    Programme.objects.update(expires=Expires.DAYS, expires_after=100, expiry_since=clock.now)
    give(user, 10, "first", clock)
    clock.forward(days=1)
    give(user, 20, "second", clock)
    assert spending.spend(who(user).pk, amount=15, key="x", source="test", at=clock.now) is not None
    assert (account(user), lots(user)) == ((115, 0), [(0, 0), (15, 0)])
    assert spending.spend(who(user).pk, amount=15, key="x", source="test", at=clock.now) is None
    spending.spend(who(user).pk, amount=30, key="y", source="test", at=clock.now)
    assert (account(user), lots(user)) == ((85, 0), [(0, 0), (0, 0)])
    assert sound()


def test_more_than_there_is_cannot_be_spent_and_nothing_is_written(clock: Clock) -> None:
    on()
    user = join()
    give(user, 10, "a", clock)
    for amount, error in ((11, NotEnough), (0, ValueError), (-5, ValueError)):
        with pytest.raises(error):
            spending.spend(who(user).pk, amount=amount, key="x", source="test", at=clock.now)
    assert (ledger(user), lots(user)) == ([("grant", "balance", 10)], [(10, 0)])


def test_what_comes_back_has_its_old_end_and_is_not_earned_anew(clock: Clock) -> None:
    on()
    user = join()
    give(user, 10, "a", clock)
    clock.forward(days=50)
    give(user, 20, "b", clock)
    spending.spend(who(user).pk, amount=15, key="x", source="test", at=clock.now)
    clock.forward(days=49)
    assert spending.give_back("x", source="test", at=clock.now) is not None
    assert spending.give_back("x", source="test", at=clock.now) is None
    assert spending.give_back("never spent", source="test", at=clock.now) is None
    assert (account(user), lots(user)) == ((30, 0), [(10, 0), (20, 0)])
    assert expiry.expire(at=clock.forward(days=1)) == 1
    assert (account(user), lots(user)) == ((20, 0), [(0, 10), (20, 0)])
    assert ledger(user) == [
        ("grant", "balance", 10), ("grant", "balance", 20), ("spend", "balance", -15), ("return", "balance", 15),
        ("expiry", "balance", -10),
    ]  # fmt: skip
    assert sound()


def test_what_comes_back_after_its_end_ends_with_the_next_tick(clock: Clock) -> None:
    on()
    user = join()
    give(user, 10, "a", clock)
    spending.spend(who(user).pk, amount=10, key="x", source="test", at=clock.now)
    assert expiry.expire(at=clock.forward(days=100)) == 0
    spending.give_back("x", source="test", at=clock.now)
    assert account(user) == (10, 0)
    assert expiry.expire(at=clock.now) == 1
    give(user, 7, "b", clock)
    assert (account(user), lots(user)) == ((7, 0), [(0, 10), (7, 0)])
    assert sound()


def test_a_lot_that_ends_twice_by_a_return_has_two_entries(clock: Clock) -> None:
    on()
    user = join()
    give(user, 10, "a", clock)
    spending.spend(who(user).pk, amount=4, key="x", source="test", at=clock.now)
    assert expiry.expire(at=clock.forward(days=100)) == 1
    spending.give_back("x", source="test", at=clock.now)
    assert expiry.expire(at=clock.now) == 1
    assert [entry.points for entry in Entry.objects.filter(kind="expiry").order_by("pk")] == [-6, -4]
    assert lots(user) == [(0, 10)]
    assert sound()


def test_a_debt_is_filled_before_points_come_to_a_lot_or_back_to_one(clock: Clock) -> None:
    on()
    user = join()
    give(user, 10, "a", clock)
    clock.forward(days=1)
    give(user, 10, "b", clock)
    spending.spend(who(user).pk, amount=20, key="x", source="test", at=clock.now)
    corrections.correct(who(user), amount=-8, reason="slip", author="grace", key="k", at=clock.now)
    assert (account(user), lots(user)) == ((-8, 0), [(0, 0), (0, 0)])
    spending.give_back("x", source="test", at=clock.now)
    # the debt eats what would have ended first
    assert (account(user), lots(user)) == ((12, 0), [(2, 0), (10, 0)])
    assert sound()


# Refunds


def test_a_refund_takes_the_orders_own_points_first(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    on()
    user = join()
    give(user, 30, "older", clock)
    clock.forward(days=5)
    order = shop.place(user=user)
    drain(clock.now)
    shop.refund(order, Decimal(20))
    drain(clock.forward(days=1))
    assert (account(user), lots(user)) == ((50, 0), [(30, 0), (20, 0)])
    assert sound()


def test_what_ended_unused_is_not_taken_back_once_more(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    on()
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    spending.spend(who(user).pk, amount=25, key="x", source="test", at=clock.now)
    give(user, 100, "for later", Clock(clock.now + timedelta(days=90)))
    expiry.expire(at=clock.forward(days=101))  # 15 of 40 are gone, 25 were enjoyed
    assert account(user) == (100, 0)
    shop.refund(order, Decimal(10))
    drain(clock.now)
    assert account(user) == (100, 0)  # 30 are left to the order, 25 were had
    shop.mark(order, "cancelled")
    drain(clock.forward(hours=1))
    assert account(user) == (75, 0)
    assert (award(order).balance, award(order).forgiven) == (15, 15)
    assert sound()


# Inactivity


def test_all_points_end_when_nothing_was_earned_or_spent_for_so_long(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    on(expires=Expires.INACTIVE)
    user = join()
    give(user, 10, "a", clock)
    drain(clock.forward(days=99))
    shop.place(user=user)
    drain(clock.now)
    assert Lot.objects.values_list("expires_at", flat=True).distinct().get() == clock.now + timedelta(days=100)
    spending.spend(who(user).pk, amount=1, key="x", source="test", at=clock.forward(days=99))
    assert expiry.expire(at=clock.forward(days=99)) == 0
    corrections.correct(who(user), amount=1, reason="sorry", author="grace", key="k", at=clock.now)
    assert expiry.expire(at=clock.forward(days=1)) == 1  # a gift by staff is no activity of the customer's
    assert account(user) == (1, 0)
    assert sound()


# Set-wise


@pytest.mark.postgres
def test_ending_the_points_of_a_thousand_takes_as_many_queries_as_of_one(clock: Clock) -> None:
    on()

    def cost(count: int) -> int:
        people = Customer.objects.bulk_create(
            Customer(kind="member", address=f"{clock.now:%j}-{n}@x.example", created_at=clock.now) for n in range(count)
        )
        points.grant([(f"{person.pk}", person.pk, "") for person in people], points=3, source="test", at=clock.now)
        clock.forward(days=100)
        with CaptureQueriesContext(connection) as asked:
            assert expiry.expire(at=clock.now) == count
        return len(asked)

    assert cost(1) == cost(1000)
    assert Account.objects.exclude(balance=0).count() == 0
    assert sound()


def test_who_is_left_by_one_few_thousand_comes_with_the_next(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "ACCOUNTS_AT_ONCE", 2)
    on()
    people = [join(f"{n}@example.com") for n in range(5)]
    for n, user in enumerate(people):
        give(user, 10 + n, f"{n}", clock)
        give(user, 1, f"one more {n}", clock)
    clock.forward(days=100)
    assert expiry.expire(at=clock.now, limit=3) == 4  # two at a time, until there are three
    assert [account(user) for user in people] == [(0, 0), (0, 0), (0, 0), (0, 0), (15, 0)]
    assert expiry.expire(at=clock.now, limit=3) == 1
    assert expiry.expire(at=clock.now, limit=3) == 0
    told = Fact.objects.filter(kind=PointsExpired.kind).order_by("pk")
    assert [(fact.customer, fact.payload["points"]) for fact in told] == [
        (who(user).pk, 11 + n) for n, user in enumerate(people)
    ]
    assert [lots(user) for user in people] == [[(0, 10 + n), (0, 1)] for n in range(5)]
    assert sound()


# Told ahead


def test_points_that_end_with_the_month_are_told_by_its_last_day(
    clock: Clock, shop: FakeShop, mailoutbox: list[Any], client: Client
) -> None:
    on(expires="month", expires_after=1)
    user = join()
    give(user, 10, "a", clock)
    clock.forward(days=40)
    assert notices.warn(at=clock.now) == 1
    delivery.deliver(at=clock.now)
    [mail] = mailoutbox
    assert "the first of them on April 30, 2026." in mail.body
    client.force_login(user)
    with time_machine.travel(clock.now, tick=False):
        page = client.get("/retention/account/").content.decode()
    assert "10 points end soon, the first of them on April 30, 2026." in page
    assert expiry.expire(at=datetime(2026, 4, 30, 21, 59, 59, tzinfo=UTC)) == 0
    assert expiry.expire(at=datetime(2026, 4, 30, 22, 0, tzinfo=UTC)) == 1


def test_who_has_points_that_end_soon_is_told_once_and_sees_it(
    clock: Clock, shop: FakeShop, mailoutbox: list[Any], client: Client
) -> None:
    on()
    user, other = join(), join("bob@example.com")
    give(user, 10, "a", clock)
    give(other, 10, "b", clock)
    assert notices.warn(at=clock.forward(days=70, seconds=-1)) == 0
    clock.forward(seconds=1)
    give(user, 5, "c", clock)
    assert notices.warn(at=clock.now) == 2
    assert notices.warn(at=clock.forward(hours=1)) == 0
    spending.spend(who(other).pk, amount=10, key="x", source="test", at=clock.now)
    delivery.deliver(at=clock.now)
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == (["ada@example.com"], "10 points at Paper & Clay end soon")
    assert "10 points of yours end unless they are used; the first of them on June 10, 2026." in mail.body
    assert Message.objects.values_list("state", "reason").get(customer=who(other)) == ("skipped", "no points end soon")
    client.force_login(user)
    with time_machine.travel(clock.now, tick=False):
        page = client.get("/retention/account/").content.decode()
        assert "10 points end soon, the first of them on June 10, 2026." in page
        client.force_login(other)
        assert "end soon" not in client.get("/retention/account/").content.decode()


def test_nobody_is_told_of_an_end_that_does_not_come(clock: Clock) -> None:
    programme = on()
    give(join(), 10, "a", clock)
    clock.forward(days=80)
    Programme.objects.filter(pk=programme.pk).update(expires=Expires.NEVER)
    assert notices.warn(at=clock.now) == 0


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"expires": "never"}, "Points never end."),
        ({"expires": "days", "expires_after": 1}, "Points end 1 day after they can be used."),
        ({"expires": "year", "expires_after": 12}, "Points end with the year, 12 months after they can be used."),
        ({"expires": "inactive", "expires_after": 365}, "All points end after 365 days without earning or using any."),
    ],
)
def test_the_terms_say_when_points_end(terms: dict[str, Any], said: str) -> None:
    assert said in list(words.for_staff(Programme(**terms), []))
    assert (said in list(words.for_shoppers(Programme(**terms), []))) is (terms["expires"] != "never")


def test_an_expiry_without_a_period_is_refused() -> None:
    with pytest.raises(ValidationError, match="Say after how many days or months points end"):
        Programme(name="x", expires="days").full_clean()


# What a review found


def test_expiry_switched_on_later_knows_the_orders_whose_points_end(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    give(user, 7, "a", clock)
    Programme.objects.update(expires=Expires.DAYS, expires_after=30)
    expiry.expire(at=clock.now)
    assert sorted(Lot.objects.values_list("order", "left")) == [("", 7), (order, 40)]
    expiry.expire(at=clock.forward(days=30))
    assert account(user) == (0, 0)
    shop.mark(order, "cancelled")
    drain(clock.forward(days=10))
    assert account(user) == (0, 0)  # they ended unused, and are not taken once more
    assert sound()


def test_a_purchase_counts_as_activity_before_it_is_sent(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    on(expires=Expires.INACTIVE, pending_days=14, pending_from="fulfilled")
    user = join()
    give(user, 500, "a", clock)
    shop.place(user=user, at=clock.forward(days=95))
    drain(clock.now)
    assert expiry.expire(at=clock.forward(days=10)) == 0
    assert account(user) == (500, 40)


def test_who_was_told_of_some_points_is_told_of_later_ones(clock: Clock) -> None:
    on()
    user = join()
    give(user, 10, "a", clock)
    clock.forward(days=10)
    give(user, 500, "b", clock)
    assert notices.warn(at=clock.forward(days=65)) == 1  # the first end in 25 days
    assert notices.warn(at=clock.forward(days=10)) == 1  # the first end in 15, the others in 25
    assert [key[-10:] for key in Message.objects.order_by("pk").values_list("key", flat=True)] == [
        f"{clock.now + timedelta(days=15):%Y-%m-%d}", f"{clock.now + timedelta(days=25):%Y-%m-%d}",
    ]  # fmt: skip


def test_where_points_never_end_any_more_nobody_reads_that_they_do(clock: Clock, client: Client) -> None:
    programme = on()
    user = join()
    give(user, 10, "a", clock)
    clock.forward(days=80)
    assert notices.ending([who(user).pk], at=clock.now)
    Programme.objects.filter(pk=programme.pk).update(expires=Expires.NEVER)
    assert notices.ending([who(user).pk], at=clock.now) == {}
    client.force_login(user)
    with time_machine.travel(clock.now, tick=False):
        assert "end soon" not in client.get("/retention/account/").content.decode()


def test_what_comes_back_lives_as_long_as_the_rest_where_activity_counts(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    on(expires=Expires.INACTIVE)
    user = join()
    give(user, 100, "a", clock)
    spending.spend(who(user).pk, amount=100, key="x", source="test", at=clock.forward(days=10))
    shop.place(user=user, at=clock.forward(days=50))
    drain(clock.now)
    clock.forward(days=60)
    spending.give_back("x", source="test", at=clock.now)
    assert expiry.expire(at=clock.now) == 0
    assert account(user) == (140, 0)
    assert expiry.expire(at=clock.forward(days=40)) == 1
    assert account(user) == (0, 0)
    assert sound()


def test_a_debt_eats_what_would_have_ended_and_not_what_never_ends(clock: Clock) -> None:
    start()
    user = join()
    give(user, 40, "for ever", clock)
    Programme.objects.update(expires=Expires.DAYS, expires_after=100, expiry_since=clock.now)
    give(user, 60, "a", clock)
    spending.spend(who(user).pk, amount=100, key="x", source="test", at=clock.now)
    corrections.correct(who(user), amount=-50, reason="slip", author="grace", key="k", at=clock.now)
    spending.give_back("x", source="test", at=clock.now)
    assert (account(user), lots(user)) == ((50, 0), [(10, 0)])
    assert sound()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_what_ends_while_a_refund_waits_is_not_taken_once_more(
    shop: FakeShop, clock: Clock, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    on()
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    shop.mark(order, "cancelled")
    orders.project([shop.orders[order]], at=clock.now)
    later = clock.forward(days=200)
    right = points.Book.__init__

    def late(self: Any, customers: Any, *, at: datetime) -> None:
        """Let the points end just before the accounts are locked."""
        together(lambda: expiry.expire(at=later))
        right(self, customers, at=at)

    monkeypatch.setattr(points.Book, "__init__", late)
    awards.settle({order: later})
    assert account(user) == (0, 0)
    assert sound()
