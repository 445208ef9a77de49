"""One person's points: taken out, forgotten, joined."""

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from django.core.serializers.json import DjangoJSONEncoder

from loyalty.models import Account, Correction
from loyalty.services import corrections, points, verifying
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
