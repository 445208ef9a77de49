"""Challenges in words: what counts, what it brings, how far somebody is, and for staff what it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.goods_words import Titles
from campaigns.terms import Terms
from loyalty import present_words
from loyalty.models import Challenge, Rate
from loyalty.models.challenge import Goal, Span
from loyalty.services.challenge_reach import Reach
from retention import enumeration, registry
from retention.money import show


def day(at: datetime) -> str:
    """Return a day in the active language, of the active zone."""
    return date_format(localtime(at))


def asks(challenge: Challenge, titles: Titles) -> str:
    """Return what is asked, e.g. "Place 3 orders."; products are called by their titles."""
    number = challenge.target
    if challenge.goal == Goal.ORDERS:
        text = ngettext("Place %(n)s order", "Place %(n)s orders", number) % {"n": number}
    elif challenge.goal == Goal.PRODUCTS:
        text = ngettext("Buy %(n)s product", "Buy %(n)s different products", number) % {"n": number}
    else:
        text = _("Buy goods for %(amount)s") % {"amount": show(number, challenge.currency)}
    names = sorted(titles.get(row.reference, row.reference) for row in challenge.goods.all())
    if names:
        return _("%(what)s of these: %(goods)s.") % {"what": text, "goods": enumeration.listed(names)}
    return f"{text}."


def time(challenge: Challenge) -> str:
    """Return the time there is for it, before somebody takes part."""
    if challenge.span == Span.FIXED and challenge.ends_at is not None:
        return _("From %(first)s until %(last)s.") % {
            "first": day(challenge.starts_at),
            "last": day(challenge.ends_at),
        }
    days = challenge.days or 0
    if challenge.span == Span.JOINED:
        text = ngettext("You have %(n)s day from joining.", "You have %(n)s days from joining.", days) % {"n": days}
    else:
        text = ngettext(
            "You have %(n)s day from your first order.", "You have %(n)s days from your first order.", days
        ) % {"n": days}
    if challenge.ends_at is not None:
        text += " " + _("It can be begun until %(last)s.") % {"last": day(challenge.ends_at)}
    return text


def counts(challenge: Challenge) -> str:
    """Return what counts, and what does not."""
    if challenge.automatic:
        since = _("Orders from %(first)s on count.") % {"first": day(challenge.starts_at)}
    else:
        since = _("Orders that you place after joining count.")
    return since + " " + _("What is cancelled or paid back does not.")


def brings(challenge: Challenge, terms: Mapping[int, Terms], rates: Sequence[Rate] = ()) -> str:
    """Return what it brings. ``rates``: as for ``present_words.what``."""
    text = _("It brings you %(what)s.") % {"what": present_words.what(challenge, terms, rates)}
    if challenge.most > 1:
        text += " " + ngettext("You can do it %(n)s time.", "You can do it up to %(n)s times.", challenge.most) % {
            "n": challenge.most
        }
    return text


def progress(challenge: Challenge, reached: int) -> str:
    """Return how far somebody is, e.g. "2 of 3 orders"."""
    rounds = min(reached // challenge.target, challenge.most)
    # of what can be done again: how far the next time is
    reached = challenge.target if rounds == challenge.most else reached - rounds * challenge.target
    words = {"done": reached, "all": challenge.target}
    if challenge.goal == Goal.ORDERS:
        return ngettext("%(done)s of %(all)s order", "%(done)s of %(all)s orders", challenge.target) % words
    if challenge.goal == Goal.PRODUCTS:
        return ngettext("%(done)s of %(all)s product", "%(done)s of %(all)s products", challenge.target) % words
    return _("%(done)s of %(all)s") % {
        "done": show(reached, challenge.currency),
        "all": show(challenge.target, challenge.currency),
    }


# For staff


def does(challenge: Challenge, terms: Mapping[int, Terms], titles: Titles) -> Iterator[str]:
    """Yield what a challenge does, a sentence each."""
    if not challenge.active:
        yield _("It is off: nobody can join. Who takes part already goes on.")
    yield asks(challenge, titles)
    yield time(challenge)
    yield brings(challenge, terms)
    if challenge.automatic:
        yield _("Everybody takes part by ordering.")
    else:
        yield _("People take part by a button on their page, and only their orders from then on count.")
    yield for_whom(challenge)
    yield ngettext(
        "What is returned within %(n)s day after the end undoes a reward that was not used; after that it is final.",
        "What is returned within %(n)s days after the end undoes a reward that was not used; after that it is final.",
        challenge.return_days,
    ) % {"n": challenge.return_days}


def for_whom(challenge: Challenge) -> str:
    """Return who may take part, for staff."""
    if not challenge.condition:
        return _("It is for everybody with an account.")
    condition = registry.conditions.get(challenge.condition)
    if condition is None:
        return _("It is for nobody: the condition %(name)s is not there any more.") % {"name": challenge.condition}
    return _("It is for who %(condition)s.") % {"condition": condition.words(challenge.parameters)}


def reach(found: Reach) -> str:
    """Return how many customers would have done it in a window like this."""
    text = ngettext(
        "In the last %(days)s day %(done)s of %(all)s customers would have done it.",
        "In the last %(days)s days %(done)s of %(all)s customers would have done it.",
        found.days,
    ) % {"days": found.days, "done": found.done, "all": found.customers}
    if not found.done and found.customers:
        text += " " + _("Nobody: is it within reach?")
    return text


def overlap(others: list[Challenge]) -> str:
    """Return a warning that one order counts for several."""
    return _("At the same time runs %(names)s: one order counts for all of them.") % {
        "names": enumeration.listed(f"“{other.name}”" for other in others)
    }
