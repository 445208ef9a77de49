"""What loyalty registers with the ground."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from loyalty import (
    action_subscribers,
    action_troubles,
    actions,
    balance_setup,
    challenge_setup,
    conditions,
    deeds,
    gains,
    gift_setup,
    giving_setup,
    leaving_setup,
    mail_parts,
    mails,
    notes,
    paid_setup,
    paid_subscribers,
    panels,
    referral_setup,
    reward_setup,
    sections,
    subscribers,
    tier_setup,
    troubles,
)
from loyalty.conf import conf
from loyalty.services import awards, expiry, notices, persons, tiers, verifying
from retention import registry
from retention.registry import Person, Tick

MINUTE, HOUR, DAY = 60, 3600, 86400


def _open(at: datetime) -> int:
    return awards.open_due(at=at, limit=conf.OPEN_AT_ONCE)


TICKS = [
    Tick(name="loyalty.open", every=10, run=_open, does=_("opens pending points whose return window has closed")),
    Tick(name="loyalty.expire", every=MINUTE, run=lambda at: expiry.expire(at=at),
         does=_("ends points whose time is up")),
    Tick(name="loyalty.notices", every=HOUR, run=lambda at: notices.warn(at=at),
         does=_("tells people that points of theirs end soon")),
    Tick(name="loyalty.unrated", every=HOUR, run=lambda at: awards.settle_unrated(at=at),
         does=_("awards orders whose currency had no rate and has one now")),
    Tick(name="loyalty.history", every=HOUR, run=lambda at: awards.settle_history(at=at),
         does=_("awards old orders where the programme says that they earn, too")),
    Tick(name="loyalty.tiers", every=MINUTE, run=lambda at: tiers.refresh(at=at),
         does=_("daily, and after a change of the table, brings everybody into the tier that they reach")),
    Tick(name="loyalty.verify", every=DAY, run=lambda at: verifying.verify(),
         does=_("rebuilds every balance from the ledger and fails when one differs")),
]  # fmt: skip


def load() -> None:
    """Register everything of this app. Called once, when the apps are ready."""
    for tick in TICKS:
        registry.ticks.add(tick.name, tick)
    for part in (
        paid_subscribers,  # before points, which ask who is a member
        subscribers,
        deeds,
        action_subscribers,
        action_troubles,
        gains,
        conditions,
        actions,
        panels,
        troubles,
        sections,
        reward_setup,
        mail_parts,
        mails,
        notes,
        balance_setup,
        gift_setup,
        giving_setup,
        challenge_setup,
        paid_setup,
        referral_setup,
        tier_setup,
        leaving_setup,  # its section is the last
    ):
        part.load()
    registry.api_routes.add("loyalty", "loyalty.api.urls")
    registry.people.add(
        "loyalty", Person(name="loyalty", export=persons.export, erase=persons.erase, absorb=persons.absorb)
    )
