"""Doing at once what the ticks would do: read the inbox, number the facts, give them to their subscribers."""

from __future__ import annotations

from datetime import datetime

from retention.services import drain, facts

ROUNDS = 50
"""A subscriber may publish facts of its own; one that never stops is a fault."""


def settle(*, at: datetime) -> None:
    """Work until nothing is left to do at that time. Raises RuntimeError where it never ends."""
    for _ in range(ROUNDS):
        if not (drain.drain(at=at) + facts.number() + facts.dispatch(at=at)):
            return
    raise RuntimeError("The inbox and the facts do not come to rest: does a subscriber answer its own fact?")
