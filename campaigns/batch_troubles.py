"""Batches of codes that stopped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.models import CouponBatch
from campaigns.services import batches
from retention import counts, registry
from retention.models import Job
from retention.registry import PanelAction, Trouble


def find(at: datetime) -> Iterator[Trouble]:
    """Yield each batch that stopped before all its codes were made, with why and a button that goes on."""
    for batch in CouponBatch.objects.filter(job__state=Job.State.FAILED).select_related("job").order_by("pk"):
        if batches.STOPPED in batch.job.parameters:
            continue
        named = {"name": batch.name, "made": counts.show(batch.job.done), "count": counts.show(batch.count)}
        last = (batch.job.log.strip().splitlines() or [""])[-1]
        yield Trouble(
            what=_("The codes “%(name)s” stopped at %(made)s of %(count)s. %(why)s") % {**named, "why": last},
            cure=_("Mend what the log says and go on: what is made stays, nothing is made twice."),
            url=reverse("admin:retention_campaigns_couponbatch_change", args=[batch.pk]),
            actions=[
                PanelAction(
                    label=_("Go on"),
                    url=reverse("admin:retention_campaigns_couponbatch_retry", args=[batch.pk]),
                    permission="retention_campaigns.issue_coupon",
                )
            ],
        )


def load() -> None:
    """Register the trouble."""
    registry.troubles.add("campaigns.batches", find)
