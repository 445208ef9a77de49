"""From when on something counts for a tier, and until when a tier is kept: arithmetic on the shop's calendar.

Terms end, and days of grace begin, with a day of the shop's zone, so that the last day is a whole one.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from campaigns.validity import begin_of, zone
from loyalty.models.tier import Term, Window
from loyalty.services.tier_rules import Rules

DAY = timedelta(days=1)
EVER = datetime(1, 1, 2, tzinfo=UTC)
"""Before anything that can have happened."""


def _day(at: datetime) -> date:
    return at.astimezone(zone()).date()


def day_end(at: datetime, *, days: int = 0) -> datetime:
    """Return the first instant after the day that ``at`` is in, and ``days`` more, UTC."""
    return begin_of(_day(at) + timedelta(days=days + 1)).astimezone(UTC)


def day_start(at: datetime) -> datetime:
    """Return the first instant of the day that ``at`` is in, UTC."""
    return begin_of(_day(at)).astimezone(UTC)


def year_start(at: datetime, *, years: int = 0) -> datetime:
    """Return the first instant of the year that ``at`` is in, or of one so many years later, UTC."""
    return begin_of(date(_day(at).year + years, 1, 1)).astimezone(UTC)


def since(rules: Rules, *, at: datetime) -> datetime:
    """Return from when on things count at ``at``."""
    if rules.window == Window.ROLLING:
        return at - timedelta(days=rules.window_days)
    return year_start(at) if rules.window == Window.CALENDAR else EVER


def since_judged(rules: Rules, *, at: datetime) -> datetime:
    """Return from when on things may keep a tier at ``at``: where a year's tier is kept to the end of the next, the
    year before counts too."""
    return year_start(at, years=-1) if rules.looks_back else since(rules, at=at)


def term_end(rules: Rules, *, at: datetime) -> datetime:
    """Return until when a tier that is reached at ``at`` is kept; without terms, ``at`` itself."""
    if rules.term == Term.DAYS:
        return day_end(at, days=rules.term_days or 0)
    return year_start(at, years=2) if rules.term == Term.YEAR else at


def fallen(rules: Rules, *, at: datetime) -> datetime:
    """Return from when on the grace of somebody runs who is seen below what keeps their tier at ``at``."""
    return day_end(at) if rules.grace_days else at


def with_grace(rules: Rules, until: datetime) -> datetime:
    """Return when a tier that is kept until then is lost."""
    return _shift(until, rules.grace_days)


def without_grace(rules: Rules, at: datetime) -> datetime:
    """Return the ends of terms whose grace is over at ``at``: all up to the one that is returned."""
    return _shift(at, -rules.grace_days)


def _shift(at: datetime, days: int) -> datetime:
    """Go so many days on by the clock on the wall, whatever summer time does."""
    if not days:
        return at
    local = at.astimezone(zone())
    moved = datetime.combine(local.date() + timedelta(days=days), time(local.hour, local.minute, local.second))
    return moved.replace(microsecond=local.microsecond, tzinfo=zone()).astimezone(UTC)


def last_day(until: datetime) -> date:
    """Return the last whole day before an instant."""
    return _day(until - timedelta(microseconds=1))
