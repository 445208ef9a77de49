"""What a tier table does, sentence by sentence, for staff."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty import queries, tier_words
from loyalty.models import Tier, TierTable
from loyalty.models.tier import Down, Metric, Term, Window
from retention import counts


def sentences(table: TierTable, fit: Mapping[int | None, int]) -> Iterator[str]:
    """Yield what a table does. ``fit``: tier id (None: below the first) → how many stand in it today."""
    if not table.active:
        yield _("It is not active: nobody is moved by it.")
    everybody = sum(fit.values())
    ladder = queries.ladder(table)
    for tier in ladder:
        yield _becomes(table, tier, fit.get(tier.pk, 0), everybody)
    for tier in ladder:
        if tier.keeps < tier.threshold_minor:
            keep = tier_words.amount(tier.keeps, metric=table.metric, currency=table.currency)
            yield _("%(keep)s keeps %(tier)s.") % {"keep": keep, "tier": tier.name}
    yield _kept(table)
    if table.term != Term.NONE or table.grace_days:
        yield (
            _("Who does not keep a tier goes down one step.")
            if table.down == Down.STEP
            else _("Who does not keep a tier goes down to the one that fits.")
        )
    if table.notice_days:
        yield ngettext(
            "%(n)s day before a tier is lost its holder gets a mail that says what keeps it.",
            "%(n)s days before a tier is lost its holder gets a mail that says what keeps it.",
            table.notice_days,
        ) % {"n": table.notice_days}
    yield _counting(table)
    for tier in ladder:
        for benefit in queries.benefits(tier):
            yield _("%(tier)s gives: %(benefit)s.") % {"tier": tier.name, "benefit": tier_words.benefit(benefit)}


def _becomes(table: TierTable, tier: Tier, count: int, everybody: int) -> str:
    words = {
        "amount": tier_words.amount(tier.threshold_minor, metric=table.metric, currency=table.currency),
        "days": table.window_days,
        "tier": tier.name,
        "count": counts.show(count),
        "all": counts.show(everybody),
    }
    if table.metric == Metric.SPEND and table.window == Window.ROLLING:
        return (
            ngettext(
                "A customer who spends %(amount)s in %(days)s day becomes %(tier)s; "
                "today that is %(count)s of %(all)s.",
                "A customer who spends %(amount)s in %(days)s days becomes %(tier)s; "
                "today that is %(count)s of %(all)s.",
                table.window_days,
            )
            % words
        )
    if table.window == Window.ROLLING:
        return (
            ngettext(
                "A customer with %(amount)s in %(days)s day becomes %(tier)s; today that is %(count)s of %(all)s.",
                "A customer with %(amount)s in %(days)s days becomes %(tier)s; today that is %(count)s of %(all)s.",
                table.window_days,
            )
            % words
        )
    if table.window == Window.CALENDAR:
        return (
            _("A customer with %(amount)s in a calendar year becomes %(tier)s; today that is %(count)s of %(all)s.")
            % words
        )
    return _("A customer with %(amount)s in all becomes %(tier)s; today that is %(count)s of %(all)s.") % words


def _kept(table: TierTable) -> str:
    if table.term == Term.DAYS:
        days = table.term_days or 0
        text = ngettext(
            "A tier is kept for %(n)s day, and then again if what keeps it is reached.",
            "A tier is kept for %(n)s days, and then again if what keeps it is reached.",
            days,
        ) % {"n": days}
    elif table.term == Term.YEAR:
        text = _("A tier is kept to the end of the calendar year after the one in which it was reached.")
    elif table.window == Window.CALENDAR:
        text = _("On 1 January everybody begins anew.")
    else:
        text = _("A tier is kept for as long as what keeps it is reached.")
    if table.grace_days:
        text += " " + ngettext(
            "After that it can be saved for %(n)s day more.",
            "After that it can be saved for %(n)s days more.",
            table.grace_days,
        ) % {"n": table.grace_days}
    return text


def _counting(table: TierTable) -> str:
    if table.metric == Metric.ORDERS:
        return _("Orders count once they are paid; cancelled ones and those that were paid back in full do not.")
    if table.metric == Metric.POINTS:
        return _(
            "Points count that orders earned, from the day on which they can be spent; refunds count against. "
            "Spending points, their end and gifts change nothing."
        )
    return _("Refunds count against, cancelled orders and other currencies do not count.")
