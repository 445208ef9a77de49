"""Challenges on the shopper's own page: what can be joined, how far each is, what came of those that ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import goods_words
from campaigns.goods_words import Titles
from loyalty import challenge_words, present_words, queries
from loyalty.models import Challenge, ChallengeGoods, Participation
from loyalty.services import challenge_list
from loyalty.services.challenge_list import Shown
from retention import registry
from retention.models import Customer

RECENT = timedelta(days=30)
"""So long after its end a challenge stays on the page."""


def section(request: HttpRequest, customer: Customer) -> Mapping[str, Any] | None:
    """Return the challenges that are of a customer's interest now; None without any."""
    now = timezone.now()  # noqa: TID251  (a section is the edge: the page gives it no clock)
    found = challenge_list.of(customer, at=now, since=now - RECENT)
    if not found:
        return None
    terms = present_words.terms_of([one.challenge.offer_id for one in found])
    goods = titles([one.challenge for one in found])
    rates = queries.worth_rates()
    return {
        "template": "loyalty/challenges.html",
        "challenges": [
            {
                "pk": one.challenge.pk,
                "name": one.challenge.name,
                "words": one.challenge.words,
                "asks": challenge_words.asks(one.challenge, goods),
                "counts": challenge_words.counts(one.challenge),
                "brings": challenge_words.brings(one.challenge, terms, rates),
                "time": state(one, at=now),
                "progress": challenge_words.progress(one.challenge, one.reached),
                "percent": one.percent,
                "can_join": one.can_join,
                "runs": one.runs(at=now),
            }
            for one in found
        ],
    }


def state(one: Shown, *, at: datetime) -> str:
    """Return how it stands, plainly: until when it runs, that it is done, or that it has ended."""
    row = one.participation
    if row is None:
        return challenge_words.time(one.challenge)
    if row.wins:
        text = ngettext("Done: the reward is yours.", "Done %(n)s times: the rewards are yours.", row.wins)
        text %= {"n": row.wins}
        return f"{text} {_until(row, at=at)}" if one.runs(at=at) else text
    return _until(row, at=at) or challenge_words.time(one.challenge)


def _until(row: Participation, *, at: datetime) -> str:
    if row.ends_at is None:
        return ""
    words = {"day": challenge_words.day(row.ends_at)}
    return (_("It ended on %(day)s.") if row.ends_at <= at else _("It runs until %(day)s.")) % words


def titles(challenges: Sequence[Challenge]) -> Titles:
    """Return product → title of the goods that challenges name, as the shop has them now; those that it has."""
    kind = ChallengeGoods.Kind.PRODUCT
    return (
        goods_words.titles_of({row.reference for one in challenges for row in one.goods.all() if row.kind == kind})
        or {}
    )


def load() -> None:
    """Register the section."""
    registry.account_pages.add("loyalty.challenges", section)
