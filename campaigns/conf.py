"""The settings of ``campaigns``: ``CAMPAIGNS = {...}`` in the merchant's settings."""

from __future__ import annotations

from retention.section import Section


class Campaigns(Section, name="CAMPAIGNS"):
    """Wiring only; offers, journeys and surveys live in the database."""

    COUPON_LEASE_MINUTES: int = 30
    """How long a cart holds a coupon that it reserved at checkout without an order, in minutes."""

    COUPON_LENGTH: int = 12
    """Letters of a code without its prefix; at least 12, or codes can be guessed."""

    COUPON_TRIES: int = 10
    """How many codes one network address or session may try in ten minutes before it has to wait."""


conf = Campaigns()
