"""Offers and coupons in words: what comes off, from which worth on, and what an offer will do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import goods_words, validity
from campaigns.goods_words import Titles
from campaigns.models import Coupon
from campaigns.terms import Kind, Money, Period, Terms
from retention import enumeration, registry
from retention.money import show

# For shoppers; ``titles`` come from ``goods_words.titles``, for all coupons of a page at once


def gives(terms: Terms, money: Money | None, language: str | None = None, *, titles: Titles | None = None) -> str:
    """Return what comes off, e.g. "10% off"; ``money`` is what the terms say in the coupon's currency."""
    if terms.kind == Kind.PERCENTAGE and terms.percent is not None:
        return _("%(percent)s%% off") % {"percent": f"{terms.percent.normalize():f}"}
    if terms.kind == Kind.AMOUNT and money is not None and money.amount is not None:
        return _("%(amount)s off") % {"amount": show(money.amount, money.currency, language)}
    if terms.kind == Kind.FREE_PRODUCT:
        return goods_words.free(terms.goods, titles) if titles is not None else _("A free product")
    return _("Free shipping")


def minimum(money: Money | None, language: str | None = None) -> str:
    """Return from which worth on, e.g. "from €30.00"; empty where there is no minimum."""
    if money is None or not money.minimum:
        return ""
    return _("from %(amount)s") % {"amount": show(money.minimum, money.currency, language)}


def start(coupon: Coupon, *, at: datetime) -> str:
    """Return the first day of a coupon in the active language; empty where it has begun."""
    if coupon.starts_at is None or coupon.starts_at <= at:
        return ""
    return date_format(coupon.starts_at.astimezone(validity.zone()), "DATE_FORMAT")


def expiry(coupon: Coupon) -> str:
    """Return the last day of a coupon in the active language."""
    return date_format(validity.last_day(coupon.expires_at), "DATE_FORMAT")


def limits(terms: Terms, *, titles: Titles | None = None) -> str:
    """Return what else decides whether a shopper can use a coupon; empty where nothing does."""
    said = []
    if terms.first_order_only:
        said.append(_("for a first order"))
    if terms.per_customer is not None:
        said.append(_("%(often)s per person") % {"often": per_person(terms)})
    if terms.exclusive:
        said.append(_("not together with another coupon"))
    return enumeration.listed(filter(None, [*said, goods(terms, titles=titles)]))


def goods(terms: Terms, *, titles: Titles | None = None) -> str:
    """Return what a coupon is only, or never, for; empty where it is for all goods."""
    said = [] if terms.sale_goods else [_("not for reduced goods")]
    return enumeration.listed([*said, *goods_words.limits(terms, titles or {})])


def per_person(terms: Terms) -> str:
    """Return how often one person can use the offer, e.g. "once a month"; empty where there is no limit."""
    return often(terms.per_customer, terms.per_customer_period) if terms.per_customer is not None else ""


def often(n: int, period: str) -> str:
    """Return how often, e.g. "once a month"."""
    match period:
        case Period.DAY:
            said = ngettext("once a day", "%(n)s times a day", n)
        case Period.WEEK:
            said = ngettext("once a week", "%(n)s times a week", n)
        case Period.MONTH:
            said = ngettext("once a month", "%(n)s times a month", n)
        case Period.YEAR:
            said = ngettext("once a year", "%(n)s times a year", n)
        case _:
            said = ngettext("once", "%(n)s times", n)
    return said % {"n": n}


# For staff


def promise(terms: Terms, *, titles: Titles | None = None) -> Iterator[str]:
    """Yield the sentences that say, before it is saved, what an offer with these terms does."""
    yield from dict.fromkeys(_what(terms, money, titles) for money in terms.money or (None,))
    yield from _currencies(terms)
    yield from goods_words.sentences(terms, titles)
    if not terms.sale_goods:
        yield _("Nothing comes off what the shop itself sells at a reduced price.")
    yield from _days(terms)
    yield from _who(terms)
    yield (
        _("It cannot be used together with another coupon.")
        if terms.exclusive
        else _(
            "It can be used together with other coupons that allow it. Its turn is %(turn)s: the lowest takes its "
            "part first, the next one of what is left to pay."
        )
        % {"turn": terms.priority}
    )


def _what(terms: Terms, money: Money | None, titles: Titles | None) -> str:
    named = {"gives": gives(terms, money, titles=titles), "minimum": minimum(money)}
    if named["minimum"]:
        return _("%(gives)s, on goods %(minimum)s.") % named
    return _("%(gives)s, whatever the goods are worth.") % named


def _currencies(terms: Terms) -> Iterator[str]:
    named = enumeration.listed(money.currency for money in terms.money)
    if len(terms.money) == 1:
        yield _("Only for orders in %(currency)s.") % {"currency": named}
    elif terms.money:
        yield _("Each coupon is for one of these currencies: %(currencies)s.") % {"currencies": named}


def _days(terms: Terms) -> Iterator[str]:
    uses = ngettext("and can be used once.", "and can be used %(uses)s times.", terms.uses) % {"uses": terms.uses}
    last = date_format(terms.ends_on, "DATE_FORMAT") if terms.ends_on else ""
    if terms.valid_days is None:
        yield " ".join((_("Each coupon is good until %(day)s") % {"day": last}, uses))
    else:
        days = ngettext(
            "Each coupon is good for %(days)s day from issue",
            "Each coupon is good for %(days)s days from issue",
            terms.valid_days,
        )
        yield " ".join((days % {"days": terms.valid_days}, uses))
    if terms.starts_on:
        first = {"day": date_format(terms.starts_on, "DATE_FORMAT")}
        yield (
            _("Nobody can use one before %(day)s.") % first
            if terms.valid_days is None
            else _("Nobody can use one before %(day)s; the days of those issued earlier count from then.") % first
        )
    if last and terms.valid_days is not None:
        yield _("None is good after %(day)s, whenever it was issued.") % {"day": last}


def _who(terms: Terms) -> Iterator[str]:
    if terms.first_order_only:
        yield _("Only for a first order: who has ordered before, as a guest too, gets none and cannot use one.")
    for asked in terms.conditions:
        condition = registry.conditions.get(asked.name)
        yield (
            _("Only for a customer who %(condition)s.") % {"condition": condition.words(asked.parameters)}
            if condition
            else _("Nobody can use it: there is no condition named %(name)s any more.") % {"name": asked.name}
        )
    if terms.per_customer:
        yield _("One person can use the offer %(often)s, over all coupons and spellings of one mailbox.") % {
            "often": often(terms.per_customer, terms.per_customer_period)
        }
