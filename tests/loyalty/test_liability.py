"""“Points: what they owe”: liability, who takes part, and whether rewards can be reached."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from loyalty import liability_words
from loyalty.models import Account, Entry, Reward
from loyalty.services import expiry, liability, points, reach, spending, taking_part
from retention.models import Customer
from retention.services import customers
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import join, start, who

pytestmark = pytest.mark.django_db

Drain = Callable[[datetime], None]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OWED = "admin:retention_loyalty_account_owed"


def people(many: int) -> list[int]:
    rows = [Customer(kind="import", source="log", number=str(n), created_at=NOW) for n in range(many)]
    return [row.pk for row in Customer.objects.bulk_create(rows)]


def give(customers: list[int], amount: int, *, at: datetime = NOW, key: str = "gift") -> None:
    points.grant([(f"{key}:{one}", one, "") for one in customers], points=amount, source="test", at=at)


def words(rows: Any) -> dict[str, tuple[str, str]]:
    return {row.name: (row.value, row.meaning) for row in rows}


def test_what_is_owed_is_what_stands_and_what_is_pending(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(pending_days=14, worth="0.01")
    ada, bob = join(), join("bob@example.com")
    give([who(ada).pk], 250)
    spending.spend(who(ada).pk, amount=50, key="a", source="test", at=NOW)
    shop.place(user=bob, total=Decimal("80.00"))
    drain(clock.now)
    found = liability.find(at=NOW)
    assert (found.outstanding, found.holders, found.pending, found.owed, found.endless) == (200, 1, 80, 0, 200)
    told = words(liability_words.owed(found))
    assert told["To spend"] == ("200", "Of 1 customer.")
    assert told["Pending points"][0] == "80"
    assert told["Worth in EUR"][0] == "€2.00"
    assert told["Expected breakage"] == ("–", "Points never end: all of them are owed.")


def test_a_programme_that_is_off_still_owes_its_points_at_their_worth() -> None:
    programme = start(worth="0.01", expires="days", expires_after=365)
    give(people(1), 250)
    programme.active = False
    programme.save()
    told = words(liability_words.owed(liability.find(at=NOW)))
    meaning = (
        "Were all of them spent in this currency. Currencies are not added up. "
        "No programme is running: by the rate of the last one."
    )
    assert told["Worth in EUR"] == ("€2.50", meaning)
    assert told["Expected breakage"][1] == "No programme is running: no points end, and all of them are owed."


def test_what_ends_is_told_by_month_of_the_shops_zone() -> None:
    start(expires="days", expires_after=30)
    expiry.expire(at=NOW)
    give(people(3), 10)
    give(people_more(2), 5, at=NOW + 40 * DAY, key="later")
    found = liability.find(at=NOW + 1 * DAY)
    assert [(f"{month.first:%Y-%m}", month.points, month.customers) for month in found.months] == [
        ("2026-03", 30, 3), ("2026-05", 10, 2)
    ]  # fmt: skip
    assert liability_words.months(found) == [
        ("March 2026", "30", "3"), ("May 2026", "10", "2"), ("without an end", "0", "")
    ]  # fmt: skip


def people_more(many: int) -> list[int]:
    rows = [Customer(kind="import", source="more", number=str(n), created_at=NOW) for n in range(many)]
    return [row.pk for row in Customer.objects.bulk_create(rows)]


@pytest.mark.parametrize(("many", "tells"), [(29, False), (30, True)])
def test_breakage_is_expected_as_it_was_before_and_not_told_too_early(many: int, tells: bool) -> None:
    start(expires="days", expires_after=30, worth="0.10")
    expiry.expire(at=NOW)
    old = people(many)
    give(old, 100)
    for customer in old:
        spending.spend(customer, amount=40, key=str(customer), source="test", at=NOW + DAY)
    later = NOW + 31 * DAY
    expiry.expire(at=later)
    give(people_more(1), 1000, at=later, key="new")
    found = liability.find(at=later)
    assert (found.breakage.ended, found.breakage.spent, found.breakage.customers) == (60 * many, 40 * many, many)
    assert found.expected_breakage == (600 if tells else None)
    told = words(liability_words.owed(found))
    if tells:
        assert told["Expected breakage"][0] == "600"
        assert "of 3,000 points of 30 customers 1,800 ended unused (60.0%)" in told["Expected breakage"][1]
        assert (told["Worth in EUR"][0], told["Worth in EUR less breakage"][0]) == ("€100.00", "€40.00")
    else:
        assert told["Expected breakage"][0] == "–"
        assert told["Expected breakage"][1].startswith("Too early to tell: points of 29 customers")
        assert "Worth in EUR less breakage" not in told


def test_what_a_correction_took_was_neither_used_nor_left() -> None:
    start(expires="days", expires_after=30)
    expiry.expire(at=NOW)
    [one] = people(1)
    give([one], 100)
    points.post(
        [points.Posting(key="c", customer=one, points=-70, kind=points.Kind.CORRECTION, at=NOW + DAY)], at=NOW + DAY
    )
    expiry.expire(at=NOW + 31 * DAY)
    past = liability.find(at=NOW + 31 * DAY).breakage
    assert (past.ended, past.spent) == (30, 0)


def test_who_takes_part_is_who_earned_or_spent_within_a_year() -> None:
    start()
    ada, bob, cem, dan = people(4)
    give([ada, bob, cem, dan], 100, at=NOW - 400 * DAY)
    spending.spend(ada, amount=30, key="a", source="test", at=NOW - 10 * DAY)
    spending.spend(bob, amount=30, key="b", source="test", at=NOW - 390 * DAY)
    spending.spend(cem, amount=10, key="c", source="test", at=NOW - DAY)
    spending.give_back("c", source="test", at=NOW - DAY)
    give([dan], 60, at=NOW - DAY, key="more")
    found = taking_part.find(at=NOW)
    assert (found.members, found.active, found.redeemers, found.given, found.used) == (4, 2, 2, 60, 30)
    told = words(liability_words.part(found))
    assert told["Active-member rate"][0] == "50.0%"
    assert told["Reward-redemption rate"][0] == "50.0%"


def test_who_ordered_in_a_currency_without_a_rate_never_had_a_point(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    shop.place(user=join(), currency="GBP")
    drain(clock.now)
    assert Account.objects.count() == 1
    assert taking_part.find(at=NOW).members == 0


def test_what_was_given_and_taken_back_was_not_given() -> None:
    start()
    ada, bob = people(2)
    give([ada, bob], 100, at=NOW - 2 * DAY)
    spending.spend(ada, amount=50, key="a", source="test", at=NOW - DAY)
    points.reverse(Entry.objects.get(key=f"gift:{bob}"), source="staff", at=NOW - DAY)
    found = taking_part.find(at=NOW)
    assert (found.given, found.used, found.used_percent) == (100, 50, 50.0)


def test_what_somebody_did_before_their_rows_were_one_counts_for_them_once() -> None:
    start()
    [old] = people(1)
    member, other = who(join()), who(join("bob@example.com"))
    give([old, other.pk], 100, at=NOW - 3 * DAY)
    spending.spend(old, amount=30, key="a", source="test", at=NOW - 2 * DAY)
    assert customers.absorb(Customer.objects.get(pk=old), into=member, at=NOW - DAY)
    found = taking_part.find(at=NOW)
    assert (found.members, found.active, found.redeemers) == (2, 1, 1)
    spending.spend(member.pk, amount=30, key="b", source="test", at=NOW - DAY)
    found = taking_part.find(at=NOW)
    assert (found.members, found.active, found.redeemers) == (2, 1, 1)


def test_with_nothing_there_no_rate_is_made_up() -> None:
    found = taking_part.find(at=NOW)
    assert (found.active_percent, found.used_percent, found.redeemers_percent) == (None, None, None)
    assert reach.find(at=NOW) == (reach.Buyers(customers=0, points_an_order=None, orders=0), [])
    assert liability.find(at=NOW).outstanding == 0


@pytest.mark.parametrize(("many", "orders"), [(29, None), (31, 4)])
def test_a_reward_says_what_it_takes_of_the_customer_in_the_middle(
    shop: FakeShop, clock: Clock, drain: Drain, many: int, orders: int | None
) -> None:
    start(rate="2")
    Reward.objects.create(name="Mug", cost=250, kind="custom", active=True, created_at=clock.now)
    Reward.objects.create(name="Not yet", cost=10, kind="custom", active=False, created_at=clock.now)
    for number in range(many):
        user = join(f"{number}@example.com")
        # the middle one gets 70 points an order, in two orders
        for _ in range(2):
            shop.place(user=user, total=Decimal(20 + number))
    drain(clock.now)
    buyers, [mug] = reach.find(at=clock.now + DAY)
    assert (buyers.customers, buyers.orders) == (many, 2)
    assert (mug.orders, mug.spend) == (orders, (("EUR", 12500),))
    assert mug.reached == 0
    [row] = liability_words.reach(buyers, [mug])
    assert row.name == "Mug, for 250 points"
    assert row.value == ("4 orders" if orders else "–")
    assert "Takes goods for €125.00." in row.meaning


def test_it_costs_the_same_however_many_there_are() -> None:
    start(expires="days", expires_after=30)
    counted = []
    for many in (2, 60):
        rows = [Customer(kind="import", source=str(many), number=str(n), created_at=NOW) for n in range(many)]
        give([row.pk for row in Customer.objects.bulk_create(rows)], 10, key=str(many))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            liability.find(at=NOW)
            taking_part.find(at=NOW)
            reach.find(at=NOW)
        counted.append(len(queries))
    assert counted[0] == counted[1]


# The page


@pytest.fixture
def desk(client: Client) -> Callable[..., Client]:
    """Return what signs somebody in with these permissions."""

    def desk(*permissions: str) -> Client:
        user = join("mia@example.com")
        user.is_staff = True
        user.save()
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client.force_login(user)
        return client

    return desk


def test_staff_see_it_and_take_it_along(desk: Any) -> None:
    start(worth="0.01")
    give(people(2), 500)
    client = desk("view_account")
    listed = client.get(reverse("admin:retention_loyalty_account_changelist")).content.decode()
    assert reverse(OWED) in listed
    page = client.get(reverse(OWED)).content.decode()
    for words_ in ("Points: what they owe", "1,000", "€10.00", "Points never end", "No reward is on offer"):
        assert words_ in page
    answer = client.get(reverse(OWED + "_file"))
    text = b"".join(answer.streaming_content).decode()
    rows = list(csv.reader(text.removeprefix("\ufeff").splitlines()))
    assert rows[0] == ["figure", "value", "meaning"]
    assert rows[1] == ["To spend", "1,000", "Of 2 customers."]
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)


def test_who_may_not_see_accounts_sees_none_of_it(desk: Any) -> None:
    client = desk("view_entry")
    assert client.get(reverse(OWED)).status_code == 403
    assert client.get(reverse(OWED + "_file")).status_code == 403
