"""How fast mail goes out: an hour, a recipient's domain, and a day of the warm-up of a new sending domain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils.encoding import punycode

from retention.instants import resolve
from retention.models import DomainRate, Message, Sending, SendTally
from retention.services.quiet import zone_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WARM_UP_DAYS = 30
"""After so many days a warm-up is over where no rate an hour says when."""
KEPT = timedelta(days=3)
SERVICE = Message.Purpose.SERVICE

Taken = Counter[tuple[str, datetime]]
"""(scope, since) → how many."""

WHY = "rate"
"""What ``Message.deferred`` says of who waits for one."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """At most so many mails within one hour or day."""

    scope: str
    since: datetime
    until: datetime
    most: int

    @property
    def key(self) -> tuple[str, datetime]:
        return self.scope, self.since


def common(sending: Sending, *, at: datetime) -> list[Limit]:
    """Return the limits that all mail shares now."""
    limits = []
    if sending.per_hour is not None:
        limits.append(_hourly("hour", sending.per_hour, at))
    if of_the_day := warm_up(sending, at=at):
        limits.append(of_the_day)
    return limits


def _hourly(scope: str, most: int, at: datetime) -> Limit:
    since = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return Limit(scope=scope, since=since, until=since + HOUR, most=most)


def warm_up(sending: Sending, *, at: datetime) -> Limit | None:
    """Return the limit of this day of the shop's zone; None where there is no warm-up, or it is over."""
    if sending.warm_up_from is None:
        return None
    zone = zone_of("")
    today = at.astimezone(zone).date()
    most = warm_up_most(sending, (today - sending.warm_up_from).days)
    if most is None:
        return None
    since, until = (resolve(day, time(), zone) for day in (today, today + DAY))
    return Limit(scope="day", since=since, until=until, most=most)


def warm_up_most(sending: Sending, days: int) -> int | None:
    """Return how many mails may leave so many days after the first of a warm-up; None: it limits nothing.

    It doubles daily, and ends where it is more than the rate an hour lets through, or after thirty days.
    """
    if days < 0 or (sending.per_hour is None and days >= WARM_UP_DAYS):
        return None
    most = sending.warm_up_first * 2**days
    return None if sending.per_hour is not None and most > 24 * sending.per_hour else most


def room(limits: Sequence[Limit]) -> int | None:
    """Return how many mails may start before the first of these limits is reached; None where there is none."""
    if not limits:
        return None
    rows = SendTally.objects.filter(
        scope__in=[limit.scope for limit in limits], since__in=[limit.since for limit in limits]
    )
    # the day of a warm-up begins with an hour of its own
    taken = {(scope, since): count for scope, since, count in rows.values_list("scope", "since", "taken")}
    return max(0, min(limit.most - taken.get(limit.key, 0) for limit in limits))


class Rates:
    """What is left of each limit for a batch. Read by ``load`` and written by ``save``, both under one lock."""

    def __init__(self, messages: Sequence[Message], limits: Sequence[Limit], *, at: datetime) -> None:
        self._common = list(limits)
        self._rated: dict[int, Limit] = {}
        if rates := dict(DomainRate.objects.values_list("domain", "per_hour")):
            for message in messages:
                domain = domain_of(message.customer.email)
                if domain in rates:
                    self._rated[message.pk] = _hourly(f"domain:{domain}", rates[domain], at)
        self._before: Taken = Counter()
        self._waiting: Taken = Counter()
        self.taken: Taken = Counter()
        self._queued: Taken = Counter()

    def __bool__(self) -> bool:
        return bool(self._common or self._rated)

    def load(self) -> None:
        """Read what is taken of each limit, and roughly how many mails wait for each later hour of a domain."""
        limits = [*self._common, *self._rated.values()]
        domains = {_queue(limit) for limit in self._rated.values()}
        rows = SendTally.objects.filter(
            scope__in={limit.scope for limit in limits} | domains, since__gte=min(limit.since for limit in limits)
        )
        for scope, since, taken in rows.values_list("scope", "since", "taken"):
            (self._waiting if scope in domains else self._before)[scope, since] = taken

    def until(self, message: Message) -> datetime | None:
        """Return when this mail should be looked at again; None where there is room for it now."""
        full = [limit for limit in self._common if not self._left(limit)]
        if full:
            return max(limit.until for limit in full)
        rated = self._rated.get(message.pk)
        if rated is None or self._left(rated):
            return None
        return self._line_up(message, rated)

    def take(self, message: Message) -> datetime | None:
        """Take a place for this mail. Returns until when it is good; None: for ever."""
        limits = [*self._common, *([self._rated[message.pk]] if message.pk in self._rated else [])]
        self.taken.update(limit.key for limit in limits)
        return min((limit.until for limit in limits), default=None)

    def save(self) -> None:
        """Write down what was taken, and who waits for which hour."""
        _add(self.taken + self._queued)

    def give_back(self, messages: Sequence[Message]) -> None:
        """Free the places of mails that did not start after all."""
        unused: Taken = Counter()
        for message in messages:
            unused.update(limit.key for limit in self._common)
            if message.pk in self._rated:
                unused[self._rated[message.pk].key] += 1
        for (scope, since), count in unused.items():
            SendTally.objects.filter(scope=scope, since=since).update(taken=Greatest(F("taken") - count, 0))

    def _left(self, limit: Limit) -> int:
        return max(0, limit.most - self._before[limit.key] - self.taken[limit.key])

    def _line_up(self, message: Message, limit: Limit) -> datetime:
        """Return a time in the first later hour that is not full of others who wait: a hundred thousand mails must not
        wake each hour to find room for a hundred. Service mail, and who has waited before, stands at the front."""
        if message.purpose == SERVICE or message.deferred == WHY:
            return limit.until
        queue, since = _queue(limit), limit.until
        while (ahead := self._waiting[queue, since] + self._queued[queue, since]) >= limit.most:
            since += HOUR
        self._queued[queue, since] += 1
        return since + HOUR / 2 * ahead / limit.most  # in its first half, so that who comes late is not too late


def _queue(limit: Limit) -> str:
    return limit.scope.replace("domain:", "queue:", 1)


def domain_of(email: str) -> str:
    """Return the domain of an address as DNS knows it, e.g. ``xn--mnchen-3ya.de``."""
    domain = email.strip().rpartition("@")[2].lower().rstrip(".")
    try:
        return punycode(domain)
    except UnicodeError:
        return domain


def _add(taken: Taken) -> None:
    if not taken:
        return
    table = connection.ops.quote_name(SendTally._meta.db_table)
    places = ", ".join(["(%s, %s, %s)"] * len(taken))
    values: list[Any] = [value for (scope, since), count in taken.items() for value in (scope, _adapt(since), count)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (scope, since, taken) VALUES {places} "
            f"ON CONFLICT (scope, since) DO UPDATE SET taken = {table}.taken + excluded.taken",
            values,
        )


def _adapt(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def prune(*, at: datetime) -> int:
    """Delete what was taken of hours and days that are over."""
    return SendTally.objects.filter(since__lt=at - KEPT).delete()[0]
