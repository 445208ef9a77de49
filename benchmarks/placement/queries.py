"""Statements of the request that places an order: without us, with us, and what only some orders have."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal

from django.conf import settings
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from oscar.apps.order.signals import order_placed

from campaigns.services import coupons, offers
from campaigns.services.coupons import Wish
from campaigns.terms import Terms
from retention.contrib.oscar import choices, receivers
from retention.services import customers
from tests.faults.added import PLACED
from tests.faults.buyers import Buyers

MIDDLEWARE = "retention.contrib.oscar.middleware.CheckoutMiddleware"


Cost = Mapping[str, int]
"""Kind of statement and, where a table is ours or the reason, the table → how many."""

ROW = {"INSERT retention_signal": 1}
"""The inbox row, outside a transaction; inside one its savepoint comes with it."""
LOOK = {"SELECT voucher_voucher": 1}
"""Before payment: what lies in the basket."""
EVIDENCE = {
    "BEGIN": 1,
    "COMMIT": 1,
    "SAVEPOINT": 1,
    "RELEASE": 1,
    "SELECT retention_checkoutchoice": 1,
    "INSERT retention_checkoutchoice": 1,
}
"""What was shown and chosen, written before anybody is told of the order."""
COUPON = {
    "BEGIN": 1,
    "COMMIT": 1,
    "SAVEPOINT": 1,
    "RELEASE": 1,
    "SELECT retention_campaigns_coupon": 1,
    "UPDATE retention_campaigns_coupon": 1,
    "INSERT retention_campaigns_redemption": 1,
}
"""One use of a coupon of ours, reserved before payment."""
EXPECTED: dict[str, Cost] = {
    "every order": Counter(ROW) + Counter(LOOK),
    "and with opt-in evidence": EVIDENCE,
    "and with a coupon of ours": COUPON,
}


def measure(buyers: Buyers) -> dict[str, Cost]:
    """Place orders without us and with us, and return what we add, under the same names as ``EXPECTED``."""
    at = timezone.now()
    terms = Terms(kind="percentage", percent=Decimal(10), valid_days=30)
    offer = offers.create(slug="bench", name="Bench", terms=terms, at=at)
    person = customers.for_guest("ada@example.com", at=at)

    def with_coupon(key: str) -> Client:
        coupon = coupons.issue(Wish(key=key, customer=person.pk), offer=offer, source="bench", at=at)
        assert coupon is not None
        buyer = buyers.one()
        buyers.world.ask(buyer, buyers.world.shop.apply_coupon, coupon.code)
        return buyer

    shown = {choices.SHOWN: f"{choices.wording('en').version}:en"}
    with without_us():
        alone = statements(buyers, buyers.one())
        alone_with_coupon = statements(buyers, with_coupon("bench:1"))
    ours = statements(buyers, buyers.one())
    evidence = statements(buyers, buyers.one(), **shown)
    coupon = statements(buyers, with_coupon("bench:2"))
    every = _added(ours, alone)
    return {
        "every order": every,
        "and with opt-in evidence": _added(evidence, ours),
        "and with a coupon of ours": _added(coupon, alone_with_coupon) - every,
    }


def _added(more: Counter[str], less: Counter[str]) -> Counter[str]:
    # what we have read already the shop does not ask for again; that is not set against it
    found: Counter[str] = Counter()
    for sql, many in (more - less).items():
        verb = sql.split()[0]
        table = re.match(r'(?:SELECT|INSERT INTO|UPDATE) "(\w+)"', sql)
        found[f"{verb} {table[1]}" if table else verb] += many
    return found


def statements(buyers: Buyers, buyer: Client, **fields: str) -> Counter[str]:
    """Place one order. Returns its statements without what differs from one order to the next."""
    with CaptureQueriesContext(connection) as queries:
        placed = buyers.buy(buyer, **fields)
    assert placed
    return Counter(_shape(query["sql"]) for query in queries)


def _shape(sql: str) -> str:
    return re.sub(r"\d+", "0", re.sub(r"'(?:[^']|'')*'", "?", sql))


@contextmanager
def without_us() -> Iterator[None]:
    """The shop as it was before us: no middleware and no receiver of ours."""
    order_placed.disconnect(dispatch_uid=PLACED)
    try:
        with override_settings(MIDDLEWARE=[name for name in settings.MIDDLEWARE if name != MIDDLEWARE]):
            yield
    finally:
        receivers.connect()
