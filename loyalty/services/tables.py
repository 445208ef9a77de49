"""Whether a tier table makes sense, in words for who edits it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.utils.translation import gettext as _

from retention.money import show


@dataclass(frozen=True, kw_only=True, slots=True)
class Rung:
    rank: int
    name: str
    threshold_minor: int


def mistakes(rungs: Sequence[Rung], *, currency: str) -> list[str]:
    """Return a sentence for each thing wrong with a table; none for a good one. Amounts in minor units."""
    if not rungs:
        return [_("A tier table needs at least one tier.")]
    found = []
    ranks = Counter(rung.rank for rung in rungs)
    for rank, times in sorted(ranks.items()):
        if times > 1:
            found.append(_("Rank %(rank)s is given to %(times)s tiers.") % {"rank": rank, "times": times})
    missing = sorted(set(range(1, max(ranks) + 1)) - set(ranks))
    if missing:
        found.append(
            _("Ranks count from 1 without a gap; missing: %(ranks)s.") % {"ranks": ", ".join(map(str, missing))}
        )
    names = Counter(rung.name.strip().casefold() for rung in rungs)
    found += [
        _("Two tiers are called “%(name)s”.") % {"name": rung.name}
        for rung in {rung.name.strip().casefold(): rung for rung in rungs}.values()
        if names[rung.name.strip().casefold()] > 1
    ]
    ladder = sorted(rungs, key=lambda rung: rung.rank)
    for lower, upper in pairwise(ladder):
        words = {
            "lower": lower.name,
            "low": show(lower.threshold_minor, currency),
            "upper": upper.name,
            "high": show(upper.threshold_minor, currency),
        }
        if upper.threshold_minor == lower.threshold_minor:
            found.append(_("“%(lower)s” and “%(upper)s” begin at the same spend, %(low)s.") % words)
        elif upper.threshold_minor < lower.threshold_minor:
            found.append(
                _("“%(upper)s” stands above “%(lower)s” but begins at less: %(high)s against %(low)s.") % words
            )
    return found
