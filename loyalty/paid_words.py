"""What a paid membership gives, in words made from the live rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.services import offers
from loyalty import referral_words
from loyalty.models import Plan
from loyalty.terms import plain


def lasts(months: int) -> str:
    """Return how long a term is, e.g. "1 year"."""
    if months % 12 == 0:
        return ngettext("%(n)s year", "%(n)s years", months // 12) % {"n": months // 12}
    return ngettext("%(n)s month", "%(n)s months", months) % {"n": months}


def day(at: datetime) -> str:
    """Return a day of the shop's calendar in the active language."""
    return date_format(localtime(at), "DATE_FORMAT")


def benefits(plan: Plan, multiplier: Decimal | None = None, *, at: datetime) -> Iterator[str]:
    """Yield what members have, a sentence each. ``multiplier``: what was bought, where the plan says another by now."""
    factor = plan.multiplier if multiplier is None else multiplier
    if plan.free_shipping is not None and offers.closed(plan.free_shipping, at=at) is None:
        yield _("On your orders: %(gives)s, put in for you.") % {"gives": referral_words.gives(plan.free_shipping)}
    if factor > 1:
        yield _("%(factor)s times the points for your orders.") % {"factor": plain(factor)}
    if plan.gift is not None and offers.closed(plan.gift, at=at) is None:
        yield _("Once, when you join: %(gives)s.") % {"gives": referral_words.gives(plan.gift)}


def for_members(plan: Plan) -> Iterator[str]:
    """Yield what who buys it should know, a sentence each."""
    yield _("It lasts %(time)s from the day it is paid.") % {"time": lasts(plan.months)}
    yield _("Bought again while it runs, it goes on from its end.")
    yield _("It ends by itself: nothing is ever charged unless you buy it again.")
    yield _("An order that is cancelled or refunded takes its time out again.")
    yield _("Bought without an account, it waits until the order is in one.")


def for_staff(plan: Plan, *, at: datetime) -> Iterator[str]:
    """Yield what a plan does, a sentence each, for who edits it."""
    if not plan.active:
        yield _(
            "It is not on sale: orders placed while it is off bring nobody a membership, not even once it is on again. "
            "Who has paid for it keeps it to the end."
        )
    if plan.product:
        yield _("Each piece of product %(product)s in a paid order is %(time)s of membership.") % {
            "product": plan.product,
            "time": lasts(plan.months),
        }
    else:
        yield _("It has no product: nobody can buy it, only staff can give it.")
    if plan.free_shipping is None:
        yield _("Members pay for shipping as everybody does.")
    elif reason := offers.closed(plan.free_shipping, at=at):
        yield _("The offer “%(offer)s” gives no coupons now (%(reason)s): members have no free shipping.") % {
            "offer": plan.free_shipping.name,
            "reason": reason.value,
        }
    else:
        yield _("Members have a coupon, %(gives)s, that the shop puts in by itself.") % {
            "gives": referral_words.gives(plan.free_shipping)
        }
        if plan.free_shipping.uses == 1:
            yield _("A coupon of that offer is used up by one order; the next one comes within the hour.")
        if any(money.minimum_minor for money in plan.free_shipping.money.all()):
            yield _("The offer for free shipping has a minimum, so members have one, too.")
    if plan.multiplier > 1:
        yield _("Their orders earn %(factor)s times the points.") % {"factor": plain(plan.multiplier)}
    if plan.gift is not None:
        yield _("Whoever joins gets, once: %(gives)s.") % {"gives": referral_words.gives(plan.gift)}
    yield ngettext(
        "%(n)s day before the end members get a mail with a link to the product.",
        "%(n)s days before the end members get a mail with a link to the product.",
        plan.notice_days,
    ) % {"n": plan.notice_days}
    if plan.count_history:
        yield _("Orders from before going live count as well.")
    yield _("Terms that have begun keep their length and their factor.")


def missed(plan: Plan, count: int) -> str:
    """Return how many paid orders bought a plan's product while it was off."""
    return ngettext(
        "%(n)s paid order bought product %(product)s while “%(plan)s” was off sale, and brought no membership",
        "%(n)s paid orders bought product %(product)s while “%(plan)s” was off sale, and brought no membership",
        count,
    ) % {"n": count, "product": plan.product, "plan": plan.name}
