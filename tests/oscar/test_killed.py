"""A process that dies between Oscar's commit and our row: the sweep finds the order."""

import os
import subprocess
import sys
from pathlib import Path

from django.utils import timezone
from oscar.core.loading import get_model

from retention.models import Fact, Order, Signal
from retention.services import sweep

ROOT = Path(__file__).resolve().parents[2]

DIE = """
import os, django
django.setup()
from decimal import Decimal
from django.test.utils import setup_test_environment
setup_test_environment()
from oscar.apps.order.signals import order_placed
from retention.contrib.oscar import receivers
from tests.oscar.world import OscarWorld

order_placed.disconnect(dispatch_uid="retention_oscar.placed")
def die(**signal):
    os._exit(9)
order_placed.connect(die)
receivers.connect()  # ours come after the one that dies

world = OscarWorld()
visitor = world.visit()
world.put(visitor, world.add_product("Cup", Decimal("10.00")))
world.to_preview(visitor, "ada@example.com")
world.place(visitor)
os._exit(0)
"""


def test_the_sweep_finds_an_order_whose_process_was_killed_before_our_row(database_url: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DIE],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url, "PYTHONPATH": os.pathsep.join(["", *sys.path])},
        check=False,
        timeout=120,
    )
    assert ended.returncode == 9, "the process was to die while it placed the order"
    [placed] = get_model("order", "Order").objects.all()
    assert Signal.objects.count() == 0
    assert Order.objects.count() == 0

    assert sweep.sweep_new(at=timezone.now()) == 1
    [order] = Order.objects.all()
    assert order.reference == str(placed.pk)
    assert list(Fact.objects.filter(payload__order=order.reference).values_list("kind", flat=True)) == [
        "retention.OrderPlaced",
        "retention.OrderPaid",
    ]
    assert sweep.sweep_new(at=timezone.now()) == 0
