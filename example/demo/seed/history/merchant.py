"""What the merchant sets up on the first day: goes live, switches journeys on, opens the points programme."""

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns.models import Journey
from campaigns.services import defaults, journeys
from loyalty.models import Programme, Tier, TierTable
from loyalty.services import programmes
from retention.services import installation

CURRENCY = settings.OSCAR_DEFAULT_CURRENCY
TIERS = (("Earthenware", 60_00), ("Stoneware", 160_00), ("Porcelain", 350_00))


def open_shop(*, at: datetime) -> None:
    """Do what a merchant does in the admin after installing; nothing of it is on by default."""
    installation.go_live(at=at)
    defaults.install(at=at)
    for journey in Journey.objects.order_by("pk"):
        journeys.switch(journey, Journey.State.ON, at=at)
    programme = Programme.objects.create(name=_("Clay points"), active=True)
    programmes.set_rate(programme, currency=CURRENCY, points=Decimal(1), worth=Decimal("0.05"), at=at)
    table = TierTable.objects.create(name=_("Friends of the workshop"), active=True, currency=CURRENCY)
    Tier.objects.bulk_create(
        Tier(table=table, rank=rank, name=name, threshold_minor=threshold)
        for rank, (name, threshold) in enumerate(TIERS, start=1)
    )
