"""What saving an offer will do, in words, before it is saved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import goods_words, limit_words, queries, wording
from campaigns.admin import offer_doubts
from campaigns.models import Offer, OfferVersion
from campaigns.services import limits, offers
from campaigns.terms import Terms


@dataclass(frozen=True, kw_only=True)
class Plan:
    name: str
    sentences: list[str]
    """What the offer does."""
    effects: list[str]
    """What saving changes."""
    doubts: list[str] = field(default_factory=list)
    """What may not be meant so."""


class NotConfirmed(Exception):
    """Raised inside the transaction of a save, to undo it and ask."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan.name)
        self.plan = plan


def plan(offer: Offer, *, at: datetime) -> Plan:
    """Say what an offer does as its rows are in this transaction, which is about to be undone."""
    offer = Offer.objects.get(pk=offer.pk)
    terms = offers.terms_of(offer)
    titles = goods_words.titles([terms])
    caps = limits.of([offer.pk])[offer.pk]
    return Plan(
        name=offer.name,
        sentences=list(wording.promise(terms, titles=titles)),
        effects=[
            *_versions(offer, terms, at=at),
            *limit_words.sentences(caps, limits.taken(caps, at=at)),
            _("It is on: journeys and staff can give coupons of it.")
            if offer.active
            else _("It is off: nobody gets new coupons. Those that are out stay good."),
        ],
        doubts=list(offer_doubts.doubts(offer, terms, caps, titles, at=at)),
    )


def _versions(offer: Offer, terms: Terms, *, at: datetime) -> Iterator[str]:
    last = OfferVersion.objects.filter(offer=offer).order_by("-number").first()
    if last is None:
        yield _("It is a new offer. No coupon of it is out.")
        return
    if last.terms == terms:
        yield _("The terms stay as they are (version %(number)s).") % {"number": last.number}
        return
    yield _("Coupons from now on get these terms, as version %(number)s.") % {"number": last.number + 1}
    out = queries.holders(offer, at=at)
    if not out:
        yield _("No coupon is out that keeps other terms.")
        return
    yield ngettext(
        "%(n)s coupon that is out keeps what it promised.",
        "%(n)s coupons that are out keep what they promised.",
        out,
    ) % {"n": out}
