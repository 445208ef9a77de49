"""What only some orders cost beyond the inbox row, and what each other signal of the shop costs."""

from decimal import Decimal

from django.db import connection
from django.test.utils import CaptureQueriesContext
from oscar.core.loading import get_model

from benchmarks.placement import queries
from retention.models import Signal
from tests.faults.buyers import Buyers
from tests.oscar.world import OscarWorld


def test_evidence_and_a_coupon_are_counted_apart(transactional_db: None) -> None:
    buyers = Buyers(OscarWorld())
    assert buyers.buy(buyers.one())  # what is cached once a process is not part of it
    assert queries.measure(buyers) == queries.EXPECTED


def test_each_signal_of_the_shop_is_one_insert_and_its_savepoint(world: OscarWorld) -> None:
    buyers = Buyers(world)
    assert buyers.buy(buyers.one())
    order = get_model("order", "Order").objects.get()
    Signal.objects.all().delete()
    with CaptureQueriesContext(connection) as captured:
        world.fulfill(str(order.pk))  # two changes of status
        world.refund(str(order.pk), Decimal("1.00"))  # a transaction and a payment event
        world.add_user("ada@example.com")  # by us: nobody tells us
    said = [query["sql"] for query in captured]
    ours = [at for at, sql in enumerate(said) if '"retention_' in sql]
    assert [(said[at - 1].split()[0], said[at].split('"')[:2], said[at + 1].split()[0]) for at in ours] == [
        ("SAVEPOINT", ["INSERT INTO ", "retention_signal"], "RELEASE")
    ] * 4
    assert list(Signal.objects.order_by("pk").values_list("kind", "reference")) == [
        (kind, str(order.pk)) for kind in ("status_changed", "status_changed", "transaction", "payment_event")
    ]
