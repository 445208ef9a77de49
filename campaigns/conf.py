"""The settings of ``campaigns``: ``CAMPAIGNS = {...}`` in the merchant's settings."""

from __future__ import annotations

from retention.section import Section


class Campaigns(Section, name="CAMPAIGNS"):
    """Wiring only; offers, journeys and surveys live in the database."""

    COUPON_LEASE_MINUTES: int = 30
    """How long a cart holds a coupon that it reserved at checkout without an order, in minutes."""

    COUPON_LENGTH: int = 12
    """Letters of a code without its prefix; at least 12, or codes can be guessed."""

    GUESSES_AN_HOUR: int = 300
    """After how many tries of codes that do not exist, within an hour and under one prefix, staff are told."""

    REFUSAL_DAYS: int = 90
    """For how many days staff can see which coupons were refused, where and why."""

    STALE_DAYS: int = 7
    """A step of a journey or a survey that is late by more days than this is left out: it would puzzle people."""

    SURVEY_DAYS: int = 90
    """One person is asked at most once in so many days, over all surveys."""

    CASE_HOURS: int = 24
    """Hours within which somebody should look after a customer who gave a low score."""

    REVIEW_URL: str = ""
    """Where shoppers can write a public review. Everybody who answers a survey is asked in the same words."""


conf = Campaigns()
