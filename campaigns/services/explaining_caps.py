"""The part of ``explaining`` about how often, how much, and beside what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from django.utils.translation import gettext as _

from campaigns import limit_words, pricing, validity
from campaigns.baskets import Basket
from campaigns.explained import Check
from campaigns.models import Coupon, OfferLimit, Redemption
from campaigns.models.redemption import LIVE
from campaigns.reasons import Reason
from campaigns.services import checking, limits, margin, probing, shopper
from campaigns.terms import Kind, Period
from retention.money import show


def persons(coupon: Coupon, basket: Basket, *, at: datetime) -> Iterator[Check]:
    allowed, period = coupon.terms.per_customer, coupon.terms.per_customer_period
    if allowed is None and coupon.customer_id is not None:
        return
    name = _("This person has not used it as often as allowed")
    if not basket.is_known:
        yield Check(reason=Reason.CUSTOMER_LIMIT, name=name, holds=None, words=_("Say who shops."))
        return
    live = Redemption.objects.filter(
        offer=coupon.offer_id, customer_key=shopper.key_of(basket), state__in=LIVE
    ).values_list("coupon", "window")
    uses, window = list(live), validity.window(at, period)
    said = []
    if coupon.customer_id is None:
        mine = sum(1 for one, _since in uses if one == coupon.pk)
        said.append(_("This code: %(n)s of %(most)s.") % {"n": mine, "most": coupon.per_customer})
    if allowed is not None:
        mine = sum(1 for _one, since in uses if since == window)
        said.append(
            _("All codes of the offer, %(period)s: %(n)s of %(most)s.")
            % {"period": Period(period).label, "n": mine, "most": allowed}
        )
    probe = probing.bare(coupon, per_customer=allowed, per_customer_period=period)
    probe.per_customer = coupon.per_customer
    refused = checking.check([probe], basket=replace(basket, lines=()), at=at)
    yield Check(reason=Reason.CUSTOMER_LIMIT, name=name, holds=not refused, words=" ".join(said))


# The offer


def limits_of(coupon: Coupon, basket: Basket, kept_in: pricing.Categories, *, at: datetime) -> Iterator[Check]:
    caps = limits.of([coupon.offer_id])[coupon.offer_id]
    taken = limits.taken(caps, at=at)
    currency = basket.currency or coupon.currency
    takes = checking.amounts([coupon], basket, kept_in)[coupon.pk]
    if currency and not limits.covers(caps, currency):
        yield Check(
            reason=Reason.BUDGET,
            name=_("The offer's budget covers it"),
            holds=False,
            words=_("The offer has a budget, but none in %(currency)s.") % {"currency": currency},
        )
    for cap in caps:
        money = cap.measure == OfferLimit.Measure.DISCOUNT
        if money and cap.currency != currency:
            continue
        now = taken[cap.pk]
        holds = limits.peek([cap], limits.needs([cap], currency=currency, discount=takes, at=at)) is None
        named = {
            "taken": limit_words.amount(cap, now),
            "most": limit_words.amount(cap, cap.most),
            "period": cap.get_period_display(),
        }
        yield Check(
            reason=Reason.BUDGET if money else Reason.OFFER_LIMIT,
            name=_("The offer's budget covers it") if money else _("The offer has uses left"),
            # without a basket nobody knows what it would take of a budget
            holds=holds if not money or basket.lines else (None if now < cap.most else False),
            words=_("Taken: %(taken)s of %(most)s, %(period)s.") % named,
        )


def exclusive(coupon: Coupon, basket: Basket, beside: Sequence[Coupon], *, at: datetime) -> Check:
    words = (
        _("It cannot be used together with another coupon.")
        if coupon.terms.exclusive
        else _("It can be used together with other coupons that allow it.")
    )
    refused = False
    if beside:
        refusal = checking.check([probing.alone(coupon), *beside], basket=basket, at=at).get(coupon.pk)
        refused = refusal is not None and refusal.reason == Reason.EXCLUSIVE
        words = _("One of them stands alone, and another comes before it.") if refused else words
    return Check(
        reason=Reason.EXCLUSIVE, name=_("It can be used beside the other codes"), holds=not refused, words=words
    )


def margin_of(
    coupon: Coupon, basket: Basket, beside: Sequence[Coupon], kept_in: pricing.Categories, *, at: datetime
) -> Iterator[Check]:
    rule = margin.guard()
    if rule is None or coupon.terms.kind == Kind.FREE_SHIPPING:
        return
    name = _("The margin guard lets it pass")
    if not basket.lines:
        yield Check(reason=Reason.MARGIN, name=name, holds=None, words=_("Say what is in the basket."))
        return
    probe = probing.alone(coupon)
    probe.guarded = True
    refusal = checking.check([probe, *beside], basket=basket, at=at).get(coupon.pk)
    left, floor = checking.goods_left([coupon, *beside], basket, kept_in), margin.floor(basket, rule)
    yield Check(
        reason=Reason.MARGIN,
        name=name,
        holds=refusal is None or refusal.reason != Reason.MARGIN,
        words=_("The goods would cost %(left)s; the floor is %(floor)s.")
        % {"left": show(left, basket.currency), "floor": show(floor, basket.currency)},
    )
