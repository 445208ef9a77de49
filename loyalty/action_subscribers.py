"""What loyalty does when somebody did something that is worth points."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from loyalty import deeds
from loyalty.services import actions
from loyalty.services.actions import Done
from retention.facts import AccountOpened
from retention.registry import Recorded, Subscriber, subscribers


def give_points(batch: Sequence[Recorded]) -> None:
    """Note what people did and give what it is worth; and what waited for an account that is open now."""
    done, opened = [], set()
    for recorded in batch:
        fact = recorded.data
        if fact.customer is None:
            continue
        if isinstance(fact, AccountOpened):
            opened.add(fact.customer)
        if (deed := deeds.of(fact)) is not None:
            done.append(Done(action=deed.name, customer=fact.customer, subject=deed.subject(fact), at=fact.at))
    latest = max(recorded.data.at for recorded in batch)
    actions.did(done, at=latest)
    if opened:
        actions.welcome(opened, at=latest)


def load() -> None:
    """Subscribe to what can be worth points."""
    name = "loyalty.actions"
    does = _("gives points for what people do besides buying")
    subscribers.add(name, Subscriber(name=name, facts=deeds.FACTS, does=does, handle=give_points))
