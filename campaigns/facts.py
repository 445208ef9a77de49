"""The vocabulary of ``campaigns``: what happened, in the past tense, with ids and amounts."""

from __future__ import annotations

from retention.facts import FactData, fact


@fact("campaigns")
class CouponIssued(FactData):
    """A customer was given a coupon."""

    coupon: int
    """Our id, never the code."""
    offer: str
    """The offer's slug."""
    source: str = ""


@fact("campaigns")
class CouponRedeemed(FactData):
    """An order used a coupon."""

    coupon: int
    offer: str
    order: str
    """The shop's reference."""
    discount_minor: int
    currency: str


@fact("campaigns")
class CouponReturned(FactData):
    """An order that had used a coupon was called off or paid back in full: the coupon can be used again."""

    coupon: int
    offer: str
    order: str
    reason: str
    """``cancelled``, ``refunded`` or ``dropped``."""


@fact("campaigns")
class SurveyAnswered(FactData):
    """A shopper answered a survey, or changed the score."""

    answer: int
    survey: str
    """The survey's slug."""
    order: str
    score: int


@fact("campaigns")
class CaseOpened(FactData):
    """A customer may be about to leave: somebody should look after them."""

    case: int
    source: str
    """``answer`` or ``staff``."""


@fact("campaigns")
class CaseSolved(FactData):
    """A case ended."""

    case: int
    outcome: str
    leaving: str = ""
    """Why the customer left; empty for who stayed."""
