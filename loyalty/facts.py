"""The vocabulary of ``loyalty``: what happened to points and tiers."""

from __future__ import annotations

from retention.facts import FactData, fact


@fact("loyalty")
class PointsAwarded(FactData):
    """A customer got points, spendable or pending."""

    points: int
    """How many more than before; never below 1."""
    order: str = ""
    """The shop's reference; empty for points that no order earned."""
    pending: bool = False
    history: bool = False


@fact("loyalty")
class PointsTakenBack(FactData):
    """Points of an order went back: it was refunded, cancelled, changed, or belongs to somebody else now."""

    points: int
    """How many fewer than before; never below 1."""
    order: str = ""
    history: bool = False


@fact("loyalty")
class PointsOpened(FactData):
    """The return window of an order has closed: its pending points can be spent from now on."""

    points: int
    """How many; never below 1."""
    order: str
    """The shop's reference."""
    history: bool = False


@fact("loyalty")
class PointsExpired(FactData):
    """Points of a customer have ended unused."""

    points: int
    """How many, at once; never below 1."""


@fact("loyalty")
class ProgrammeLeft(FactData):
    """A member has left the programme: nothing is earned or spent from then on."""


@fact("loyalty")
class ProgrammeReturned(FactData):
    """Who had left the programme is in it again."""

    in_time: bool
    """Whether their points still stood."""


@fact("loyalty")
class PointsForfeited(FactData):
    """Points of who had left were written off: the time to come back for them is over."""

    points: int
    """How many, spendable and pending; never below 1."""


@fact("loyalty")
class TierChanged(FactData):
    """A customer is in another tier than before."""

    tier: int | None
    """Our id of the tier; None below the first."""
    old_tier: int | None
    history: bool = False
    """The table was computed for the first time, old orders came in, or the customer left the programme or came back:
    nobody has just moved."""


@fact("loyalty")
class FriendReferred(FactData):
    """A new customer's first order came by the customer's link, and may be rewarded once it lasts."""

    referral: int
    """Our id of the referral; who the friend is stays there."""


@fact("loyalty")
class ReferralFlagged(FactData):
    """Something about a referral stands out, and staff are asked before it is rewarded."""

    referral: int


@fact("loyalty")
class ReferralRewarded(FactData):
    """The order of a friend whom the customer brought has lasted; not published again where it was taken back."""

    referral: int
    points: int = 0
    """How many; 0 where the reward is a coupon."""
    coupon: int | None = None
    """Our id of the coupon; None where the reward is points."""


@fact("loyalty")
class PaidMembershipBegan(FactData):
    """A customer is a paying member, and was none just before."""

    plan: int
    """Our id of the plan."""
    history: bool = False
    """By an order from before the shop went live with us."""


@fact("loyalty")
class PaidMembershipEnded(FactData):
    """What a customer had paid for has run out, or was given back."""

    plan: int
    history: bool = False


@fact("loyalty")
class GiftEarned(FactData):
    """A customer was given the gift that so many orders bring. What of it is a surprise, who writes must not tell."""

    present: int
    """Our id."""
    plan: int
    number: int
    """Which gift of the plan, from 1."""
    gives: str
    """``coupon``, ``points`` or ``task``."""
    surprise: bool
    order: str
    """The shop's reference of the order that completed the round."""


@fact("loyalty")
class GiftUndone(FactData):
    """A gift went back: an order that had brought it was cancelled or paid back."""

    present: int
    plan: int
    number: int


@fact("loyalty")
class ChallengeWon(FactData):
    """A customer did what a challenge asks, and was given its reward."""

    present: int
    challenge: int
    number: int
    """Which time, from 1."""
    gives: str
    """``coupon`` or ``points``."""


@fact("loyalty")
class ChallengeUndone(FactData):
    """The reward of a challenge went back: an order that it took was cancelled or paid back."""

    present: int
    challenge: int
    number: int


@fact("loyalty")
class RewardClaimed(FactData):
    """A customer has claimed a reward: its points are set aside, or were given at once."""

    claim: int
    """Our id."""
    reward: int
    points: int


@fact("loyalty")
class PointsSpent(FactData):
    """Points of a claimed reward have left: an order used it, or it was given."""

    claim: int
    points: int
    order: str = ""
    """The shop's reference; empty where no order was needed."""


@fact("loyalty")
class PointsGivenBack(FactData):
    """Points that an order had spent came back, all or a part: it was cancelled or refunded."""

    claim: int
    points: int
    order: str = ""
