"""What recommending a friend brings, in words made from the live rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import wording
from campaigns.models import Offer
from campaigns.services import offers
from loyalty import showing
from loyalty.models import Rate, Referral, ReferralTerms
from loyalty.models.programme import PendingFrom

State = Referral.State


def gives(offer: Offer) -> str:
    """Return what a coupon of an offer is worth now, e.g. "10 % off"; its name where it says nothing yet."""
    terms = offers.terms_of(offer)
    return wording.gives(terms, next(iter(terms.money), None)) or offer.name


def reward(terms: ReferralTerms, rates: Sequence[Rate] = ()) -> str:
    """Return what who brings a friend gets.

    ``rates``: ``queries.worth_rates()``, for shoppers; where points are shown as money it is money.
    """
    if terms.reward_offer is not None:
        return _("a coupon: %(gives)s") % {"gives": gives(terms.reward_offer)}
    return showing.gain(terms.points, rates)


def for_friend(terms: ReferralTerms, *, at: datetime) -> str:
    """Return what the friend gets at once, empty where it is nothing."""
    offer = terms.friend_offer
    return gives(offer) if offer is not None and offers.closed(offer, at=at) is None else ""


def for_friend_later(terms: ReferralTerms, rates: Sequence[Rate] = ()) -> str:
    """Return what a friend with an account gets once the order has lasted, empty where it is nothing.

    ``rates``: as for ``reward``.
    """
    return showing.gain(terms.friend_points, rates) if terms.friend_points else ""


def for_members(terms: ReferralTerms, rates: Sequence[Rate], *, at: datetime) -> Iterator[str]:
    """Yield what a member should know, a sentence each. ``rates``: as for ``reward``."""
    if gift := for_friend(terms, at=at):
        yield _("A friend who orders for the first time by your link gets %(gift)s.") % {"gift": gift}
    if later := for_friend_later(terms, rates):
        yield _("A friend with an account gets %(later)s when you get your reward.") % {"later": later}
    yield _("You get %(reward)s for each friend.") % {"reward": reward(terms, rates)}
    yield _window(terms)
    if terms.most_per_month:
        yield ngettext(
            "At most %(n)s friend a month is rewarded.",
            "At most %(n)s friends a month are rewarded.",
            terms.most_per_month,
        ) % {"n": terms.most_per_month}
    if terms.most_ever:
        yield ngettext(
            "At most %(n)s friend is rewarded in all.", "At most %(n)s friends are rewarded in all.", terms.most_ever
        ) % {"n": terms.most_ever}
    yield _("A friend is somebody who has not ordered here before; your own orders do not count.")
    yield _("We never tell you who ordered.")


def for_staff(terms: ReferralTerms, *, at: datetime) -> Iterator[str]:
    """Yield what the terms do, a sentence each, for who edits them."""
    if not terms.active:
        yield _("They are not active: links answer that they are no longer good.")
    offer = terms.friend_offer
    if later := for_friend_later(terms):
        yield _("A friend with an account gets %(later)s, together with the reward.") % {"later": later}
    if offer is None:
        yield _("The friend gets no coupon.") if later else _("The friend gets nothing but the shop.")
    elif reason := offers.closed(offer, at=at):
        yield _("The friend's offer “%(offer)s” gives no coupons now (%(reason)s): friends get none.") % {
            "offer": offer.name,
            "reason": reason.value,
        }
    else:
        yield _("The friend gets a coupon for one order: %(gives)s.") % {"gives": gives(offer)}
        if not offer.first_order_only:
            yield _("The friend's offer is not for first orders only: whoever opens a link can use it.")
    yield _("Who brought the friend gets %(reward)s, once for each friend.") % {"reward": reward(terms)}
    yield _window(terms)
    yield _("The order of a friend that is cancelled or refunded in full gives nothing, and takes back what it gave.")
    yield _("Points that were spent meanwhile go back as the programme says of debts.")
    yield (
        ngettext(
            "Staff are asked when %(n)s friend comes from one network within %(days)s days,",
            "Staff are asked when %(n)s friends come from one network within %(days)s days,",
            terms.network_orders,
        )
        % {"n": terms.network_orders, "days": terms.network_days}
        + " "
        + ngettext(
            "and when one customer brings %(n)s within %(hours)s hour.",
            "and when one customer brings %(n)s within %(hours)s hours.",
            terms.burst_hours,
        )
        % {"n": terms.burst_orders, "hours": terms.burst_hours}
    )
    yield _("They are also asked where the order is of the referrer's own account or mailbox, or both have one name.")


def state(referral: Referral, *, at: datetime) -> str:
    """Return how far a referral is, to who brought the friend; nothing of it says who the friend is."""
    if referral.state == State.REWARDED:
        return _("Rewarded")
    if referral.state == State.CAPPED:
        return _("Over the limit of rewards: not rewarded")
    if referral.state == State.LOST:
        if referral.stands:
            return _("The order did not last: not all of the reward was taken back")
        return _("The order did not last: not rewarded")
    if referral.state in (State.NO, State.DECLINED):
        return _("Does not count")
    if referral.due_at is None or referral.due_at > at:
        return _("Waiting for the return window to close")
    if referral.review == Referral.Review.OPEN:
        return _("The return window has closed; we are still looking at it")
    # its offer gives no coupons for now, or the tick is late: staff read of it where they read what is broken
    return _(
        "The return window has closed. Your reward takes us a little longer than we said; you need not do anything."
    )


def _window(terms: ReferralTerms) -> str:
    days = terms.window_days
    if not days:
        return _("The reward comes once the friend's order is paid.")
    if terms.window_from == PendingFrom.FULFILLED:
        return ngettext(
            "The reward comes %(days)s day after the friend's order was sent, if it lasts.",
            "The reward comes %(days)s days after the friend's order was sent, if it lasts.",
            days,
        ) % {"days": days}
    return ngettext(
        "The reward comes %(days)s day after the friend's order was paid, if it lasts.",
        "The reward comes %(days)s days after the friend's order was paid, if it lasts.",
        days,
    ) % {"days": days}
