"""What a journey can start from: kinds of facts, in plain words."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from campaigns.services import entries
from retention import registry
from retention.facts import (
    AccountOpened,
    FactData,
    OrderDelivered,
    OrderFulfilled,
    OrderPaid,
    OrderPlaced,
    SignupConfirmed,
)
from retention.registry import Registry, Words


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """A kind of fact from which a journey can start."""

    fact: type[FactData]
    label: Words
    """Completes "starts when ..."."""

    @property
    def about_order(self) -> bool:
        """Whether the fact names an order."""
        return "order" in self.fact.__dataclass_fields__


triggers: Registry[Trigger] = Registry("trigger")


def add(fact: type[FactData], *, label: Words) -> None:
    """Let journeys start from ``fact``. Upper apps add theirs from ``AppConfig.ready``."""
    triggers.add(fact.kind, Trigger(fact=fact, label=label))
    registry.subscribe(
        f"campaigns.enter:{fact.kind}", fact, does=_("lets customers enter journeys"), handle=entries.enter
    )


def load() -> None:
    """Register the triggers of this app."""
    add(OrderPlaced, label=_("an order is placed"))
    add(OrderPaid, label=_("an order is paid"))
    add(OrderFulfilled, label=_("an order is sent"))
    add(OrderDelivered, label=_("an order is delivered"))
    add(AccountOpened, label=_("an account is opened"))
    add(SignupConfirmed, label=_("a sign-up to the shop's mail is confirmed"))
