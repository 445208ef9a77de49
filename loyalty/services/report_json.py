"""The report as data, under the names by which policies and tier tables are compared."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from loyalty.models import Programme, TierTable
from loyalty.models.programme import Expires
from loyalty.models.tier import Metric
from loyalty.services import report


def build(*, until: datetime) -> dict[str, Any]:
    """Return points of the active programme, and tiers of the active table if it goes by spend. Raises SeveralTerms."""
    found: dict[str, Any] = {}
    programme = Programme.objects.filter(active=True).first()
    if programme is not None:
        found["points"] = _points(programme, until=until)
    table = TierTable.objects.filter(active=True, metric=Metric.SPEND).first()
    if table is not None:
        found["tiers"] = {f"T{table.window_days}": [_tiers(row) for row in report.tiers(table, until)]}
    return found


def _points(programme: Programme, *, until: datetime) -> dict[str, Any]:
    report.check_terms(programme)
    name, ends = report.name(programme), programme.expires != Expires.NEVER
    last = report.points(until, ends=ends)
    if name == "R4":
        return {
            "R4": {
                "balance": last.outstanding,
                "customers_with_balance": last.holders,
                "earned": last.earned,
                "redeemed": last.redeemed,
                "redemptions": last.redemptions,
            }
        }
    if name == "R5":
        return {"balance_R5_unexpired": last.outstanding, "earned_total": last.earned}
    found: dict[str, Any] = {
        "balance_total": {name: last.outstanding},
        "clawed_back": {name: last.clawed_back},
        "earned_total": last.earned,
        "outstanding_at_instant": {
            _show(at): {name: report.points(at, ends=ends).outstanding} for at in report.instants(until)
        },
    }
    if name == "R1":
        found["customers_zero_points_R1"] = sum(last.balances.get(one, 0) == 0 for one in report.buyers(until))
        found["top10_R1"] = report.numbers(last.balances)
    return found


def _tiers(row: report.TiersAt) -> dict[str, Any]:
    moves = {} if row.upgraded is None else {"upgraded": row.upgraded, "downgraded": row.downgraded}
    return {**row.counts, "as_of": _show(row.at), "members": row.members, **moves}


def _show(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
