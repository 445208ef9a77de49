"""Gifts on every so many orders in words: for shoppers what is promised and how far it is, for staff what it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.terms import Terms
from loyalty import present_words
from loyalty.models import GiftPlan, GiftVersion, Rate
from retention import enumeration
from retention.money import show

# For shoppers


def promise(version: GiftVersion, terms: Mapping[int, Terms], rates: Sequence[Rate] = ()) -> Iterator[str]:
    """Yield what a plan promises, a sentence each. Of a surprise: that there are some, and neither when nor what.

    ``rates``: as for ``present_words.what``.
    """
    if version.plan.surprise:
        yield _("Now and then we put a surprise in for people who come back.")
        return
    yield ngettext(
        "Every order brings you a gift: %(gift)s.", "Every %(n)s orders bring you a gift: %(gift)s.", version.every
    ) % {"n": version.every, "gift": present_words.what(version, terms, rates)}
    yield from minimum(version)
    yield _("Orders that are cancelled or paid back in full do not count.")


def minimum(version: GiftVersion) -> Iterator[str]:
    """Yield from which worth of goods on an order counts, where that matters."""
    amounts = [show(row.minimum_minor, row.currency) for row in version.minimums.all()]
    if amounts:
        yield _("An order counts from goods for %(amounts)s on.") % {"amounts": enumeration.either(sorted(amounts))}


def way(missing: int) -> str:
    """Return how far the next gift is."""
    return ngettext("%(n)s more order to your gift.", "%(n)s more orders to your gift.", missing) % {"n": missing}


# For staff


def does(plan: GiftPlan, version: GiftVersion | None, terms: Mapping[int, Terms]) -> Iterator[str]:
    """Yield what a plan does, a sentence each."""
    if version is None:
        yield _("It is off: orders placed now do not count. Gifts that were given stay.")
        return
    yield ngettext(
        "Every order that counts gives %(gift)s.", "Every %(n)s orders that count give %(gift)s.", version.every
    ) % {"n": version.every, "gift": present_words.what(version, terms)}
    yield from minimum(version)
    if version.minimums.all():
        yield _("Orders in other currencies do not count.")
    yield _("An order counts once it is paid, until it is cancelled or paid back in full.")
    yield _(
        "Where an order is cancelled later, its gift is taken back if it was not used. If it was, it stays, and makes "
        "up for the next one: nothing is given twice."
    )
    if plan.count_before:
        yield _("Orders of before count towards the first gift: with enough of them, the next order brings it.")
    else:
        yield _("Orders of before do not count.")
    if plan.surprise:
        yield _("Shoppers read that there are surprises, and neither when nor what.")
    yield _("Who is in the middle of a round goes on under the terms with which it began.")


def reach(done: int, everybody: int, every: int) -> str:
    """Return how many customers would have had the gift for their orders of the last year."""
    text = ngettext(
        "Of %(all)s customers with an account, %(done)s has placed %(n)s orders that count in the last year.",
        "Of %(all)s customers with an account, %(done)s have placed %(n)s orders that count in the last year.",
        done,
    ) % {"all": everybody, "done": done, "n": every}
    if not done and everybody:
        text += " " + _("Nobody has: is the gift within reach?")
    return text
