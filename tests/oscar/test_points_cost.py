"""What points cost the request that places an order: nothing without them, one statement with them."""

from __future__ import annotations

from decimal import Decimal

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from loyalty.models import Reward
from loyalty.services import claims, points
from retention.services import customers
from tests.loyalty.till import start
from tests.oscar.world import OscarWorld


def about_loyalty(world: OscarWorld, shopper: object) -> list[str]:
    """Place the shopper's order. Returns the statements on loyalty's tables."""
    with CaptureQueriesContext(connection) as captured:
        assert world.place(shopper)["Location"] == "/checkout/thank-you/"  # type: ignore[arg-type]
    return [query["sql"].split()[0] for query in captured if "retention_loyalty" in query["sql"]]


def test_a_placement_without_points_asks_nothing_of_loyalty_and_one_with_them_once(transactional_db: None) -> None:
    world = OscarWorld()
    start(worth="0.01")
    off = Reward.objects.create(name="Points off", kind="points", cost=10, active=True, created_at=timezone.now())
    user = world.add_user("ada@example.com")
    ada = customers.for_user(user, at=timezone.now())
    points.grant([("gift", ada.pk, "")], points=1000, source="test", at=timezone.now())
    cup = world.add_product("Cup", Decimal("40.00"))
    said = []
    for with_points in (False, True):
        shopper = world.visit(user)
        world.put(shopper, cup)
        if with_points:
            made = claims.claim(off, ada, key="one", amount=700, currency="EUR", at=timezone.now())
            assert made.coupon is not None
            world.ask(shopper, world.shop.apply_coupon, made.coupon.code)
        world.to_preview(shopper)
        said.append(about_loyalty(world, shopper))
    assert said == [[], ["SELECT"]]
