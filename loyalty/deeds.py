"""What a member may get points for besides buying. A merchant registers their own with ``deeds.add``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.facts import SurveyAnswered
from loyalty.models.action import Often
from retention.facts import AccountOpened, FactData, ProfileAnswered, ReviewWritten, SignupConfirmed
from retention.registry import Registry, Words


@dataclass(frozen=True, kw_only=True)
class Deed:
    """One thing that somebody can do."""

    name: str
    """Stored with rules and awards, so it never changes; up to 40 characters without a colon."""
    label: Words
    """For staff, e.g. "makes an account"."""
    promise: Words
    """For shoppers, with ``%(reward)s``, e.g. "%(reward)s for making an account": points, or what they are worth."""
    past: Words
    """Beside the points in the history, e.g. "An account made"."""
    often: tuple[Often, ...]
    """How often it can be worth points; the first is what is proposed."""
    fact: type[FactData] | None = None
    """The fact that says it was done; None: the shop calls ``actions.did``."""
    subject: Callable[[Any], str] = lambda fact: ""
    """What a fact is about, so that the same again is no second: an id, never a person."""


deeds: Registry[Deed] = Registry("deed")


def add(deed: Deed) -> Deed:
    """Register something that can be worth points."""
    return deeds.add(deed.name, deed)


class _Facts(Collection[type[FactData]]):
    """The facts that say that something was done: those of deeds, too, that are registered later."""

    def __iter__(self) -> Iterator[type[FactData]]:
        return iter(dict.fromkeys(deed.fact for deed in deeds if deed.fact is not None))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, fact: object) -> bool:
        return any(deed.fact is fact for deed in deeds)


FACTS = _Facts()


def of(fact: FactData) -> Deed | None:
    """Return what a fact says that somebody did; None where it is old news, or nothing of this kind."""
    if getattr(fact, "history", False):
        return None
    return next((deed for deed in deeds if deed.fact is type(fact)), None)


OURS = (
    Deed(
        name="account",
        label=_("makes an account"),
        promise=_("%(reward)s for making an account"),
        past=_("Account made"),
        often=(Often.EVER,),
        fact=AccountOpened,
    ),
    Deed(
        name="profile",
        label=_("answers a question about themselves"),
        promise=_("%(reward)s for each answer about yourself"),
        past=_("An answer about yourself"),
        often=(Often.THING, Often.EVER),
        fact=ProfileAnswered,
        subject=lambda fact: str(fact.question),
    ),
    Deed(
        name="survey",
        label=_("answers a survey, whatever they say"),
        promise=_("%(reward)s for answering a survey, whatever you say"),
        past=_("Survey answered"),
        often=(Often.THING, Often.DAY, Often.EVER),
        fact=SurveyAnswered,
        subject=lambda fact: str(fact.answer),
    ),
    Deed(
        name="review",
        label=_("reviews a product, whatever they say"),
        promise=_("%(reward)s for reviewing a product, whatever you say"),
        past=_("Review written"),
        often=(Often.THING, Often.DAY, Often.EVER),
        fact=ReviewWritten,
        subject=lambda fact: str(fact.product),
    ),
    Deed(
        name="signup",
        label=_("signs up for the shop’s mail and confirms it"),
        promise=_("%(reward)s for signing up for our mail"),
        past=_("Signed up for our mail"),
        often=(Often.EVER,),
        fact=SignupConfirmed,
    ),
)


def load() -> None:
    """Register what the apps themselves know of."""
    for deed in OURS:
        add(deed)
