"""What is allowed in an offer and may not be meant so: said before it is saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import limit_words, margin_words, validity
from campaigns.goods_words import Titles
from campaigns.models import Coupon, Offer, OfferLimit
from campaigns.services import margin
from campaigns.terms import Period, Terms
from retention import enumeration
from retention.money import show

NAMED = 10


def doubts(
    offer: Offer, terms: Terms, caps: Sequence[OfferLimit], titles: Titles | None, *, at: datetime
) -> Iterator[str]:
    """Yield a sentence for each thing that staff should look at once more."""
    if validity.of(terms, at=at)[1] <= at:
        yield _("It is over already: nobody gets a coupon of it.")
    yield from _budgets(terms, caps)
    yield from _goods(terms, titles)
    rule = margin.guard()
    if margin_words.alone_too_low(terms, rule):
        yield _("It takes off more than the margin guard allows for any order: nobody can use it.")
    if not terms.exclusive:
        yield from _together(offer, terms, at=at)


def _budgets(terms: Terms, caps: Sequence[OfferLimit]) -> Iterator[str]:
    budgets = [limit for limit in caps if limit.measure == OfferLimit.Measure.DISCOUNT]
    funded, own = {limit.currency for limit in budgets}, [money.currency for money in terms.money]
    for currency in sorted(funded.difference(own)) if own else ():
        yield _("There is a budget in %(currency)s, and the offer says nothing in that currency: it is never used.") % {
            "currency": currency
        }
    if budgets and not own:
        yield _("It has a budget in %(currencies)s only: orders in other currencies cannot use it.") % {
            "currencies": enumeration.listed(sorted(funded))
        }
    for currency in [currency for currency in own if budgets and currency not in funded]:
        yield _("It has a budget, but none in %(currency)s: orders in that currency cannot use it.") % {
            "currency": currency
        }
    for limit in caps:
        money = terms.in_currency(limit.currency)
        amount = money.amount or 0 if money else 0
        if not limit.most:
            yield _("The limit is %(most)s: nobody can use it.") % {"most": limit_words.amount(limit, 0)}
        elif amount > limit.most:
            yield _("The budget of %(most)s does not cover one use of %(amount)s.") % {
                "most": show(limit.most, limit.currency),
                "amount": show(amount, limit.currency),
            }


def _goods(terms: Terms, titles: Titles | None) -> Iterator[str]:
    if titles is None:
        return
    goods = terms.goods
    gone = [product for product in (*goods.only_products, *goods.never_products) if product not in titles]
    if gone:
        yield _("The shop has no such product any more: %(products)s.") % {"products": enumeration.listed(gone[:NAMED])}


def _together(offer: Offer, terms: Terms, *, at: datetime) -> Iterator[str]:
    """Yield with which other offers it combines, and what keeps an order from getting low."""
    others = _combining(offer, terms, at=at)
    if not others:
        return
    names = [_("“%(name)s”") % {"name": other.name} for other in others[:NAMED]]
    more = len(others) - NAMED
    if more > 0:
        names.append(ngettext("%(n)s more", "%(n)s more", more) % {"n": more})
    yield _("It can be used together with coupons of %(offers)s, so that one order gets several discounts.") % {
        "offers": enumeration.listed(names)
    }
    yield from margin_words.sentences(margin.guard())


def _combining(offer: Offer, terms: Terms, *, at: datetime) -> list[Offer]:
    """Return the other offers that let others in, and of which coupons are out or may come."""
    today = validity.window(at, Period.DAY)
    out = Coupon.objects.outstanding(at=at).filter(offer=OuterRef("pk"))
    rows = (
        Offer.objects.filter(Q(active=True) | Exists(out), Q(ends_on=None) | Q(ends_on__gte=today), exclusive=False)
        .exclude(pk=offer.pk)
        .prefetch_related("money")
        .order_by("name", "pk")
    )
    own = {money.currency for money in terms.money}
    theirs = ((row, {money.currency for money in row.money.all()}) for row in rows)
    return [row for row, currencies in theirs if not own or not currencies or own & currencies]
