"""What this app registers with the ground, one loader a part."""

from __future__ import annotations

from collections.abc import Callable, Sequence

LOADERS: Sequence[Callable[[], None]] = [
]


def load() -> None:
    """Register everything of this app. Called once, when the apps are ready."""
    for part in LOADERS:
        part()
