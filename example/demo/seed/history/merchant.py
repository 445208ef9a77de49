"""What the merchant sets up on the first day: journeys switched on, a code for everybody, points and tiers."""

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns.models import Journey, Segment, SegmentRule
from campaigns.services import defaults, journeys, offers, sharing
from campaigns.services.limits import Cap, Measure
from campaigns.terms import Kind, Money, Terms
from loyalty.models import Programme, Tier, TierTable
from loyalty.services import programmes
from retention.services import installation

CURRENCY = settings.OSCAR_DEFAULT_CURRENCY
CODE = "CLAY"
TIERS = (("Earthenware", 60_00), ("Stoneware", 160_00), ("Porcelain", 350_00))


def open_shop(*, at: datetime) -> None:
    """Do what a merchant does in the admin after installing; nothing of it is on by default."""
    installation.go_live(at=at)
    installation.settle_consents(by="demo", at=at)
    defaults.install(at=at)
    for journey in Journey.objects.order_by("pk"):
        journeys.switch(journey, Journey.State.ON, at=at)
    _share_a_code(at)
    _ask_who_is_quiet(at)
    programme = Programme.objects.create(name=_("Clay points"), active=True)
    programmes.set_rate(programme, currency=CURRENCY, points=Decimal(1), worth=Decimal("0.05"), at=at)
    table = TierTable.objects.create(name=_("Friends of the workshop"), active=True, currency=CURRENCY)
    Tier.objects.bulk_create(
        Tier(table=table, rank=rank, name=name, threshold_minor=threshold)
        for rank, (name, threshold) in enumerate(TIERS, start=1)
    )


def _share_a_code(at: datetime) -> None:
    """A code for everybody, as merchants print it on a leaflet: so often in all, and for so much a month."""
    terms = Terms(
        kind=Kind.AMOUNT,
        valid_days=3 * 365,
        money=(Money(currency=CURRENCY, amount=5_00, minimum=25_00),),
        per_customer=1,
        exclusive=False,
    )
    caps = [Cap(measure=Measure.DISCOUNT, period="month", currency=CURRENCY, most=500_00)]
    offer = offers.create(slug="leaflet", name=_("Leaflet"), terms=terms, caps=caps, at=at)
    sharing.share(offer, sharing.look(offer, code=CODE, cap=200, at=at), key="leaflet", source="demo", at=at)


def _ask_who_is_quiet(at: datetime) -> None:
    """A segment to look at: members who have not ordered for a while."""
    segment = Segment.objects.create(slug="quiet", name=_("Quiet for 90 days"), created_at=at)
    SegmentRule.objects.create(segment=segment, name="campaigns.not_ordered_for", parameters={"days": 90})
