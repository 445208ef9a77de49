"""Rewards in words: what they give, what they cost, and what is in the way of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import goods_words, wording
from campaigns.goods_words import Titles
from campaigns.models import OfferVersion
from campaigns.terms import Kind as Gives
from campaigns.terms import Terms
from loyalty import queries, showing
from loyalty import terms as programme_terms
from loyalty.models import Claim, Rate, Reward
from loyalty.services import donations, paying, programmes
from loyalty.services.rewards import Choice, No
from retention import enumeration, registry
from retention.money import show

Kind = Reward.Kind


def points(number: int) -> str:
    """Return "500 points"."""
    return ngettext("%(n)s point", "%(n)s points", number) % {"n": number}


def cost(number: int, rates: Sequence[Rate]) -> str:
    """Return "500 points", or "€5.00" where points are shown as money. ``rates``: as for ``cards``."""
    return showing.gain(number, rates)


def set_aside(number: int, rates: Sequence[Rate]) -> str:
    """Return "500 points are set aside for this order.". ``rates``: of the order's currency."""
    if money := showing.balance(number, rates):
        return _("%(amount)s is set aside for this order.") % {"amount": money}
    return _("%(points)s are set aside for this order.") % {"points": points(number)}


def missing(number: int, rates: Sequence[Rate] = ()) -> str:
    """Return "120 points are missing.". ``rates``: as for ``cards``."""
    if money := showing.balance(number, rates):
        return _("%(amount)s more is needed.") % {"amount": money}
    return ngettext("%(n)s point is missing.", "%(n)s points are missing.", number) % {"n": number}


def no(
    reason: No, *, reward: Reward | None = None, short: int = 0, called: Mapping[str, str] | None = None,
    rates: Sequence[Rate] = (),
) -> str:  # fmt: skip
    """Return why somebody cannot have a reward, a sentence to them.

    ``called``: ``queries.tiers_called``, read once. ``rates``: as for ``cards``.
    """
    if reason == No.NOT_ENOUGH and short:
        return missing(short, rates)
    if reason == No.NOT_FOR_YOU and reward is not None and reward.condition == "loyalty.in_tier":
        name = str(reward.parameters.get("tier", "?"))
        return _("This is for %(tier)s and above.") % {"tier": queries.tier_called(name, called)}
    if reason == No.TOO_FEW and reward is not None:
        return _("Use at least %(points)s at once.") % {"points": cost(reward.cost, rates)}
    return str(reason.label)


def called_of(choices: Iterable[Choice]) -> Mapping[str, str]:
    """Return the names of tiers where one of these is only for some: one query at most."""
    return queries.tiers_called() if any(choice.no == No.NOT_FOR_YOU for choice in choices) else {}


def cards(choices: Iterable[Choice], rates: Sequence[Rate] = ()) -> list[dict[str, Any]]:
    """Return rewards as a shopper reads them. Two queries and one of the catalogue's.

    ``rates``: ``queries.worth_rates()``; where points are shown as money, so are costs.
    """
    choices = list(choices)
    terms_of = current_terms(choice.reward for choice in choices)
    titles = goods_words.titles(terms_of.values())
    called = called_of(choices)
    return [
        {
            "pk": choice.reward.pk,
            "name": choice.reward.name,
            "words": choice.reward.words,
            "cost": cost(choice.reward.cost, rates),
            "gives": gives(terms_of[choice.reward.offer_id], titles) if choice.reward.offer_id in terms_of else "",
            "no": no(choice.no, reward=choice.reward, short=choice.missing, called=called, rates=rates)
            if choice.no
            else "",
            "is_donation": choice.reward.kind == Kind.DONATION,
            "has": choice.reward.cost - choice.missing if choice.missing else choice.reward.cost,
            "most": choice.reward.cost,
        }
        for choice in choices
        if choice.reward.kind != Kind.POINTS
    ]


def current_terms(found: Iterable[Reward]) -> dict[int | None, Terms]:
    """Return offer id → the terms that its next coupon gets, of the rewards that give coupons: one query."""
    wanted = {reward.offer_id for reward in found if reward.kind == Kind.COUPON}
    versions = OfferVersion.objects.filter(offer__in=wanted).order_by("number") if wanted else ()
    return {version.offer_id: version.terms for version in versions}  # the last one stays


def gives(terms: Terms, titles: Titles | None = None) -> str:
    """Return what a coupon with these terms gives, with what limits it, e.g. "€5.00 off, from €30.00"."""
    said = []
    for money in terms.money or (None,):
        one = wording.gives(terms, money, titles=titles)
        least = wording.minimum(money)
        said.append(f"{one}, {least}" if least else one)
    text = enumeration.listed(dict.fromkeys(said))
    limits = wording.limits(terms, titles=titles)
    return f"{text} ({limits})" if limits else text


