"""Offers and coupons in words: what comes off, from which worth on, and what an offer will do."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import validity
from campaigns.models import Coupon
from campaigns.terms import Asked, Kind, Money, Terms
from retention import registry
from retention.money import show


def gives(terms: Terms, money: Money | None, language: str | None = None) -> str:
    """Return what comes off, e.g. "10% off"; ``money`` is what the terms say in the coupon's currency."""
    if terms.kind == Kind.PERCENTAGE and terms.percent is not None:
        return _("%(percent)s%% off") % {"percent": f"{terms.percent.normalize():f}"}
    if terms.kind == Kind.AMOUNT and money is not None and money.amount is not None:
        return _("%(amount)s off") % {"amount": show(money.amount, money.currency, language)}
    return _("Free shipping")


def minimum(money: Money | None, language: str | None = None) -> str:
    """Return from which worth on, e.g. "from €30.00"; empty where there is no minimum."""
    if money is None or not money.minimum:
        return ""
    return _("from %(amount)s") % {"amount": show(money.minimum, money.currency, language)}


def expiry(coupon: Coupon) -> str:
    """Return the last day of a coupon in the active language."""
    return date_format(validity.last_day(coupon.expires_at), "DATE_FORMAT")


def limits(terms: Terms) -> str:
    """Return what else decides whether a shopper can use a coupon; empty where nothing does."""
    said = []
    if terms.first_order_only:
        said.append(_("for a first order"))
    if terms.exclusive:
        said.append(_("not together with another coupon"))
    return ", ".join(said)


def promise(terms: Terms) -> Iterator[str]:
    """Yield the sentences that say, before it is saved, what an offer with these terms does."""
    for money in terms.money or (None,):
        named = {"gives": gives(terms, money), "minimum": minimum(money)}
        yield (
            _("%(gives)s, on goods %(minimum)s.") % named
            if named["minimum"]
            else _("%(gives)s, whatever the goods are worth.") % named
        )
    yield " ".join(
        (
            ngettext(
                "Each coupon is good for %(days)s day from issue",
                "Each coupon is good for %(days)s days from issue",
                terms.valid_days,
            )
            % {"days": terms.valid_days},
            ngettext("and can be used once.", "and can be used %(uses)s times.", terms.uses) % {"uses": terms.uses},
        )
    )
    if terms.first_order_only:
        yield _("Only for a first order: who has ordered before, as a guest too, gets none and cannot use one.")
    for asked in terms.conditions:
        condition = registry.conditions.get(asked.name)
        yield (
            _("Only where this holds: %(condition)s.") % {"condition": condition.words(asked.parameters)}
            if condition
            else _("Nobody can use it: there is no condition named %(name)s any more.") % {"name": asked.name}
        )
    if terms.per_customer:
        yield ngettext(
            "One person can use the offer once, over all coupons and spellings of one mailbox.",
            "One person can use the offer %(n)s times, over all coupons and spellings of one mailbox.",
            terms.per_customer,
        ) % {"n": terms.per_customer}
    yield (
        _("It cannot be used together with another coupon.")
        if terms.exclusive
        else _("It can be used together with other coupons that allow it.")
    )

