"""Why a basket may or may not use a coupon, check by check, for staff.

``checking`` alone decides. What can be asked apart from the rest is asked of it with a copy of the coupon that has
nothing else to fail by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches

from django.utils.translation import gettext as _

from campaigns import backing, pricing, queries, reasons, wording
from campaigns.baskets import Basket
from campaigns.explained import Answer, Check
from campaigns.models import Coupon, Redemption
from campaigns.reasons import Reason
from campaigns.services import checking, engine, explaining_caps, probing
from campaigns.terms import Asked, Kind
from retention import moments, registry
from retention.money import show

LATEST = 200
"""Coupons of one customer that are looked through."""
NEAR = 0.6
"""How alike two codes are, from 0 to 1, to be taken for one that was mistyped."""


def explain(coupon: Coupon, *, basket: Basket, others: Sequence[Coupon] = (), at: datetime) -> Answer:
    """Go through every check of a coupon from ``queries.by_code``; ``others`` are in the basket beside it.

    A basket without lines, or of somebody unknown, leaves out what depends on that.
    """
    kept_in = checking.categories([coupon, *others], basket)
    refusals = checking.check([coupon, *others], basket=basket, at=at)
    beside = [one for one in others if one.pk not in refusals or refusals[one.pk].reason in reasons.TOGETHER]
    return Answer(
        coupon=coupon,
        checks=(
            *_state(coupon, at=at),
            _owner(coupon, basket),
            *_backing(coupon, at=at),
            *_goods(coupon, basket, kept_in),
            *_conditions(coupon, basket, at=at),
            *explaining_caps.persons(coupon, basket, at=at),
            *explaining_caps.limits_of(coupon, basket, kept_in, at=at),
            explaining_caps.exclusive(coupon, basket, beside, at=at),
            *explaining_caps.margin_of(coupon, basket, beside, kept_in, at=at),
            *_shop(coupon),
        ),
        refusal=refusals.get(coupon.pk),
    )


# The coupon by itself


def _state(coupon: Coupon, *, at: datetime) -> Iterator[Check]:
    void = coupon.state == Coupon.State.VOID
    yield Check(
        reason=Reason.VOID,
        name=_("It was not called off"),
        holds=not void,
        words=_("Called off on %(when)s: %(why)s")
        % {"when": moments.show(coupon.voided_at), "why": coupon.void_reason or "–"}
        if void
        else "",
    )
    yield Check(
        reason=Reason.EXPIRED,
        name=_("It has not expired"),
        holds=coupon.expires_at > at,
        words=_("Its last day: %(day)s.") % {"day": wording.expiry(coupon)},
    )
    begins = coupon.starts_at
    yield Check(
        reason=Reason.NOT_STARTED,
        name=_("It has begun"),
        holds=begins is None or begins <= at,
        words=_("Good from %(when)s.") % {"when": moments.show(begins)} if begins else "",
    )
    yield _uses(coupon)


def _uses(coupon: Coupon) -> Check:
    most = coupon.max_uses
    held = Redemption.objects.filter(coupon=coupon, state=Redemption.State.RESERVED)
    until = held.order_by("lease_until").values_list("lease_until", flat=True).first()
    said = _("%(used)s of %(most)s taken.") % {"used": coupon.used, "most": "∞" if most is None else most}
    if until:
        said += " " + _("A basket holds one until %(when)s.") % {"when": moments.show(until)}
    return Check(
        reason=Reason.RESERVED if until else Reason.USED,
        name=_("A use of it is left"),
        holds=most is None or coupon.used < most,
        words=said,
    )


def _owner(coupon: Coupon, basket: Basket) -> Check:
    name = _("It is this customer's")
    if coupon.customer is None:
        return Check(
            reason=Reason.SOMEONE_ELSES, name=name, holds=True, words=_("It is nobody's own: whoever has the code.")
        )
    if not basket.is_known:
        return Check(reason=Reason.NO_ADDRESS, name=name, holds=None, words=_("Say who shops."))
    mine = checking.owns(coupon, email=basket.email, user_id=basket.user_id)
    words = _("It was given to %(customer)s.") % {"customer": coupon.customer}
    return Check(reason=Reason.SOMEONE_ELSES, name=name, holds=mine, words="" if mine else words)


def _backing(coupon: Coupon, *, at: datetime) -> Iterator[Check]:
    if not backing.is_backed(coupon):
        return
    yield Check(
        reason=Reason.NOT_BACKED,
        name=_("What was to pay for it is there"),
        holds=not backing.refused([coupon], at=at),
        words=_("It was bought, e.g. with points; these are set aside until an order uses it."),
    )


# The basket


def _goods(coupon: Coupon, basket: Basket, kept_in: pricing.Categories) -> Iterator[Check]:
    said = bool(basket.lines)
    yield Check(
        reason=Reason.WRONG_CURRENCY,
        name=_("The currency is right"),
        holds=not coupon.currency or (coupon.currency == basket.currency if basket.currency else None),
        words=_("For %(currency)s.") % {"currency": coupon.currency} if coupon.currency else _("For every currency."),
    )
    mine = pricing.meant(coupon.terms, basket, kept_in)
    asks = bool(coupon.terms.goods) or not coupon.terms.sale_goods
    yield Check(
        reason=Reason.GOODS,
        name=_("It is for something in the basket"),
        holds=bool(mine) if said else (None if asks else True),
        words=_("It is not for all goods.") if asks else _("It is for all goods."),
    )
    least = coupon.money.minimum if coupon.money is not None else None
    whole = coupon.terms.kind == Kind.FREE_PRODUCT
    worth = basket.worth if whole else sum(basket.lines[index].price for index in mine)
    words = _("There is no minimum.")
    if least:
        asked = {"least": show(least, coupon.currency), "worth": show(worth, coupon.currency)}
        words = (
            _("At least %(least)s; those that count are worth %(worth)s.") if said else _("At least %(least)s.")
        ) % asked
    yield Check(
        reason=Reason.BELOW_MINIMUM,
        name=_("The goods are worth enough"),
        holds=not least or (worth >= least if said else None),
        words=words,
    )


# Who shops


def _conditions(coupon: Coupon, basket: Basket, *, at: datetime) -> Iterator[Check]:
    for asked in (*([checking.FIRST_ORDER] if coupon.terms.first_order_only else []), *coupon.terms.conditions):
        probe = probing.bare(coupon, conditions=(asked,))
        if basket.is_known and checking.owns(coupon, email=basket.email, user_id=basket.user_id):
            probe.customer = coupon.customer  # it must hold for the owner, too
        refusal = checking.check([probe], basket=replace(basket, lines=()), at=at).get(coupon.pk)
        unsaid = refusal is not None and refusal.reason == Reason.NO_ADDRESS
        yield Check(
            reason=Reason.NOT_FIRST_ORDER if asked == checking.FIRST_ORDER else Reason.CONDITION,
            name=_("Who shops %(condition)s") % {"condition": _words(asked)},
            holds=None if unsaid else refusal is None,
            words=_("Say who shops.") if unsaid else refusal.detail if refusal else "",
        )


def _words(asked: Asked) -> str:
    condition = registry.conditions.get(asked.name)
    return condition.words(asked.parameters) if condition else asked.name


def _shop(coupon: Coupon) -> Iterator[Check]:
    host = engine.current()
    if host.prices:
        return
    known = bool(host.taken([coupon.code]))
    yield Check(
        reason=Reason.HOST,
        name=_("The shop itself has the code"),
        holds=known,
        words="" if known else _("Somebody has deleted the voucher in the shop: give a new code."),
    )


def nearest(code: str, *, customer: int, at: datetime) -> list[Coupon]:
    """Return up to three coupons of a customer whose code is much like this one: usable ones first, likest first."""
    usable = {coupon.code: coupon for coupon in queries.wallet(customer, at=at)}
    others = {coupon.code: coupon for coupon in queries.of_customer(customer)[:LATEST] if coupon.code not in usable}
    found = [of[like] for of in (usable, others) for like in get_close_matches(code, of, n=3, cutoff=NEAR)]
    return found[:3]
