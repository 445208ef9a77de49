"""The settings of ``loyalty``: ``LOYALTY = {...}`` in the merchant's settings."""

from __future__ import annotations

from retention.section import Section


class Loyalty(Section, name="LOYALTY"):
    """Wiring only; programme, rates and tiers live in the database."""

    ADJUST_MAX: int = 10_000
    """How many points one correction by staff may give or take at most."""

    OPEN_AT_ONCE: int = 1000
    """How many orders' pending points one round opens at most; the next round takes the rest."""

    EXPIRY_NOTICE_DAYS: int = 30
    """How many days ahead people are told that points of theirs end."""

    HISTORY_ROWS: int = 20
    """How many entries of the ledger a page shows at once."""


conf = Loyalty()
