"""What the doctor says of one thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing looked at: whether it is well, and else what to do."""

    well: bool
    what: str
    cure: str = ""
    hint: str = ""
    """What could be better although it is well."""
