"""What to say to a member: every app proposes, who said no is not asked again for ``PROMPT_DAYS``."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from retention import registry
from retention.models import Customer
from retention.registry import Nudge
from retention.services import prompts

PROOF = "prove-address"


def wanted(customer: Customer, *, at: datetime) -> list[Nudge]:
    """Return what may be said to the member now, the most helpful first. Nothing to who was forgotten."""
    if not customer.email:
        return []
    proposed = [nudge for build in registry.nudges if (nudge := build(customer, at)) is not None]
    return sorted(
        (
            nudge
            for nudge in proposed
            if prompts.wanted(name=nudge.name, order=_day(customer, at), email=customer.email, at=at)
        ),
        key=lambda nudge: nudge.order,
    )


def note_shown(customer: Customer, *, name: str, at: datetime) -> None:
    """Write down, once a day, that it was said."""
    prompts.note_shown(name=name, order=_day(customer, at), email=customer.email, at=at)


def dismiss(customer: Customer, *, name: str, at: datetime) -> None:
    """Remember a no."""
    prompts.dismiss(name=name, order=_day(customer, at), email=customer.email, at=at)


def _day(customer: Customer, at: datetime) -> str:
    # a prompt's row is of an order; one without an order has a row a day, so that a later no counts anew
    return f"customer:{customer.pk}:{at:%Y-%m-%d}"


def proof(customer: Customer, at: datetime) -> Nudge | None:
    """Propose to prove the address, by which earlier guest orders join the account."""
    if customer.address_proven_at or not customer.address:
        return None
    return Nudge(name=PROOF, text=_("Confirm your address, and your earlier orders join your account."), order=10)
