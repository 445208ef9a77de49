"""When a person leaves a journey before its end. Asked before each step and again before each send."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Enrolment
from campaigns.services import identity, permission
from retention import registry
from retention.models import Customer, Order
from retention.registry import Registry, Words
from retention.services import wishes


@dataclass(frozen=True, kw_only=True)
class ExitRule:
    """A reason to leave, looked up set-wise by e-mail identity."""

    name: str
    label: Words
    """Completes "leaves when the customer ..."."""
    leaving: Callable[[Sequence[Enrolment], datetime], set[str]]
    """Passages → the keys of those to end; a constant number of queries."""


rules: Registry[ExitRule] = Registry("exit rule")

NO_CONSENT = "no consent"
NOT_WANTED = "topic not wanted"
PAUSED = "paused"
"""They want no mail at present, and this step is a mail or gives what one would tell of."""
ERASED = "erased"
TOO_LATE = "too late"
"""The step was due so long ago that it would puzzle people now."""
SWITCHED_OFF = "journey is off"


def reasons(enrolments: Sequence[Enrolment], *, at: datetime) -> dict[str, str]:
    """Return key → reason for those that must not go on. The number of queries depends on the rules alone.

    Beside the journey's own rules: who was erased, and who may not get a mail that the journey sends.
    Raises KeyError for a rule that nobody registers any more: going on without it could write to the wrong people.
    """
    found: dict[str, str] = {}
    for rule in [rules[name] for name in sorted({name for one in enrolments for name in one.version.exits})]:
        asked = [one for one in enrolments if rule.name in one.version.exits and one.key not in found]
        found |= dict.fromkeys(rule.leaving(asked, at), rule.name) if asked else {}
    living = identity.living({one.customer_id for one in enrolments})
    found |= {one.key: ERASED for one in enrolments if one.customer_id not in living}
    for purpose in sorted({purpose for one in enrolments for purpose in purposes(one.version.steps)}):
        asked = [one for one in enrolments if one.key not in found and purpose in purposes(one.version.steps)]
        allowed = permission.granted({one.customer_id for one in asked}, purpose=purpose)
        found |= {one.key: NO_CONSENT for one in asked if one.customer_id not in allowed}
    return found | _unwanted([one for one in enrolments if one.key not in found], living, at=at)


def _unwanted(enrolments: Sequence[Enrolment], living: Mapping[int, Customer], *, at: datetime) -> dict[str, str]:
    """Return whom the journey's next step would give something that its mail may not tell them of."""
    asked = [one for one in enrolments if purposes(one.version.steps) & {permission.MARKETING, permission.SURVEY}]
    if not asked:
        return {}
    people = {living[one.customer_id].pk: living[one.customer_id] for one in asked}
    wanted = wishes.of(people.values(), topics={one.version.topic for one in asked}, at=at)
    found: dict[str, str] = {}
    for one in asked:
        steps, person = one.version.steps, living[one.customer_id].pk
        if (person, one.version.topic) in wanted.left_out and permission.MARKETING in purposes(steps):
            found[one.key] = NOT_WANTED
        elif person in wanted.paused and one.step < len(steps) and steps[one.step]["kind"] in ("coupon", "mail"):
            found[one.key] = PAUSED
    return found


def purposes(steps: Iterable[dict[str, object]]) -> set[str]:
    """Return what these steps' mails are for. Where nobody may be written to, nothing is given either."""
    mails = [registry.mails.get(str(step["mail"])) for step in steps if step["kind"] == "mail"]
    found = {mail.purpose for mail in mails if mail is not None}
    if any(step["kind"] == "survey" for step in steps):
        found.add("survey")
    return found


def returned() -> Q:
    """Match orders that were called off, or whose goods were paid back: returns often leave the shipping unpaid."""
    return Q(cancelled_at__isnull=False) | Q(refunded_minor__gt=0, refunded_minor__gte=F("items_minor"))


def _ordered(enrolments: Sequence[Enrolment], at: datetime) -> set[str]:
    people = identity.rows({one.customer_id for one in enrolments})
    everybody = frozenset[int]().union(*people.values())
    since = min(one.since for one in enrolments)
    seen = min(one.entered_at for one in enrolments)
    orders: dict[int, list[Order]] = {}
    for order in Order.objects.counted().filter(
        Q(placed_at__gt=since) | Q(first_seen_at__gt=seen), customer__in=everybody
    ):
        orders.setdefault(order.customer_id, []).append(order)

    def again(one: Enrolment, order: Order) -> bool:
        if order.placed_at > one.since and order.reference != one.order:
            return True
        # bought before the journey began, but read after it
        return not one.order and order.first_seen_at > one.entered_at

    return {
        one.key
        for one in enrolments
        if any(again(one, order) for pk in people[one.customer_id] for order in orders.get(pk, ()))
    }


def _returned(enrolments: Sequence[Enrolment], at: datetime) -> set[str]:
    orders = {one.order for one in enrolments if one.order}
    gone = set(Order.objects.filter(returned(), reference__in=orders).values_list("reference", flat=True))
    return {one.key for one in enrolments if one.order in gone}


def _unsubscribed(enrolments: Sequence[Enrolment], at: datetime) -> set[str]:
    allowed = permission.granted({one.customer_id for one in enrolments}, purpose=permission.MARKETING)
    return {one.key for one in enrolments if one.customer_id not in allowed}


def _claimed(enrolments: Sequence[Enrolment], at: datetime) -> set[str]:
    people = identity.rows({one.customer_id for one in enrolments})
    members = set(
        Customer.objects.members().filter(pk__in=frozenset[int]().union(*people.values())).values_list("pk", flat=True)
    )
    return {one.key for one in enrolments if people[one.customer_id] & members}


RULES = [
    ExitRule(name="ordered", label=_("orders again"), leaving=_ordered),
    ExitRule(name="returned", label=_("gives the order back, or it is cancelled"), leaving=_returned),
    ExitRule(name="unsubscribed", label=_("unsubscribes from marketing mail"), leaving=_unsubscribed),
    ExitRule(name="claimed", label=_("opens an account"), leaving=_claimed),
]


def load() -> None:
    """Register the exit rules of this app."""
    for rule in RULES:
        rules.add(rule.name, rule)
