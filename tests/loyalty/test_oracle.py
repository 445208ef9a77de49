"""Whatever comes, however often and in whatever order: points equal those of an oracle that knows only the end."""

from random import Random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty.models import Entry
from loyalty.services import awards, verifying
from retention.testing.shop import FakeShop
from tests.loyalty import oracle
from tests.loyalty.till import account

EVENTS = st.tuples(
    st.integers(0, 2),
    st.sampled_from(
        [
            "pay",
            "pay",
            "cancel",
            "reinstate",
            "refund",
            "change",
            "hand over",
            "wait",
            "read",
            "read",
            "deliver",
            "open",
        ]
    ),
    st.integers(1, 6000),
)


@pytest.mark.parametrize("policy", ["proportional", "recompute", "amount"])
@given(
    story=st.lists(EVENTS, min_size=3, max_size=30),
    currencies=st.lists(st.sampled_from(["EUR", "JPY"]), min_size=3, max_size=3),
    random=st.randoms(use_true_random=False),
)
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_points_follow_from_where_the_orders_ended(
    policy: str, story: list[Any], currencies: list[str], random: Random, shop: FakeShop
) -> None:
    with transaction.atomic():
        world = oracle.World(shop, policy, currencies, random)
        for which, what, number in story:
            world.happen(which, what, number)
        world.come_to_rest()
        orders = [shop.orders[reference] for reference in world.orders]
        for user in world.users:
            wanted = sum(oracle.points(order, policy) for order in orders if order.user_id == user.pk)
            assert account(user) == (wanted, 0)
        assert list(verifying.differences()) == []
        entries = Entry.objects.count()
        awards.settle(dict.fromkeys(reversed(world.orders), world.clock.now))
        assert Entry.objects.count() == entries, "nothing is left to post"
        transaction.set_rollback(True)
