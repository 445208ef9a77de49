"""Gifts on every so many orders, on the shopper's own page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from loyalty import gift_words, present_words, queries
from loyalty.models import Present, Task
from loyalty.services import gift_ways
from retention import registry
from retention.models import Customer

RECENT = 5


def section(request: HttpRequest, customer: Customer) -> Mapping[str, Any] | None:
    """Return what is promised, how far the next gift is, and the latest gifts. None where nothing is promised.

    A surprise is said to be there, and nothing else of it.
    """
    now = timezone.now()  # noqa: TID251  (a section is the edge: the page gives it no clock)
    found = gift_ways.progress(customer)
    given = _given(customer) if found else []
    if not any(one.in_force(now) for one, _, _ in found) and not given:
        return None
    terms = present_words.terms_of(
        [row.offer_id for row in given] + [version.offer_id for one, *_ in found for version in one.versions.values()]
    )
    rates = queries.worth_rates()
    numbers = queries.order_numbers(row.order for row in given if row.order)
    ways = [way for one, count, ahead in found if (way := gift_ways.way(one, count, ahead, at=now)) is not None]
    return {
        "template": "loyalty/gifts.html",
        "surprises": any(one.plan.surprise and one.in_force(now) for one, *_ in found),
        "ways": [
            {
                "pk": way.version.plan_id,
                "name": way.version.plan.name,
                "gift": present_words.what(way.version, terms, rates),
                "words": gift_words.way(way.missing),
                "done": way.done,
                "needed": way.done + way.missing,
                "promise": list(gift_words.promise(way.version, terms, rates)),
            }
            for way in ways
        ],
        "given": [
            {
                "what": present_words.what(row, terms, rates),
                "at": row.given_at,
                "order": numbers.get(row.order, row.order),
            }
            for row in given
        ],
    }


def _given(customer: Customer) -> list[Present]:
    rows = Present.objects.given().filter(customer=customer, version__isnull=False, version__plan__surprise=False)
    # what staff could not give, nobody has
    return list(rows.exclude(task__state=Task.State.DECLINED).order_by("-given_at", "-pk")[:RECENT])


def load() -> None:
    """Register the section."""
    registry.account_pages.add("loyalty.gifts", section)
