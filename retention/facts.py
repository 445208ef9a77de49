"""The vocabulary of ``retention``: what happened, in the past tense, with ids and amounts.

A fact never holds an address or a name. Each app has a file like this one; ``fact("app")`` makes
a class known as ``app.ClassName``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

KINDS: dict[str, type[FactData]] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class FactData:
    """Base of every fact."""

    kind: ClassVar[str]
    customer: int | None = None
    """Our id of the person it is about; None where nobody is meant."""
    at: datetime
    """When it happened, UTC."""

    def payload(self) -> dict[str, Any]:
        """Return what is stored as JSON, without customer and time."""
        # asdict copies deeply, which plain ids and amounts do not need: a batch has thousands of them
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name not in ("customer", "at")}

    @classmethod
    def restore(cls, *, payload: dict[str, Any], customer: int | None, at: datetime) -> Self:
        """Return the fact as it was stored; keys that a newer version has dropped are ignored."""
        known = {field.name for field in fields(cls)}
        return cls(customer=customer, at=at, **{key: value for key, value in payload.items() if key in known})


F = TypeVar("F", bound=FactData)


@dataclass_transform(kw_only_default=True, frozen_default=True)
def fact(app: str) -> Callable[[type[F]], type[F]]:
    """Make a frozen fact class of ``app`` and register it."""

    def build(cls: type[F]) -> type[F]:
        made = dataclass(frozen=True, kw_only=True)(cls)
        made.kind = f"{app}.{cls.__name__}"
        KINDS[made.kind] = made
        return made

    return build


@fact("retention")
class OrderPlaced(FactData):
    """An order was placed."""

    order: str
    """The shop's reference."""
    total_minor: int
    currency: str
    history: bool = False


@fact("retention")
class OrderPaid(FactData):
    """The shop has the money for an order."""

    order: str
    history: bool = False


@fact("retention")
class OrderFulfilled(FactData):
    """An order left the shop."""

    order: str
    history: bool = False


@fact("retention")
class OrderDelivered(FactData):
    """An order arrived."""

    order: str
    history: bool = False


@fact("retention")
class OrderCancelled(FactData):
    """An order was called off."""

    order: str
    history: bool = False


@fact("retention")
class OrderReinstated(FactData):
    """A cancelled order is on again."""

    order: str
    history: bool = False


@fact("retention")
class OrderRefunded(FactData):
    """Money of an order went back; ``refunded_minor`` is the sum of all its refunds now, minor units."""

    order: str
    refunded_minor: int
    history: bool = False


@fact("retention")
class OrderChanged(FactData):
    """Lines, amounts, coupons or points of an order are other than when last read."""

    order: str
    history: bool = False


@fact("retention")
class OrderChangedHands(FactData):
    """An order belongs to another customer now: a guest's order was claimed."""

    order: str
    old_customer: int
    history: bool = False


@fact("retention")
class AccountOpened(FactData):
    """A customer has an account in the shop."""

    history: bool = False
    """The account was first seen by an order or an import, and the shop does not say how old it is."""


@fact("retention")
class AddressProven(FactData):
    """A customer has shown that the mailbox is theirs."""


@fact("retention")
class GuestAbsorbed(FactData):
    """A guest's row became part of a member's."""

    guest: int


@fact("retention")
class ConsentGiven(FactData):
    """A customer may be written to for a purpose."""

    purpose: str
    basis: str
    source: str = ""


@fact("retention")
class ConsentWithdrawn(FactData):
    """A customer is not to be written to for a purpose any more."""

    purpose: str
    source: str = ""


@fact("retention")
class SignupConfirmed(FactData):
    """Somebody asked for the shop's mail and confirmed by the mailed link."""

    source: str = ""
    topic: str = ""
    """Slug of the only topic that was asked for; empty: all of them."""


@fact("retention")
class ProfileAnswered(FactData):
    """A customer has answered a question about themselves, for the first time; what they said is not in it."""

    question: str
    """Name of the registered ``Question``."""


@fact("retention")
class ReviewWritten(FactData):
    """A customer's review of a product is published; what it says is not in it."""

    product: str
    """The shop's reference."""
    review: str
    """The shop's own id of it."""
