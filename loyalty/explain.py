"""An entry of the ledger in words: what for, and how the number came about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty import deeds
from loyalty.models import EarningRule, Entry
from loyalty.services import referral_points
from loyalty.terms import plain
from retention import enumeration
from retention.money import show

Kind = Entry.Kind


def cause(entry: Entry, number: str) -> str:
    """Return what an entry is for. ``number``: its order as people know it."""
    words, reward = {"order": number}, entry.breakdown.get("reward", "")
    if entry.source == referral_points.SOURCE:
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
    if entry.kind == Kind.CAPPED:
        return _stopped(entry)
    if entry.kind == Kind.FORFEIT:
        return _("Order %(order)s, given up after you left") % words if entry.order else _("Given up after you left")
    if entry.order:
        return _("Order %(order)s") % words
    if entry.kind == Kind.GRANT and (deed := deeds.deeds.get(entry.breakdown.get("action", ""))):
        return str(deed.past)
    if entry.kind in (Kind.GRANT, Kind.REVERSAL) and (given := _given(entry)):
        return given
    if entry.kind == Kind.GRANT:
        return _("Given by the shop")
    if entry.kind == Kind.EXPIRY:
        return _("Points that ended")
    if entry.kind == Kind.SPEND:
        return _("Spent: %(what)s") % {"what": reward} if reward else _("Spent")
    if entry.kind == Kind.RETURN:
        return _("Given back: %(what)s") % {"what": reward} if reward else _("Given back")
    if entry.kind == Kind.TRANSFER:
        return _("Joined from another account")
    return _("Correction by the shop")


def _for_a_friend(entry: Entry) -> str:
    if entry.breakdown.get("stopped"):
        return _("A friend's order, over the limit of rewards")
    if entry.breakdown.get("friend"):
        return _("Your first order, by a friend's link") if entry.points > 0 else _("Your first order did not last")
    return _("A friend's order") if entry.points > 0 else _("A friend's order that did not last")


def _stopped(entry: Entry) -> str:
    """Return which limit stopped how many points."""
    stopped, most = int(entry.breakdown.get("stopped", 0)), entry.breakdown.get("most", "?")
    words = {"points": stopped, "most": most}
    match entry.breakdown.get("limit"):
        case "day":
            text = ngettext(
                "%(points)s point not given: at most %(most)s a day",
                "%(points)s points not given: at most %(most)s a day",
                stopped,
            )
        case "month":
            text = ngettext(
                "%(points)s point not given: at most %(most)s a month",
                "%(points)s points not given: at most %(most)s a month",
                stopped,
            )
        case _:
            text = ngettext(
                "%(points)s point not given: at most %(most)s in all",
                "%(points)s points not given: at most %(most)s in all",
                stopped,
            )
    return text % words


def rule_names(entries: Iterable[Entry]) -> dict[str, str]:
    """Return rule → its name, of the rules that these entries went by: one query, or none."""
    ids = {rule for entry in entries for rule in entry.breakdown.get("rules", {}) if rule.isdecimal()}
    names = {"tier": _("the tier"), "paid": _("the paid membership")}
    if ids:
        names |= {str(pk): name for pk, name in EarningRule.objects.filter(pk__in=ids).values_list("pk", "name")}
    return names


def order_of(entry: Entry) -> str:
    """Return the reference of the order that an entry is of, or about; empty without one."""
    return entry.order or str(entry.breakdown.get("about", ""))


def calculation(entry: Entry, names: Mapping[str, str] | None = None, *, number: str = "") -> str:
    """Return how an entry's number came about, for staff; empty where no order is behind it.

    ``names``: of the rules, from ``rule_names``; None: they are looked up. ``number``: its order as people know it.
    """
    if entry.kind in (Kind.SPEND, Kind.RETURN):
        return "; ".join(_of_spending(entry, number))
    if not entry.order or entry.rate is None or entry.basis_minor is None:
        return ""
    rules = entry.breakdown.get("rules", {})
    earned = entry.breakdown.get("earned", "?")
    words = {"basis": show(entry.basis_minor, entry.currency), "rate": plain(entry.rate), "earned": earned}
    if rules and isinstance(earned, int):
        known = rule_names([entry]) if names is None else names
        added = [f"{known.get(rule, rule)} {points:+d}" for rule, points in rules.items()]
        text = _("%(basis)s × %(rate)s, and by rules %(added)s, makes %(earned)s points") % {
            **words,
            "added": enumeration.listed(added),
        }
    else:
        text = _("%(basis)s × %(rate)s = %(earned)s points") % words
    refunded = entry.breakdown.get("refunded_minor")
    if refunded:
        text += "; " + _("%(amount)s refunded, taken back %(policy)s") % {
            "amount": show(refunded, entry.currency),
            "policy": _policy(entry),
        }
    return text


def _of_spending(entry: Entry, number: str) -> Iterator[str]:
    if order := number or order_of(entry):
        yield _("with order %(order)s") % {"order": order}
    if aside := entry.breakdown.get("set_aside"):
        yield _("%(aside)s were set aside, %(used)s were used") % {"aside": aside, "used": -entry.points}


def _policy(entry: Entry) -> str:
    names = {"recompute": _("by what is left"), "amount": _("by amount")}
    return names.get(str(entry.breakdown.get("refund_policy")), _("in proportion"))


def _given(entry: Entry) -> str:
    """Return what points that no order earned were given, or taken back, for; empty where it does not matter."""
    names = {"gift": _("A gift for your orders"), "challenge": _("A challenge")}
    return names.get(entry.source.partition(":")[0], "")
