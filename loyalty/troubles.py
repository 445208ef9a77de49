"""What of loyalty can be wrong, each with its cure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.models import Account, OrderAward, Programme, Rate, Tier, TierTable
from retention import registry
from retention.registry import Trouble

RECENT = timedelta(days=30)


def find(at: datetime) -> Iterator[Trouble]:
    """Yield everything of loyalty that staff should look at."""
    yield from _rates()
    yield from _unrated(at)
    yield from _outstanding()
    yield from _tables()


def _rates() -> Iterator[Trouble]:
    rated = Rate.objects.current().filter(programme=OuterRef("pk"))
    for programme in Programme.objects.filter(active=True).exclude(Exists(rated)):
        yield Trouble(
            what=_("The programme “%(name)s” is active and has no rate: nothing earns") % {"name": programme.name},
            cure=_("Give it a rate for each currency of the shop."),
            url=reverse("admin:retention_loyalty_programme_change", args=[programme.pk]),
        )


def _unrated(at: datetime) -> Iterator[Trouble]:
    rows = OrderAward.objects.without_rate().filter(settled_at__gte=at - RECENT)
    for currency, count in rows.order_by("currency").values_list("currency").annotate(n=Count("pk")):
        yield Trouble(
            what=ngettext(
                "%(count)s order in %(currency)s earned nothing: the programme has no rate for it",
                "%(count)s orders in %(currency)s earned nothing: the programme has no rate for it",
                count,
            )
            % {"count": count, "currency": currency},
            cure=_("Give the programme a rate for this currency; these orders then earn within the hour."),
            count=count,
            url=reverse("admin:retention_loyalty_orderaward_changelist") + f"?currency={currency}",
        )


def _outstanding() -> Iterator[Trouble]:
    if Programme.objects.filter(active=True).exists():
        return
    holders = Account.objects.filter(balance__gt=0).count()
    if holders:
        yield Trouble(
            what=ngettext(
                "No programme is active, and %(count)s customer holds points",
                "No programme is active, and %(count)s customers hold points",
                holders,
            )
            % {"count": holders},
            cure=_("Their points stay as they are, new orders earn nothing. Switch a programme on, or leave it so."),
            count=holders,
            url=reverse("admin:retention_loyalty_programme_changelist"),
        )


def _tables() -> Iterator[Trouble]:
    for table in TierTable.objects.filter(active=True).exclude(Exists(Tier.objects.filter(table=OuterRef("pk")))):
        yield Trouble(
            what=_("The tier table “%(name)s” is active and has no tier") % {"name": table.name},
            cure=_("Add its tiers, or switch it off."),
            url=reverse("admin:retention_loyalty_tiertable_change", args=[table.pk]),
        )


def load() -> None:
    """Register the troubles of this app."""
    registry.troubles.add("loyalty", find)
