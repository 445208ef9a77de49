"""How often one person may get marketing mail, over all journeys: the merchant's caps and the person's own wish."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import F

from retention.models import MailCap, Message, Preference
from retention.rows import Among
from retention.services import wishes

MARKETING = Message.Purpose.MARKETING

Limit = tuple[int, timedelta]
"""So many attempts within so long."""


class Caps:
    """What holds for the people of a batch. Attempts are read by ``load``, under the lock that makes them exact."""

    def __init__(self, messages: Sequence[Message]) -> None:
        asked = {message.customer.address: message for message in messages if message.purpose == MARKETING}
        self.addresses = [address for address in asked if address]
        self._common: list[Limit] = []
        self._wished: dict[str, list[tuple[int | None, Limit]]] = {}
        self._attempts: dict[str, dict[int, datetime]] = {}
        if not self.addresses:
            return
        self._common = [(most, timedelta(days=days)) for most, days in MailCap.objects.values_list("most", "days")]
        self._read_wishes()

    def _read_wishes(self) -> None:
        """One mail in so many days, for everybody with the address; of an unproven account for that account alone."""
        rows = Preference.objects.filter(
            Among(F("customer__address"), self.addresses), every_days__gt=0
        ).select_related("customer")
        for wish in rows:
            customer = wish.customer
            limit = (1, timedelta(days=wish.every_days))
            self._wished.setdefault(customer.address, []).append(
                (None if wishes.speaks(customer) else customer.pk, limit)
            )

    def __bool__(self) -> bool:
        return bool(self.addresses and (self._common or self._wished))

    def load(self, *, at: datetime) -> None:
        """Read when these people were last written to. An attempt counts, whatever came of it."""
        limits = [*self._common, *(limit for some in self._wished.values() for _, limit in some)]
        longest = max(days for _, days in limits)
        rows = Message.objects.filter(
            Among(F("customer__address"), self.addresses), purpose=MARKETING, started_at__gt=at - longest
        )
        for pk, address, started in rows.values_list("pk", "customer__address", "started_at"):
            assert started is not None  # of the filter above
            self._attempts.setdefault(address, {})[pk] = started

    def until(self, message: Message, *, at: datetime) -> datetime | None:
        """Return the earliest time at which this mail fits; None where it fits now."""
        if message.purpose != MARKETING:
            return None
        address = message.customer.address
        before = self._attempts.get(address, {})
        # an earlier attempt of this very mail is no other mail
        times = sorted((started for pk, started in before.items() if pk != message.pk), reverse=True)
        fits = [times[most - 1] + days for most, days in self._limits(message) if len(times) >= most]
        latest = max(fits, default=at)
        return latest if latest > at else None

    def note(self, message: Message, *, at: datetime) -> None:
        """Count this mail, so that the next of the batch to the same person is judged by it."""
        if message.purpose == MARKETING:
            self._attempts.setdefault(message.customer.address, {})[message.pk] = at

    def _limits(self, message: Message) -> list[Limit]:
        wished = self._wished.get(message.customer.address, ())
        return [*self._common, *(limit for whose, limit in wished if whose in (None, message.customer_id))]
