"""What offers and coupons register with the ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.models import Offer
from campaigns.services import batches, checkout, coupons, guesses, limits, redemptions, rejections, settlement
from campaigns.services.coupons import Wish
from campaigns.views import nudge, wallet
from retention import registry
from retention.facts import (
    OrderCancelled,
    OrderChanged,
    OrderChangedHands,
    OrderPlaced,
    OrderRefunded,
    OrderReinstated,
)
from retention.registry import Action, Recorded, Tick

MINUTE, HOUR, DAY = 60, 3600, 86400


def settle(recorded: Sequence[Recorded]) -> None:
    """Take a batch of facts about orders: all that matters is which orders they name."""
    settlement.settle(
        {fact.data.order for fact in recorded},  # type: ignore[attr-defined]  # every fact below has one
        at=max(fact.data.at for fact in recorded),
    )


def release_leases(at: datetime) -> int:
    """Give back what was not ordered in time; then a use in excess may have room."""
    return redemptions.release_leases(at=at) + settlement.settle_excess(at=at)


def give(wishes: Sequence[tuple[str, int, str]], parameters: Mapping[str, Any], at: datetime) -> None:
    """Give coupons of the offer named by ``offer``; ``source`` says where they came from."""
    offer = Offer.objects.get(slug=parameters["offer"])
    coupons.issue_many(
        [Wish(key=key, customer=customer, order=order) for key, customer, order in wishes],
        offer=offer,
        source=str(parameters.get("source", "")),
        at=at,
    )


TICKS = (
    Tick(
        name="campaigns.leases",
        every=MINUTE,
        run=release_leases,
        does=_("gives back coupons that a basket held and did not order"),
    ),
    Tick(
        name="campaigns.guesses",
        every=DAY,
        run=lambda at: guesses.prune(at=at),
        does=_("forgets how many codes were guessed long ago"),
    ),
    Tick(
        name="campaigns.batches",
        every=2,
        run=lambda at: batches.carry_on(at=at),
        does=_("makes codes in bulk"),
    ),
    Tick(
        name="campaigns.refusals",
        every=DAY,
        run=lambda at: rejections.prune(at=at),
        does=_("forgets which coupons were refused long ago"),
    ),
    Tick(
        name="campaigns.limits",
        every=HOUR,
        run=lambda at: limits.recount(at=at),
        does=_("counts anew what is taken of the limits of offers"),
    ),
)


def load() -> None:
    """Register subscriber, ticks, action, guard and the shopper's wallet."""
    registry.subscribe(
        "campaigns.redemptions",
        OrderPlaced,
        OrderChanged,
        OrderChangedHands,
        OrderCancelled,
        OrderReinstated,
        OrderRefunded,
        does=_("notes which order used a coupon, and gives it back when the order is called off"),
        handle=settle,
    )
    for tick in TICKS:
        registry.ticks.add(tick.name, tick)
    registry.coupon_refusals.add("campaigns.refusals", rejections.note)
    registry.wrong_codes.add("campaigns.guesses", guesses.count)
    action = Action(
        name="campaigns.coupon", label=_("give a coupon"), run=give, fields={"offer": _("short name of the offer")}
    )
    registry.actions.add(action.name, action)
    registry.checkout_guards.add(checkout.GUARD.name, checkout.GUARD)
    registry.account_pages.add("campaigns.wallet", wallet.section)
    registry.basket_nudges.add("campaigns.coupon", nudge.build)
