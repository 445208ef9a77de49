"""Tries of codes, for every door: counted before a code is looked up, in the counters of the shop's voucher form."""

from __future__ import annotations

from datetime import datetime

from retention.services import tries


class TooMany(Exception):
    """So many codes were tried from here that the next must wait until ``until``."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


def count(*, origin: str, session: str, at: datetime) -> None:
    """Count a try by network address and by session, either of which may be unknown (empty). Raises TooMany."""
    until = tries.count(origin=origin, session=session, at=at)
    if until is not None:
        raise TooMany(until)
