"""Why a coupon is taken or not, check by check, as staff read it."""

from __future__ import annotations

from dataclasses import dataclass

from campaigns.models import Coupon
from campaigns.reasons import Reason, Refusal


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that is asked before a basket gets a coupon."""

    reason: Reason
    """What it would be refused for."""
    name: str
    holds: bool | None
    """None: not looked at, for want of something that was not said."""
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    coupon: Coupon
    checks: tuple[Check, ...]
    refusal: Refusal | None
    """What ``checking`` says."""

    @property
    def failed(self) -> Check | None:
        """The check for which it is refused; None where nothing that was looked at speaks against it."""
        crosses = [check for check in self.checks if check.holds is False]
        said = [check for check in crosses if self.refusal and check.reason == self.refusal.reason]
        return next(iter([*said, *crosses]), None)

    @property
    def is_whole(self) -> bool:
        """Whether everything was looked at."""
        return all(check.holds is not None for check in self.checks)
