"""What a journey can do with points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from loyalty.services import points
from retention import counts, registry
from retention.registry import Action

MOST = 10**12
"""More than any shop means."""


def _give(wishes: Sequence[tuple[str, int, str]], parameters: Mapping[str, Any], at: datetime) -> None:
    points.grant(
        [(f"action:{key}", customer, order) for key, customer, order in wishes],
        points=int(parameters["points"]),
        source=str(parameters.get("source", "journey")),
        at=at,
    )


def _mistake(parameters: Mapping[str, Any]) -> str:
    try:
        wanted = int(parameters.get("points", 0))
    except (TypeError, ValueError):
        wanted = 0
    if 1 <= wanted <= MOST:
        return ""
    return gettext("Say how many points, a whole number from 1 to %(most)s.") % {"most": counts.show(MOST)}


GIVE = Action(
    name="loyalty.points",
    label=_("give points"),
    run=_give,
    fields={"points": _("how many")},
    mistake=_mistake,
)


def load() -> None:
    """Register the actions of this app."""
    registry.actions.add(GIVE.name, GIVE)
