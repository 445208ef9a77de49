"""A shop in memory that is live, with the usual journeys on, and what the ticks would do at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from django.core import mail

from campaigns.models import Enrolment, Journey
from campaigns.services import defaults, enrolments, invitations, journeys
from retention.models import CheckoutChoice, Customer, Message
from retention.models.consent import Basis, Purpose
from retention.services import consent, delivery, installation
from retention.testing.clock import Clock
from retention.testing.settling import settle
from retention.testing.shop import FakeShop


@dataclass
class Walk:
    """Orders with an answer to the opt-out box, and the ticks."""

    shop: FakeShop
    clock: Clock

    def order(self, *, opted_out: bool | None = False, **order: Any) -> str:
        """Place an order; ``opted_out`` None: the box was not offered."""
        reference = self.shop.place(**order)
        if opted_out is not None:
            CheckoutChoice.objects.create(
                order=reference, opted_out=opted_out, text="You will hear from us.", text_version="1", at=self.clock.now
            )
        return reference

    def tick(self, **forward: float) -> None:
        """Go on in time, then do all that is due."""
        now = self.clock.forward(**forward)
        settle(at=now)
        enrolments.advance(at=now)
        invitations.send(at=now)
        delivery.deliver(at=now)
        settle(at=now)

    def sent(self, name: str = "") -> list[Message]:
        rows = Message.objects.filter(state=Message.State.SENT).order_by("pk")
        return list(rows.filter(mail=name) if name else rows)


@pytest.fixture
def walk(db: None, fake_shop: FakeShop, clock: Clock, settings: Any) -> Walk:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    mail.outbox = []
    installation.go_live(at=clock.now)
    defaults.install(at=clock.now)
    for journey in Journey.objects.all():
        journeys.switch(journey, Journey.State.OFF, at=clock.now)
    return Walk(shop=fake_shop, clock=clock)


@pytest.fixture
def switch(walk: Walk) -> Callable[[str, str], Journey]:
    def do(slug: str, state: str = Journey.State.ON) -> Journey:
        journey = Journey.objects.get(slug=slug)
        journeys.switch(journey, state, at=walk.clock.now)
        return journey

    return do


def guest(email: str, *, at: datetime, consents: bool = True) -> Customer:
    """Return a customer without orders, who may be written to."""
    person = Customer.objects.create(
        kind=Customer.Kind.GUEST, email=email, address=email, created_at=at, address_proven_at=at
    )
    if consents:
        consent.grant(person, purpose=Purpose.MARKETING, basis=Basis.DOUBLE_OPT_IN, source="test", at=at)
    return person


def states() -> list[tuple[str, str]]:
    """Return state and reason of every passage, oldest first."""
    return list(Enrolment.objects.order_by("pk").values_list("state", "reason"))
