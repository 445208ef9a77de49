"""What the ground registers with itself: its ticks, mails, troubles, panels, and what it does for a person."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from retention import asked, conditions, mail_parts, mails, panels, registry, troubles
from retention.registry import Person, Tick
from retention.services import (
    blocks,
    companions,
    consent_imports,
    delivery,
    drain,
    erasing,
    events,
    exporting,
    facts,
    nudges,
    persons,
    rates,
    requests,
    signup,
    stopping,
    sweep,
    throttle,
    tokens,
    wishes,
)

MINUTE, HOUR, DAY = 60, 3600, 86400


def _facts(at: datetime) -> int:
    facts.number()
    return facts.dispatch(at=at)


def _prune(at: datetime) -> int:
    parts = (signup.prune, drain.prune, facts.prune, tokens.prune, throttle.prune, blocks.prune, requests.prune,
             rates.prune, events.prune)  # fmt: skip
    return sum(prune(at=at) for prune in parts)


def _sweep_middle(at: datetime) -> int:
    return sweep.sweep_open(at=at, older=sweep.YOUNG, younger=sweep.MIDDLE)


TICKS = [
    Tick(name="retention.drain", every=2, run=lambda at: drain.drain(at=at), does=_("reads what the shop signalled")),
    Tick(name="retention.facts", every=2, run=_facts, does=_("numbers facts and gives them to subscribers")),
    Tick(name="retention.deliver", every=2, run=lambda at: delivery.deliver(at=at), does=_("sends mail that is due")),
    Tick(name="retention.consents", every=5, run=lambda at: consent_imports.carry_on(at=at),
         does=_("takes in what people had said to another mail service")),
    Tick(name="retention.stopping", every=5 * MINUTE, run=lambda at: stopping.watch(at=at),
         does=_("stops marketing when too many complain")),
    Tick(name="retention.sweep_new", every=5 * MINUTE, run=lambda at: sweep.sweep_new(at=at),
         does=_("finds orders that nobody signalled")),
    Tick(name="retention.sweep_young", every=10 * MINUTE, run=lambda at: sweep.sweep_open(at=at),
         does=_("reads orders of the last two days again")),
    Tick(name="retention.sweep_middle", every=HOUR, run=_sweep_middle,
         does=_("reads open orders of the last two weeks again")),
    Tick(name="retention.sweep_old", every=DAY, run=lambda at: sweep.sweep_old(at=at),
         does=_("reads older orders again, for late refunds")),
    Tick(name="retention.companions", every=DAY, run=lambda at: companions.compute(at=at),
         does=_("finds out which goods are bought together")),
    Tick(name="retention.prune", every=DAY, run=_prune, does=_("deletes what is not needed any more")),
]  # fmt: skip


def load() -> None:
    """Register everything of this app. Called once, when the apps are ready."""
    for tick in TICKS:
        registry.ticks.add(tick.name, tick)
    asked.load()
    conditions.load()
    mails.load()
    mail_parts.load()
    panels.load()
    troubles.load()
    registry.nudges.add(nudges.PROOF, nudges.proof)
    registry.people.add("retention", Person(
        name="retention", export=exporting.export, erase=erasing.erase, absorb=persons.absorb
    ))  # fmt: skip
    registry.people.add("retention.wishes", Person(
        name="retention.wishes", export=wishes.export, erase=wishes.forget, absorb=wishes.join
    ))  # fmt: skip
