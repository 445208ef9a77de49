"""One person's points: taken out, forgotten, joined."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from django.core.serializers.json import DjangoJSONEncoder

from loyalty.models import Account, Correction, Entry, Lot
from loyalty.services import corrections, expiry, points, verifying
from loyalty.services.points import Posting
from retention.models import Customer
from retention.services import customers, persons
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import account, join, ledger, start, table, who

Drain = Callable[[datetime], None]


def test_the_export_holds_the_ledger_and_the_tier(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    table(("Silver", 1000))
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    corrections.correct(who(user), amount=5, reason="late parcel", author="grace", key="k", at=clock.now)
    ours = json.loads(json.dumps(persons.export_person(who(user)), cls=DjangoJSONEncoder))["loyalty"]
    assert (ours["balance"], ours["pending"], ours["tier"]) == (45, 0, "Silver")
    told = [(entry["kind"], entry["points"], entry["order"], entry["correction__reason"]) for entry in ours["entries"]]
    assert told == [("award", 40, order, None), ("correction", 5, "", "late parcel")]
    assert [(move["old_name"], move["new_name"]) for move in ours["tier_moves"]] == [("", "Silver")]


def test_erasure_keeps_the_ledger_and_empties_the_words(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    user = join()
    shop.place(user=user)
    drain(clock.now)
    customer = who(user)
    corrections.correct(customer, amount=5, reason="Ada called", author="grace", key="k", at=clock.now)
    persons.erase_person(customer, at=clock.now)
    assert account(user) == (45, 0)
    assert [points for _, _, points in ledger(user)] == [40, 5]
    assert Correction.objects.get().reason == "(erased)"
    assert list(verifying.differences()) == []


def test_a_deleted_user_leaves_account_and_ledger(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    user.delete()
    assert Account.objects.get().balance == 40
    shop.refund(order, Decimal("40.00"))
    drain(clock.now)
    assert Account.objects.get().balance == 0


def test_an_absorbed_row_brings_points_that_no_order_earned(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    imported = Customer.objects.create(kind="import", source="till", number="7", created_at=clock.now)
    points.grant([("welcome", imported.pk, "")], points=100, source="import", at=clock.now)
    user = join()
    assert customers.absorb(imported, into=who(user), at=clock.now)
    drain(clock.now)
    assert account(user) == (100, 0)
    assert ledger(user) == [("transfer", "balance", 100)]
    assert Account.objects.get(customer=imported).balance == 0
    assert list(verifying.differences()) == []


def give(customer: Customer, key: str, many: int, *, end: datetime | None, at: datetime) -> None:
    posting = Posting(
        key=key, customer=customer.pk, points=many, kind=Entry.Kind.GRANT, expires_at=end, at=at
    )  # fmt: skip
    points.post([posting], at=at)


def test_points_of_an_absorbed_row_keep_their_ends(shop: FakeShop, clock: Clock) -> None:
    start(expires="days", expires_after=90)
    expiry.expire(at=clock.now)
    imported = Customer.objects.create(kind="import", source="till", number="7", created_at=clock.now)
    soon, later = clock.now + timedelta(days=30), clock.now + timedelta(days=60)
    for key, many, end in (("a", 100, later), ("b", 50, soon), ("c", 7, None), ("d", 20, soon)):
        give(imported, key, many, end=end, at=clock.now)
    user = join()
    assert customers.absorb(imported, into=who(user), at=clock.now)
    assert ledger(user) == [("transfer", "balance", 70), ("transfer", "balance", 100), ("transfer", "balance", 7)]
    assert list(Lot.objects.filter(account__customer__user=user).order_by("pk").values_list("left", "expires_at")) == [
        (70, soon), (100, later),
    ]  # fmt: skip
    assert list(verifying.differences()) == []
    expiry.expire(at=soon)
    assert account(user) == (107, 0)
    expiry.expire(at=later)
    assert account(user) == (7, 0)
    assert list(verifying.differences()) == []


def test_a_debt_of_the_member_eats_what_would_have_ended_first(shop: FakeShop, clock: Clock) -> None:
    start(expires="days", expires_after=90)
    imported = Customer.objects.create(kind="import", source="till", number="7", created_at=clock.now)
    end = clock.now + timedelta(days=30)
    give(imported, "a", 100, end=end, at=clock.now)
    give(imported, "b", 7, end=None, at=clock.now)
    user = join()
    owed = Posting(key="owed", customer=who(user).pk, points=-40, kind=Entry.Kind.CORRECTION, at=clock.now)
    points.post([owed], at=clock.now)
    assert customers.absorb(imported, into=who(user), at=clock.now)
    assert account(user) == (67, 0)
    assert Lot.objects.get(account__customer__user=user).left == 60
    assert list(verifying.differences()) == []


def test_where_activity_counts_joined_points_live_as_long_as_the_rest(shop: FakeShop, clock: Clock) -> None:
    start(expires="inactive", expires_after=90)
    imported = Customer.objects.create(kind="import", source="till", number="7", created_at=clock.now)
    user = join()
    give(imported, "a", 100, end=clock.now + timedelta(days=30), at=clock.now)
    give(who(user), "b", 10, end=clock.now + timedelta(days=80), at=clock.now)
    assert customers.absorb(imported, into=who(user), at=clock.now)
    ends = Lot.objects.filter(account__customer__user=user).values_list("left", "expires_at")
    assert set(ends) == {(100, clock.now + timedelta(days=80)), (10, clock.now + timedelta(days=80))}
