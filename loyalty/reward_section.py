"""Rewards on the shopper's own page, and points in the basket."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from loyalty import queries, reward_words, showing
from loyalty.models import Account, Claim
from loyalty.services import rewards, using
from loyalty.views.rewards import NUDGE
from retention.models import Customer
from retention.money import for_a_field, show
from retention.services import prompts


def section(request: HttpRequest, customer: Customer) -> Mapping[str, Any] | None:
    """Return what the section shows: what points can buy, what is in the way of the rest, what is claimed already.

    None where there is nothing of that.
    """
    now = timezone.now()  # noqa: TID251  (a section is the edge: the page gives it no clock)
    account = queries.account(customer)
    choices = rewards.choices(customer, account, at=now)
    claimed = []
    if account:
        mine = Claim.objects.filter(account=account, state=Claim.State.RESERVED).select_related("reward", "coupon")
        claimed = list(mine.order_by("pk"))
    if not choices and not claimed:
        return None
    rates = queries.worth_rates()
    cards, basket = reward_words.cards(choices, rates), _basket(request, customer, at=now)
    if not (cards or claimed or basket):  # points for a basket, and none to use them in
        return None
    return {
        "template": "loyalty/rewards.html",
        "cards": cards,
        "claimed": reward_words.standing(claimed, rates),
        "basket": basket,
        "key": uuid.uuid4().hex,
    }


def _basket(request: HttpRequest, customer: Customer, *, at: datetime) -> dict[str, Any] | None:
    found = using.room(request, customer, at=at)
    if found is None:
        return None
    currency = found.rate.currency
    return {
        "points": found.points,
        "cost": reward_words.points(found.points),
        "worth": show(found.worth_minor, currency),
        "amount": for_a_field(found.worth_minor, currency) if showing.is_money(found.rate, found.running) else "",
        "in_it": showing.amount(found.in_it, found.rate, found.running) if found.in_it else "",
        "key": uuid.uuid4().hex,
    }


def nudge(request: HttpRequest, at: datetime) -> Mapping[str, Any] | None:
    """Return what is shown in the basket of a member whose points could pay for a part of it; None where none could,
    they are in it, or the member has said no."""
    if not request.user.is_authenticated:
        return None
    # most pages are of people without points: for them it is one look
    account = Account.objects.filter(customer__user=request.user.pk, balance__gt=F("held"), left_at=None)
    if (mine := account.select_related("customer").first()) is None:
        return None
    customer = mine.customer
    found = _basket(request, customer, at=at)
    if found is None or found["in_it"]:
        return None
    if not prompts.wanted(name=NUDGE, order="", email=customer.email, at=at):
        return None
    return {"template": "loyalty/points_nudge.html", **found}
