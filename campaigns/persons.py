"""What each part of this app holds of a person: for export, erasure, and when a guest becomes a member."""

from __future__ import annotations

from campaigns.services import listed, owners
from retention import registry
from retention.registry import Person

PARTS = [
    Person(name="campaigns.coupons", export=owners.export, erase=owners.erase, absorb=owners.absorb),
    Person(name="campaigns.segments", export=listed.export, erase=listed.erase, absorb=listed.absorb),
]


def load() -> None:
    """Register every part."""
    for part in PARTS:
        registry.people.add(part.name, part)
