"""What a journey can do with points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from loyalty.services import points
from retention import registry
from retention.registry import Action


def _give(wishes: Sequence[tuple[str, int, str]], parameters: Mapping[str, Any], at: datetime) -> None:
    points.grant(
        [(f"action:{key}", customer, order) for key, customer, order in wishes],
        points=int(parameters["points"]),
        source=str(parameters.get("source", "journey")),
        at=at,
    )


GIVE = Action(name="loyalty.points", label=_("give points"), run=_give, fields={"points": _("how many")})


def load() -> None:
    """Register the actions of this app."""
    registry.actions.add(GIVE.name, GIVE)
