"""What it costs an order that somebody came by a friend's link: one INSERT, and nothing where nobody did."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benchmarks.placement.queries import _added, statements
from loyalty.models import Referral
from retention.contrib.oscar import choices, parcels
from retention.registry import evidence as kinds
from retention.services import evidence
from tests.faults.buyers import Buyers
from tests.oscar.world import OscarWorld

WHAT = {"code": "23456789AB", "at": "2026-03-02T09:00:00+00:00", "coupon": None}


def sent(buyers: Buyers) -> Client:
    """Return a buyer whose session holds a friend's link."""
    buyer = buyers.one()
    session = buyer.session
    session[evidence.KEY] = {"loyalty.referral": WHAT}
    session.save()
    return buyer


def test_only_an_order_that_came_by_a_link_costs_an_insert(transactional_db: None) -> None:
    buyers = Buyers(OscarWorld())
    assert buyers.buy(buyers.one())  # what is cached once a process is not part of it
    plain, same = statements(buyers, buyers.one()), statements(buyers, buyers.one())
    assert _added(same, plain) == Counter()
    assert not [sql for sql in plain if "referral" in sql]
    added = _added(statements(buyers, sent(buyers)), plain)
    assert added == {"BEGIN": 1, "COMMIT": 1, "INSERT retention_loyalty_referral": 1}
    assert Referral.objects.count() == 1


def test_the_link_is_written_down_once_and_not_for_the_next_order(world: OscarWorld) -> None:
    buyers = Buyers(world)
    buyer = sent(buyers)
    assert buyers.buy(buyer)
    assert (Referral.objects.get().order, evidence.KEY in buyer.session) == (
        str(buyer.session["checkout_order_id"]), False
    )  # fmt: skip


def test_a_failure_to_write_it_down_leaves_the_order_alone(world: OscarWorld, monkeypatch: Any) -> None:
    def fail(*_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nonsense")

    broken = kinds["loyalty.referral"]
    kinds.remove("loyalty.referral")
    kinds.add("loyalty.referral", type(broken)(name=broken.name, keep=fail))
    try:
        buyers = Buyers(world)
        assert buyers.buy(sent(buyers))
        assert Referral.objects.count() == 0
    finally:
        kinds.remove("loyalty.referral")
        kinds.add("loyalty.referral", broken)


def test_an_order_that_a_payment_page_placed_is_found_when_the_shopper_is_back(world: OscarWorld) -> None:
    request = world.ask(world.visit(), lambda request: request)
    evidence.park(request, "loyalty.referral", WHAT)
    request.session[choices.ORDER] = 6  # of last week
    parcels.begin(request)
    parcels.keep_late(request, at=timezone.now())
    assert Referral.objects.count() == 0
    request.session[choices.ORDER] = 7
    for _ in range(2):
        parcels.keep_late(request, at=timezone.now())
    assert Referral.objects.get().order == "7"


def test_a_visitor_without_a_link_costs_no_statement(world: OscarWorld) -> None:
    request = world.ask(world.visit(), lambda request: request)
    request.session[choices.ORDER] = 7
    with CaptureQueriesContext(connection) as captured:
        parcels.begin(request)
        parcels.keep_late(request, at=timezone.now())
        evidence.keep(request, "7", at=timezone.now())
        evidence.keep(None, "7", at=timezone.now())
    assert len(captured) == 0
