"""Why a coupon is not taken. The exact reason is for staff and the API; the shopper reads one sentence."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

SENTENCE = _("This code cannot be used here: it may have ended, been used, or not fit this order.")
"""One sentence for every reason: whoever guesses codes learns nothing."""


class Reason(TextChoices):
    """The value is a stable code; the label is for staff."""

    UNKNOWN = "unknown", _("There is no such code.")
    VOID = "void", _("The coupon was called off.")
    NOT_STARTED = "not_started", _("The coupon is not good yet.")
    EXPIRED = "expired", _("The coupon has expired.")
    USED = "used", _("The coupon has been used.")
    RESERVED = "reserved", _("Another basket holds the coupon until its time at checkout is over.")
    SOMEONE_ELSES = "someone_elses", _("The coupon belongs to another customer.")
    NO_ADDRESS = "no_address", _("The shop did not say whose basket it is.")
    WRONG_CURRENCY = "wrong_currency", _("The coupon is for another currency.")
    BELOW_MINIMUM = "below_minimum", _("The goods are worth less than the coupon's minimum.")
    NOT_FIRST_ORDER = "not_first_order", _("The coupon is for a first order, and there is an order already.")
    CONDITION = "condition", _("A condition of the offer does not hold.")
    EXCLUSIVE = "exclusive", _("The coupon cannot be used together with another one in the basket.")
    CUSTOMER_LIMIT = "customer_limit", _("This person has used the offer as often as allowed.")
    OFFER_LIMIT = "offer_limit", _("The offer has been used as often as allowed.")
    BUDGET = "budget", _("What is left of the offer's budget does not cover the discount.")
    GOODS = "goods", _("There is nothing in the basket that the coupon is for.")
    NOTHING_OFF = "nothing_off", _("The coupon would take nothing off.")
    MARGIN = "margin", _("All discounts together would bring the goods below the margin guard's floor.")
    OFFER_ENDED = "offer_ended", _("The offer is over.")
    OFFER_OFF = "offer_off", _("The offer is switched off.")
    ERASED = "erased", _("The customer's data was erased.")
    NOT_BACKED = "not_backed", _("What was to pay for the coupon is not there any more.")
    HOST = "host", _("The shop itself does not take the coupon.")


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One coupon that is not taken, and why."""

    code: str
    reason: Reason
    detail: str = ""
    """More for staff, e.g. which condition."""


LATER = frozenset(
    {
        Reason.RESERVED,
        Reason.NO_ADDRESS,
        Reason.BELOW_MINIMUM,
        Reason.WRONG_CURRENCY,
        Reason.GOODS,
        Reason.NOTHING_OFF,
    }
)
"""What may still change before the order is placed; the shop itself decides about these now."""

TOGETHER = frozenset({Reason.EXCLUSIVE, Reason.MARGIN})
"""What is wrong with a coupon only beside the others in the basket."""
