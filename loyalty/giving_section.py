"""What the shop gives to causes, on the shopper's own page and on the thank-you page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from loyalty import giving_words
from loyalty.models import Cause, Pledge
from loyalty.services import causes, donations, giving
from retention import registry
from retention.models import Customer
from retention.money import to_minor
from retention.shop import OrderData


def section(request: HttpRequest, customer: Customer) -> Mapping[str, Any] | None:
    """Return what a customer's orders and points have given to each cause, and what an order gives.

    None without any cause.
    """
    now = timezone.now()  # noqa: TID251  (a section is the edge: the page gives it no clock)
    mine, by_points = giving.by_customer(customer), donations.by_customer(customer)
    pledges: dict[int, list[Pledge]] = defaultdict(list)
    for pledge in Pledge.objects.in_force(at=now).filter(cause__active=True).order_by("currency"):
        pledges[pledge.cause_id].append(pledge)
    shown = list(Cause.objects.filter(pk__in={*mine, *by_points, *pledges}).order_by("name"))
    if not shown:
        return None
    totals = causes.totals([cause.pk for cause in shown if cause.show_total])
    return {
        "template": "loyalty/giving.html",
        "causes": [
            {
                "name": cause.name,
                "words": cause.words,
                "url": cause.url,
                "mine": giving_words.mine(cause.name, mine[cause.pk]) if cause.pk in mine else "",
                "by_points": giving_words.by_points(cause.name, by_points[cause.pk]) if cause.pk in by_points else "",
                "total": giving_words.all_together(totals[cause.pk]) if cause.pk in totals else "",
                "promise": giving_words.promise(cause.name, pledges[cause.pk]) if cause.pk in pledges else "",
            }
            for cause in shown
        ],
    }


def thanks(order: OrderData) -> Sequence[str]:
    """Return what the order that was just placed gives, from what the shop says of it and nothing else."""
    given = giving.promised(
        currency=order.currency, items_minor=to_minor(order.items, order.currency), placed_at=order.placed_at
    )
    return [giving_words.thanks(pledge.cause.name, minor, order.currency) for pledge, minor in given]


def load() -> None:
    """Register the section, and the sentences of the thank-you page."""
    registry.account_pages.add("loyalty.giving", section)
    registry.thanks.add("loyalty.giving", thanks)
