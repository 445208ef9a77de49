"""What saving an offer will do, in words, before it is saved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import queries, wording
from campaigns.models import Offer, OfferVersion
from campaigns.services import offers


@dataclass(frozen=True, kw_only=True)
class Plan:
    name: str
    sentences: list[str]
    """What the offer does."""
    effects: list[str]
    """What saving changes."""


class NotConfirmed(Exception):
    """Raised inside the transaction of a save, to undo it and ask."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan.name)
        self.plan = plan


def plan(offer: Offer, *, limit: int | None, at: datetime) -> Plan:
    """Say what an offer does as its rows are in this transaction, which is about to be undone."""
    terms = offers.terms_of(Offer.objects.get(pk=offer.pk))
    last = OfferVersion.objects.filter(offer=offer).order_by("-number").first()
    return Plan(
        name=offer.name,
        sentences=list(wording.promise(terms)),
        effects=[
            *_versions(offer, last, changed=last is None or last.terms != terms, at=at),
            *_limit(offer, limit),
            _("It is on: journeys and staff can give coupons of it.")
            if offer.active
            else _("It is off: nobody gets new coupons. Those that are out stay good."),
        ],
    )


def _versions(offer: Offer, last: OfferVersion | None, *, changed: bool, at: datetime) -> list[str]:
    if last is None:
        return [_("It is a new offer. No coupon of it is out.")]
    if not changed:
        return [_("The terms stay as they are (version %(number)s).") % {"number": last.number}]
    out = queries.holders(offer, at=at)
    return [
        _("Coupons from now on get these terms, as version %(number)s.") % {"number": last.number + 1},
        ngettext(
            "%(n)s coupon that is out keeps what it promised.",
            "%(n)s coupons that are out keep what they promised.",
            out,
        )
        % {"n": out},
    ]


def _limit(offer: Offer, limit: int | None) -> list[str]:
    if limit is None:
        return []
    taken = queries.live().filter(offer=offer).count()
    if taken >= limit:
        return [_("It ends now: %(taken)s uses are taken, of %(limit)s allowed.") % {"taken": taken, "limit": limit}]
    return [
        _("It ends after %(limit)s uses in total; %(taken)s are taken. Coupons beyond that will be refused.")
        % {"taken": taken, "limit": limit}
    ]
