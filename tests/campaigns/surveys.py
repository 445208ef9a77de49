"""A survey mail, and the links in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail

from campaigns.models import Journey
from tests.campaigns.walks import Walk


def links(message: Any) -> list[str]:
    """Return the paths of the scores in a mail, the lowest first."""
    return re.findall(r"http://127\.0\.0\.1:8000(/retention/s/[^\s]+)", message.body)


@pytest.fixture
def asked(walk: Walk, switch: Callable[..., Journey], time_machine: Any) -> list[str]:
    """The links of a mail that asks about an order; the clock of the pages stands where the walk's does."""
    switch("satisfaction")
    walk.order()
    walk.tick()
    walk.tick(days=14)
    time_machine.move_to(walk.clock.now, tick=False)
    return links(mail.outbox[0])
