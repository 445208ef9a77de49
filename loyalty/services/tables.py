"""Whether a tier table makes sense, in words for who edits it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.db.models import Count, Exists, OuterRef
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty import tier_words
from loyalty.models import Tier, TierGrant, TierName
from loyalty.models.tier import Metric
from retention import counts
from retention.models import Order


@dataclass(frozen=True, kw_only=True, slots=True)
class Rung:
    """One tier as it was written. Amounts are minor units, orders or points, by the metric."""

    rank: int
    name: str
    threshold_minor: int
    keep_minor: int | None = None

    @property
    def keeps(self) -> int:
        return self.threshold_minor if self.keep_minor is None else self.keep_minor


def mistakes(rungs: Sequence[Rung], *, metric: str = Metric.SPEND, currency: str = "") -> list[str]:
    """Return a sentence for each thing wrong with a table; none for a good one."""
    if not rungs:
        return [_("A tier table needs at least one tier.")]
    return [*_ranks(rungs), *_names(rungs), *_ladder(rungs, metric=metric, currency=currency)]


def _ranks(rungs: Sequence[Rung]) -> Iterator[str]:
    ranks = Counter(rung.rank for rung in rungs)
    for rank, times in sorted(ranks.items()):
        if times > 1:
            yield _("Rank %(rank)s is given to %(times)s tiers.") % {"rank": rank, "times": times}
    missing = sorted(set(range(1, len(ranks) + 1)) - set(ranks))
    if missing:
        yield _("Ranks count from 1 without a gap; missing: %(ranks)s.") % {"ranks": ", ".join(map(str, missing))}


def _names(rungs: Sequence[Rung]) -> Iterator[str]:
    names = Counter(rung.name.strip().casefold() for rung in rungs)
    for name, rung in {rung.name.strip().casefold(): rung for rung in rungs}.items():
        if names[name] > 1:
            yield _("Two tiers are called “%(name)s”.") % {"name": rung.name}


def _ladder(rungs: Sequence[Rung], *, metric: str, currency: str) -> Iterator[str]:
    def show(number: int) -> str:
        return tier_words.amount(number, metric=metric, currency=currency)

    ladder = sorted(rungs, key=lambda rung: rung.rank)
    for rung in ladder:
        if rung.keeps > rung.threshold_minor:
            yield _("“%(tier)s” begins at %(begin)s and cannot ask for more, %(keep)s, to be kept.") % {
                "tier": rung.name,
                "begin": show(rung.threshold_minor),
                "keep": show(rung.keeps),
            }
    for lower, upper in pairwise(ladder):
        words = {
            "lower": lower.name,
            "low": show(lower.threshold_minor),
            "upper": upper.name,
            "high": show(upper.threshold_minor),
        }
        if upper.threshold_minor == lower.threshold_minor:
            yield (
                _("“%(lower)s” and “%(upper)s” begin at the same spend, %(low)s.") % words
                if metric == Metric.SPEND
                else _("“%(lower)s” and “%(upper)s” begin at the same number, %(low)s.") % words
            )
        elif upper.threshold_minor < lower.threshold_minor:
            yield _("“%(upper)s” stands above “%(lower)s” but begins at less: %(high)s against %(low)s.") % words
        elif upper.keeps < lower.keeps:
            yield _("“%(upper)s” stands above “%(lower)s” but is kept from less: %(high)s against %(low)s.") % {
                **words,
                "high": show(upper.keeps),
                "low": show(lower.keeps),
            }


def note_names(renamed: Mapping[int, str]) -> None:
    """Keep what tiers were called before: tier id → its old name. In one table a name of before is that of one tier."""
    for pk, name in renamed.items():  # of one page: a handful
        TierName.objects.filter(tier__table__tiers=pk, name__iexact=name).delete()
    TierName.objects.bulk_create(TierName(tier_id=pk, name=name) for pk, name in renamed.items())


def why_kept(tiers: Collection[int]) -> list[str]:
    """Return a sentence for each of these tiers that cannot be deleted, and what to do instead: one query."""
    if not tiers:
        return []
    given = Exists(TierGrant.objects.filter(benefit__tier=OuterRef("pk")))
    rows: Any = Tier.objects.filter(pk__in=tiers).annotate(people=Count("memberships"), given=given).order_by("rank")
    cure = _("Make another table without it, and make that one the active one: everybody is then placed anew.")
    said = []
    for tier in rows:
        words = {"tier": tier.name, "n": counts.show(tier.people)}
        if tier.people:
            sentence = ngettext(
                "%(n)s customer stands in “%(tier)s”, so it cannot be deleted.",
                "%(n)s customers stand in “%(tier)s”, so it cannot be deleted.",
                tier.people,
            )
        elif tier.given:
            sentence = _("“%(tier)s” has given customers its benefits, which are kept with it; it cannot be deleted.")
        else:
            continue
        said.append(f"{sentence % words} {cure}")
    return said


def currency_mistake(currency: str) -> str:
    """Return a sentence where orders are known and none of them is in this currency; empty where that is fine."""
    if not currency or Order.objects.filter(currency=currency).exists():
        return ""
    known = sorted(set(Order.objects.order_by().values_list("currency", flat=True).distinct()[:10]))
    if not known:
        return ""
    return _("Nobody has ordered in %(currency)s; orders are in %(known)s.") % {
        "currency": currency,
        "known": ", ".join(known),
    }
