"""What a claimed mail may have to wait for: quiet hours, caps, rates. It is due again then, and nothing is lost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import F

from retention.locks import one_at_a_time
from retention.models import Message, Sending
from retention.rows import Among
from retention.services import outbox, quiet, rates
from retention.services.caps import Caps
from retention.services.rates import Limit, Rates

State = Message.State
SERVICE = Message.Purpose.SERVICE

QUIET, CAP = "quiet hours", "cap"
"""What ``Message.deferred`` says; of rates it is ``rates.WHY``."""


@dataclass(kw_only=True)
class Going:
    """The mails of a batch that may start now; their places under caps and rates are taken."""

    rates: Rates
    messages: list[Message] = field(default_factory=list)
    until: dict[int, datetime] = field(default_factory=dict)
    """Message id → from when on it may not start any more."""
    later: dict[int, tuple[datetime, str]] = field(default_factory=dict)
    """Message id → when it is due again, and what it waits for."""


def hold(messages: Sequence[Message], *, sending: Sending, limits: Sequence[Limit], at: datetime) -> Going:
    """Put off the claimed mails that have to wait; return the others. Who is more urgent comes first in ``messages``.

    Counting what others have taken and taking a place happen under one lock, so that two workers never take the same.
    ``limits`` are those that all mail shares.
    """
    caps, going = Caps(messages), Going(rates=Rates(messages, limits, at=at))
    counted = caps or going.rates
    with one_at_a_time("retention.hold", wait=True) if counted else transaction.atomic():
        if caps:
            caps.load(at=at)
        if going.rates:
            going.rates.load()
        _sort(messages, caps, going, sending=sending, at=at)
        if caps and going.messages:
            # another worker counts them from now on
            ids = [message.pk for message in going.messages if message.purpose == Message.Purpose.MARKETING]
            mine = Message.objects.filter(Among(F("pk"), ids), state=State.CLAIMED, owner=messages[0].owner)
            mine.update(started_at=at)
        going.rates.save()
        if going.later:
            outbox.put_off(messages[0].owner, going.later, at=at)
    return going


def _sort(messages: Sequence[Message], caps: Caps, going: Going, *, sending: Sending, at: datetime) -> None:
    hours = quiet.hours(sending)
    for message in messages:
        zone = None
        if hours and message.purpose != SERVICE:
            zone = quiet.zone_of(message.customer.zone)
            if until := quiet.ends(at, zone, hours):
                going.later[message.pk] = until, QUIET
                continue
        if until := caps.until(message, at=at):
            going.later[message.pk] = until, CAP
            continue
        if until := going.rates.until(message):
            going.later[message.pk] = until, rates.WHY
            continue
        caps.note(message, at=at)
        good = [going.rates.take(message)]
        if hours and zone:
            good.append(quiet.begins(at, zone, hours))
        if ends := [end for end in good if end]:
            going.until[message.pk] = min(ends)
        going.messages.append(message)


def release(going: Going, *, started: Collection[int]) -> None:
    """Give back the places of mails that did not start after all."""
    idle = [message for message in going.messages if message.pk not in started]
    if idle and going.rates:
        going.rates.give_back(idle)
