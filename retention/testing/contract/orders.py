"""Reading orders, and being told that they changed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from retention.models import Signal
from retention.services import orders as projection
from retention.testing.contract.making import GUEST, counting, filled, order
from retention.testing.world import World


@pytest.mark.django_db
class OrdersContract:
    """For every shop."""

    def test_an_order_is_read_as_it_was_placed(self, world: World) -> None:
        visitor = filled(world, price="12.50", quantity=2)
        reference = world.checkout(visitor, GUEST)
        data = world.shop.get_orders([reference])[reference]
        assert data.reference == reference
        assert data.number
        assert data.email.lower() == GUEST.lower()
        assert data.user_id is None
        assert data.currency == world.currency
        assert data.items == Decimal("25.00")
        assert data.total == data.items + data.shipping
        [line] = data.lines
        assert (line.quantity, line.amount, line.list_price) == (2, Decimal("25.00"), Decimal("25.00"))
        assert data.placed_at.tzinfo is not None
        assert abs(data.placed_at - world.now()) < timedelta(minutes=5)
        assert data.paid_at is not None, "placed counts as paid where nothing else says so"
        assert data.cancelled_at is None
        assert not data.reached
        assert data.refunds == ()

    def test_an_order_that_the_shop_does_not_have_is_left_out(self, world: World) -> None:
        mine = order(world)
        assert list(world.shop.get_orders([mine, "987654321", "no such order", "", "1; --"])) == [mine]

    def test_reading_twice_says_the_same(self, world: World) -> None:
        reference = order(world)
        first, second = (world.shop.get_orders([reference])[reference] for _ in range(2))
        assert first == second
        assert projection.digest(first) == projection.digest(second)

    def test_many_orders_take_as_many_queries_as_one(self, world: World) -> None:
        one = order(world)
        with counting() as alone:
            world.shop.get_orders([one])
        many = [one, *(order(world) for _ in range(4))]
        with counting() as together:
            assert len(world.shop.get_orders(many)) == 5
        assert len(together) == len(alone)

    def test_placing_an_order_is_signalled_once(self, world: World) -> None:
        reference = order(world)
        assert list(Signal.objects.filter(kind="order_placed").values_list("reference", flat=True)) == [reference]

    def test_a_fulfilled_order_has_its_time_or_says_that_it_holds(self, world: World) -> None:
        reference = order(world)
        Signal.objects.all().delete()
        world.fulfill(reference)
        data = world.shop.get_orders([reference])[reference]
        assert data.fulfilled_at is not None or "fulfilled" in data.reached
        assert Signal.objects.filter(reference=reference).exists()

    def test_a_cancelled_order_says_so(self, world: World) -> None:
        reference = order(world)
        Signal.objects.all().delete()
        world.cancel(reference)
        data = world.shop.get_orders([reference])[reference]
        assert data.cancelled_at is not None or "cancelled" in data.reached
        assert Signal.objects.filter(reference=reference).exists()

    def test_a_refund_is_read_once_and_the_total_stays(self, world: World) -> None:
        reference = order(world)
        before = world.shop.get_orders([reference])[reference]
        world.refund(reference, Decimal("5.00"))
        after = world.shop.get_orders([reference])[reference]
        assert [refund.amount for refund in after.refunds] == [Decimal("5.00")]
        assert after.total == before.total

    def test_orders_are_listed_oldest_first_from_a_time_up_to_another(self, world: World) -> None:
        references = [order(world) for _ in range(3)]
        placed = {ref: data.placed_at for ref, data in world.shop.get_orders(references).items()}
        first, last = min(placed.values()), max(placed.values())
        assert sorted(world.shop.iter_orders(since=None)) == sorted(references)
        listed = list(world.shop.iter_orders(since=first))
        assert [placed[ref] for ref in listed] == sorted(placed.values())
        assert list(world.shop.iter_orders(since=last + timedelta(seconds=1))) == []
        assert list(world.shop.iter_orders(since=None, until=first)) == []

    def test_the_session_that_placed_an_order_knows_it_and_no_other_does(self, world: World) -> None:
        visitor = filled(world)
        reference = world.checkout(visitor, GUEST)
        mine = world.ask(visitor, world.shop.get_request_order)
        assert mine is not None
        assert mine.reference == reference
        assert world.ask(world.visit(), world.shop.get_request_order) is None

    def test_an_order_has_a_page(self, world: World) -> None:
        reference = order(world)
        assert world.shop.order_url(world.shop.get_orders([reference])[reference]).startswith("/")

    def test_where_the_shop_keeps_a_person_is_told_in_words_and_nobody_is_nowhere(self, world: World) -> None:
        order(world, email=GUEST)
        told = list(world.shop.personal_places(email=GUEST, user_id=None))
        assert all(place.strip() for place in told)
        assert list(world.shop.personal_places(email=GUEST, user_id=None)) == told, "asking changes nothing"
        assert list(world.shop.personal_places(email="nobody@example.com", user_id=None)) == []
        assert list(world.shop.personal_places(email="", user_id=None)) == []