def standing(claims: Iterable[Claim], rates: Sequence[Rate] = ()) -> list[dict[str, Any]]:
    """Return a shopper's claims that are not over, as they read them. ``rates``: as for ``cards``."""
    said_in_money = bool(showing.balance(1, rates))
    return [
        {
            "pk": one.pk,
            "name": one.reward.name,
            "cost": cost(one.points, rates),
            "code": one.coupon.code if one.coupon else "",
            "worth": show(one.worth_minor, one.currency) if one.worth_minor and not said_in_money else "",
            "until": wording.expiry(one.coupon) if one.coupon else "",
        }
        for one in claims
    ]


# For staff


def promise(reward: Reward, *, terms: Terms | None, rates: Iterable[Rate], at: datetime) -> Iterator[str]:
    """Yield what a reward does, a sentence each, for who edits it. ``rates``: those that are running."""
    cost, rates = points(reward.cost), list(rates)
    if reward.kind == Kind.POINTS:
        yield from _points_off(reward, rates)
    elif reward.kind == Kind.DONATION:
        yield _("%(cost)s are given to the cause and leave the account at once.") % {"cost": cost}
        yield _owed(reward, at=at)
    elif reward.kind == Kind.CUSTOM:
        yield _(
            "%(cost)s are set aside and a task for staff is opened: done, the points are spent; declined, they go back."
        ) % {"cost": cost}
    elif terms is not None:
        yield _("%(cost)s = %(gives)s.") % {"cost": cost, "gives": gives(terms)}
        yield from _price(reward, terms)
    for rate in rates:
        goods = paying.goods_for(reward.cost, rate=rate)
        yield _("A customer earns %(cost)s with goods for %(amount)s.") % {
            "cost": cost,
            "amount": show(goods, rate.currency),
        }
    if reward.kind in (Kind.COUPON, Kind.POINTS):
        yield ngettext(
            "The points are set aside when it is claimed and leave with the order that uses it. If none does within "
            "%(days)s day, they come back.",
            "The points are set aside when it is claimed and leave with the order that uses it. If none does within "
            "%(days)s days, they come back.",
            reward.valid_days,
        ) % {"days": reward.valid_days}
        yield _("A cancelled order gives them back, with their old end; a refund of a part gives back its share.")
    yield from _who(reward, at=at)


def _owed(reward: Reward, *, at: datetime) -> str:
    """Return what a donation adds to what is owed to its cause."""
    if reward.cause is None:
        return _("It names no cause of the list, so nothing is counted for anybody.")
    rate = donations.rate(programmes.running(), at=at)
    if rate is None or rate.worth is None:
        return _("No rate of the programme says what a point is worth, so nothing is owed to %(cause)s for them.") % {
            "cause": reward.cause.name
        }
    worth = paying.worth(reward.cost, of_a_point=rate.worth, currency=rate.currency)
    return _("We owe %(cause)s %(amount)s for them, counted and paid out with what orders give.") % {
        "cause": reward.cause.name,
        "amount": show(worth, rate.currency),
    }


def _points_off(reward: Reward, rates: list[Rate]) -> Iterator[str]:
    valued = [rate for rate in rates if rate.worth]
    for rate in valued:
        assert rate.worth is not None
        worth = paying.worth(reward.cost, of_a_point=rate.worth, currency=rate.currency)
        yield _("Points pay for goods: %(cost)s = %(amount)s off, and as many more as the basket costs.") % {
            "cost": points(reward.cost),
            "amount": show(worth, rate.currency),
        }
    if not valued:
        yield _("No rate of the programme says what a point is worth, so nobody can use points for a basket.")
    else:
        yield _("They go beside any coupon, and are the last to take off what is left.")


def _price(reward: Reward, terms: Terms) -> Iterator[str]:
    if terms.kind == Gives.AMOUNT:
        for money in terms.money:
            if money.amount:
                yield _("So a point is worth %(worth)s here.") % {
                    "worth": programme_terms.plain(paying.of_a_point(money.amount, reward.cost, money.currency))
                    + " "
                    + money.currency
                }
    if terms.uses > 1:
        yield _("Its coupon is good for one use, whatever the offer says.")


def _who(reward: Reward, *, at: datetime) -> Iterator[str]:
    if reward.stock is not None:
        yield ngettext(
            "There is %(stock)s of it, %(taken)s taken.", "There are %(stock)s of it, %(taken)s taken.", reward.stock
        ) % {"stock": reward.stock, "taken": reward.taken}
    if reward.per_person is not None:
        yield ngettext(
            "One person can have it %(n)s time.", "One person can have it %(n)s times.", reward.per_person
        ) % {"n": reward.per_person}
    condition = registry.conditions.get(reward.condition) if reward.condition else None
    if condition is not None:
        yield _("Only for who %(words)s.") % {"words": condition.words(reward.parameters)}
    elif reward.condition:
        yield _("Its condition is not there any more, so nobody can claim it.")
    if not reward.active:
        yield _("It is off: nobody sees it.")
    elif reward.starts_at and reward.starts_at > at:
        yield _("Nobody sees it before %(day)s.") % {"day": date_format(localtime(reward.starts_at), "DATETIME_FORMAT")}
