"""What of tiers can be wrong, each with its cure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.models import Task, TierBenefit, TierTable
from loyalty.models.tier import Metric
from loyalty.services.tier_benefits import TASK
from retention import registry
from retention.models import Order
from retention.registry import Trouble


def find(at: datetime) -> Iterator[Trouble]:
    """Yield everything of tiers that staff should look at."""
    yield from _currencies()
    yield from _offers()
    late = Task.objects.filter(kind=TASK, state=Task.State.OPEN, due_at__lt=at).count()
    if late:
        yield Trouble(
            what=ngettext(
                "%(n)s thing that a tier gives should have been arranged by now",
                "%(n)s things that tiers give should have been arranged by now",
                late,
            )
            % {"n": late},
            cure=_("Arrange them and mark them as done, or say that they cannot be given."),
            count=late,
            url=reverse("admin:retention_loyalty_task_changelist") + "?state__exact=open&kind=" + TASK,
        )


def _currencies() -> Iterator[Trouble]:
    for table in TierTable.objects.filter(active=True, metric=Metric.SPEND):
        if Order.objects.exists() and not Order.objects.filter(currency=table.currency).exists():
            yield Trouble(
                what=_("The tier table “%(name)s” counts what is spent in %(currency)s, and nobody orders in it")
                % {"name": table.name, "currency": table.currency},
                cure=_("Give it the currency of the shop: nobody reaches a tier like this."),
                url=reverse("admin:retention_loyalty_tiertable_change", args=[table.pk]),
            )


def _offers() -> Iterator[Trouble]:
    rows = TierBenefit.objects.filter(active=True, tier__table__active=True, offer__active=False)
    for benefit in rows.select_related("tier", "offer").order_by("pk"):
        assert benefit.offer is not None
        yield Trouble(
            what=_("The tier %(tier)s gives a coupon of the offer “%(offer)s”, which is off")
            % {"tier": benefit.tier.name, "offer": benefit.offer.name},
            cure=_("Switch the offer on, or give the tier another: until then nobody gets it."),
            url=reverse("admin:retention_loyalty_tiertable_change", args=[benefit.tier.table_id]),
        )


def load() -> None:
    """Register the troubles of tiers."""
    registry.troubles.add("loyalty.tiers", find)
