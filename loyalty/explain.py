"""An entry of the ledger in words: what for, and how the number came about."""

from __future__ import annotations

from django.utils.translation import gettext as _

from loyalty.models import Entry
from loyalty.services import referral_rewards
from loyalty.terms import plain
from retention.money import show

Kind = Entry.Kind


def cause(entry: Entry, number: str) -> str:
    """Return what an entry is for. ``number``: its order as people know it."""
    words = {"order": number}
    if entry.source == referral_rewards.SOURCE:
        return _for_a_friend(entry)
    if entry.kind == Kind.CLAWBACK:
        why = entry.breakdown.get("cause")
        if why == "cancelled":
            return _("Order %(order)s cancelled") % words
        if why == "refunded":
            return _("Order %(order)s refunded") % words
        return _("Order %(order)s changed") % words
    if entry.kind == Kind.MOVE:
        if entry.points > 0:
            return _("Order %(order)s joined this account") % words
        return _("Order %(order)s belongs to another account") % words
    if entry.order:
        return _("Order %(order)s") % words
    if entry.kind == Kind.GRANT:
        return _("Given by the shop")
    if entry.kind == Kind.EXPIRY:
        return _("Points that ended")
    if entry.kind == Kind.SPEND:
        return _("Spent")
    if entry.kind == Kind.RETURN:
        return _("Given back")
    if entry.kind == Kind.TRANSFER:
        return _("Joined from another account")
    return _("Correction by the shop")


def _for_a_friend(entry: Entry) -> str:
    if entry.breakdown.get("cap"):
        return _("A friend's order, over the limit of rewards")
    return _("A friend's order") if entry.points > 0 else _("A friend's order that did not last")


def calculation(entry: Entry) -> str:
    """Return how an entry's number came about, for staff; empty where no order is behind it."""
    if not entry.order or entry.rate is None or entry.basis_minor is None:
        return ""
    text = _("%(basis)s × %(rate)s = %(earned)s points") % {
        "basis": show(entry.basis_minor, entry.currency),
        "rate": plain(entry.rate),
        "earned": entry.breakdown.get("earned", "?"),
    }
    refunded = entry.breakdown.get("refunded_minor")
    if refunded:
        text += "; " + _("%(amount)s refunded, taken back %(policy)s") % {
            "amount": show(refunded, entry.currency),
            "policy": _policy(entry),
        }
    return text


def _policy(entry: Entry) -> str:
    names = {"recompute": _("by what is left"), "amount": _("by amount")}
    return names.get(str(entry.breakdown.get("refund_policy")), _("in proportion"))
