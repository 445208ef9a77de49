"""The report in words, a line each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _

from loyalty.models import Programme, TierTable
from loyalty.models.programme import Expires
from loyalty.models.tier import Metric
from loyalty.services import report
from retention import counts


def of(*, until: datetime) -> Iterator[str]:
    """Yield points, then tiers, at each instant. Raises SeveralTerms."""
    programme = Programme.objects.filter(active=True).first()
    if programme is None:
        yield _("No programme is active.")
    else:
        report.check_terms(programme)
        yield _("Points by the programme “%(name)s”") % {"name": programme.name}
        ends = programme.expires != Expires.NEVER
        for at in report.instants(until):
            yield _points(report.points(at, ends=ends))
    table = TierTable.objects.filter(active=True).first()
    if table is None:
        yield _("No tier table is active.")
        return
    if table.metric != Metric.SPEND:
        yield _("The tier table “%(name)s” does not go by spend: the report leaves it out.") % {"name": table.name}
        return
    yield _("Tiers by the table “%(name)s”, by what makes a tier begin") % {"name": table.name}
    for row in report.tiers(table, until):
        yield _tiers(row)


def _points(found: report.PointsAt) -> str:
    return _(
        "%(at)s: to spend %(outstanding)s (customers: %(holders)s); earned %(earned)s, taken back %(back)s, "
        "spent %(spent)s, ended %(ended)s."
    ) % {
        "at": _show(found.at),
        "outstanding": counts.show(found.outstanding),
        "holders": counts.show(found.holders),
        "earned": counts.show(found.earned),
        "back": counts.show(found.clawed_back),
        "spent": counts.show(found.redeemed),
        "ended": counts.show(found.expired),
    }


def _tiers(row: report.TiersAt) -> str:
    text = _("%(at)s: customers %(members)s; %(tiers)s") % {
        "at": _show(row.at),
        "members": counts.show(row.members),
        "tiers": ", ".join(f"{name} {counts.show(many)}" for name, many in row.counts.items()),
    }
    if row.upgraded is None or row.downgraded is None:
        return text
    return text + "; " + _("%(up)s up, %(down)s down") % {
        "up": counts.show(row.upgraded), "down": counts.show(row.downgraded),
    }  # fmt: skip


def _show(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
