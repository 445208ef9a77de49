"""What tiers register with the ground."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from loyalty import tier_mails, tier_section, tier_subscribers, tier_troubles
from loyalty.services import standing_coupons, tier_benefits, tier_notices, tier_trials
from retention import registry
from retention.registry import Tick

HOUR = 3600

TICKS = [
    Tick(name="loyalty.tier_notices", every=HOUR, run=lambda at: tier_notices.warn(at=at),
         does=_("tells people what keeps the tier that they are about to lose")),
    Tick(name="loyalty.tier_shipping", every=HOUR, run=lambda at: tier_benefits.settle_shipping(at=at),
         does=_("gives the coupons for free shipping that a tier gives, and calls off those of a tier that is lost")),
    Tick(name="loyalty.tier_trials", every=2, run=lambda at: tier_trials.carry_on(at=at),
         does=_("tries tier tables that are not saved yet on the real customers")),
    Tick(name="loyalty.tier_trials_end", every=24 * HOUR, run=lambda at: tier_trials.prune(at=at),
         does=_("forgets which tier tables were tried long ago")),
]  # fmt: skip


def load() -> None:
    """Register everything of tiers."""
    for tick in TICKS:
        registry.ticks.add(tick.name, tick)
    for part in (standing_coupons, tier_subscribers, tier_mails, tier_section, tier_troubles):
        part.load()
