"""What waits in a visitor's session is written down with the order that they place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpRequest

from retention import registry
from retention.registry import Evidence
from retention.services import evidence
from retention.testing.contract.making import GUEST
from retention.testing.world import World

NAME = "contract"


@contextmanager
def keeping(*, fails: bool = False) -> Iterator[list[tuple[Any, str]]]:
    kept: list[tuple[Any, str]] = []

    def keep(request: HttpRequest, what: Any, order: str, at: datetime) -> None:
        kept.append((what, order))
        if fails:
            raise ValueError("on purpose")

    registry.evidence.add(NAME, Evidence(name=NAME, keep=keep))
    try:
        yield kept
    finally:
        registry.evidence.remove(NAME)


@pytest.mark.django_db
class EvidenceContract:
    """For a shop whose checkout has a session."""

    def test_what_waits_in_the_session_is_kept_with_the_next_order_and_no_other(self, world: World) -> None:
        cup, visitor = world.add_product("Cup", Decimal("40.00")), world.visit()
        with keeping() as kept:
            world.ask(visitor, evidence.park, NAME, {"from": "ada"})
            world.put(visitor, cup)
            first = world.checkout(visitor, email=GUEST)
            world.put(visitor, cup)
            assert world.checkout(visitor, email=GUEST) != ""
        assert kept == [({"from": "ada"}, first)]

    def test_who_brings_nothing_keeps_nothing(self, world: World) -> None:
        visitor = world.visit()
        with keeping() as kept:
            world.put(visitor, world.add_product("Cup", Decimal("40.00")))
            assert world.checkout(visitor, email=GUEST) != ""
        assert kept == []

    def test_an_order_is_placed_whatever_becomes_of_what_waits(self, world: World) -> None:
        visitor = world.visit()
        with keeping(fails=True) as kept:
            world.ask(visitor, evidence.park, NAME, 1)
            world.put(visitor, world.add_product("Cup", Decimal("40.00")))
            placed = world.checkout(visitor, email=GUEST)
        assert placed != ""
        assert kept == [(1, placed)]
