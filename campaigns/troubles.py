"""What of offers and coupons staff should look at, each with its cure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.models import OfferCondition, Redemption
from campaigns.services import guesses, heirs
from retention import moments, registry
from retention.registry import Trouble


def coupons(at: datetime) -> Iterator[Trouble]:
    """Yield uses beyond what a coupon allows or was promised, and offers that ask for a condition which is gone."""
    excess = Redemption.objects.filter(state=Redemption.State.EXCESS).count()
    if excess:
        yield Trouble(
            what=ngettext(
                "%(n)s order used a coupon of which no use was left",
                "%(n)s orders used coupons of which no use was left",
                excess,
            )
            % {"n": excess},
            cure=_(
                "The shop took the code without asking us first: is our checkout middleware installed? "
                "Cancelling one of the orders, or raising the limit of the offer, settles it."
            ),
            count=excess,
            url=reverse("admin:retention_campaigns_redemption_changelist") + "?state__exact=excess",
        )
    twice = heirs.overdrawn().count()
    if twice:
        yield Trouble(
            what=ngettext(
                "%(n)s coupon was replaced, and then both the old code and the new one were used",
                "%(n)s coupons were replaced, and then both the old codes and the new ones were used",
                twice,
            )
            % {"n": twice},
            cure=_(
                "An order that had been called off was taken up again, and its coupon with it, after the new code was "
                "used. Both orders keep their discount. Cancelling one of them settles it; else there is nothing to do."
            ),
            count=twice,
            url=reverse("admin:retention_campaigns_coupon_changelist") + "?kind=instead",
        )
    asked = OfferCondition.objects.filter(offer__active=True).values_list("name", flat=True)
    for name in sorted(set(asked) - set(registry.conditions.names())):
        yield Trouble(
            what=_("An offer asks for the condition %(name)s, which is not there") % {"name": name},
            cure=_("Install the app that brings it, or take the condition out of the offer."),
            url=reverse("admin:retention_campaigns_offer_changelist"),
        )


def guessing(at: datetime) -> Iterator[Trouble]:
    """Yield prefixes under which more wrong codes were tried in an hour than is usual."""
    for rush in guesses.rushes(at=at):
        said = {"n": rush.count, "prefix": rush.prefix, "hour": moments.show(rush.hour)}
        yield Trouble(
            what=(
                ngettext(
                    "%(n)s wrong code under the prefix %(prefix)s was tried in the hour from %(hour)s",
                    "%(n)s wrong codes under the prefix %(prefix)s were tried in the hour from %(hour)s",
                    rush.count,
                )
                if rush.prefix
                else ngettext(
                    "%(n)s wrong code without a prefix of yours was tried in the hour from %(hour)s",
                    "%(n)s wrong codes without a prefix of yours were tried in the hour from %(hour)s",
                    rush.count,
                )
            )
            % said,
            cure=_(
                "Is there a misprint in a mail or on a leaflet? If not, somebody is guessing. Whoever tries too often "
                "is blocked by itself, and codes of twelve letters hold; a short code that many share does not: give "
                "it few uses and an early last day, or call it off."
            ),
            count=rush.count,
            url=reverse("admin:retention_campaigns_guess_changelist"),
        )


TROUBLES: dict[str, Callable[[datetime], Iterator[Trouble]]] = {
    "campaigns.coupons": coupons,
    "campaigns.guesses": guessing,
}


def load() -> None:
    """Register what can be broken in this app."""
    for name, find in TROUBLES.items():
        registry.troubles.add(name, find)
