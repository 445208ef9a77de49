"""Points for what somebody did besides buying: once each, within limits, after approval where the merchant wants it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat
from django.utils.translation import gettext_noop

from loyalty.facts import PointsAwarded
from loyalty.locks import hold
from loyalty.models import ActionAward, ActionRule, Entry, Programme
from loyalty.models.action import Often
from loyalty.services import programmes
from loyalty.services.caps import Caps, Need
from loyalty.services.points import Book, Kind, Posting
from retention.conf import conf as ground
from retention.facts import FactData
from retention.models import Customer
from retention.services import facts

log = logging.getLogger(__name__)

State = ActionAward.State
OUT = gettext_noop("had left the programme")
"""Why what was done meanwhile brings nothing, for the shop's own record."""


@dataclass(frozen=True, kw_only=True)
class HandedOver:
    """What a guest did, now that it is a member's."""

    due: Collection[str] = ()
    """Keys of what is to be given now."""
    twice: Collection[Entry] = ()
    """What brought points to both."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """Something that somebody did."""

    action: str
    """Name of a registered deed."""
    customer: int
    subject: str = ""
    """What it is about: an id, never a person."""
    at: datetime


def did(done: Sequence[Done], *, at: datetime) -> int:
    """Note what people did and give what it is worth. Returns how many were noted for the first time.

    What has no rule in force at its time is worth nothing and is not noted. Guests hold no points: theirs wait for an
    account. The number of queries does not depend on how many there are.
    """
    programme = Programme.objects.filter(active=True).first()
    versions = list(ActionRule.objects.filter(programme=programme).order_by("pk")) if programme and done else []
    ruled = [(one, rule) for one in done if (rule := _rule(versions, one)) is not None]
    if not ruled:
        return 0
    with transaction.atomic():
        people = _people(one.customer for one, _ in ruled)
        rows: dict[str, ActionAward] = {}
        for one, rule in ruled:
            who = people.get(one.customer)
            if who is None or who.erased_at:
                continue
            key = key_of(one.action, who.pk, often=rule.often, subject=one.subject, at=one.at)
            rows.setdefault(
                key,
                ActionAward(
                    key=key, rule=rule, customer=who, subject=one.subject[:128], points=rule.points, at=one.at,
                    state=_begins(rule, who),
                ),
            )  # fmt: skip
        known = set(ActionAward.objects.filter(key__in=rows).values_list("key", flat=True))
        new = [rows[key] for key in sorted(rows.keys() - known)]  # sorted: two batches wait for each other in one order
        ActionAward.objects.bulk_create(new, ignore_conflicts=True)
        give([row.key for row in new], at=at)
    return len(new)


def key_of(action: str, customer: int, *, often: str, subject: str, at: datetime) -> str:
    """Return what makes it count once: for ever, for each thing, or for each day of the shop."""
    if often == Often.THING:
        return f"{action}:{customer}:{subject}"[:250]
    if often == Often.DAY:
        day = at.astimezone(ZoneInfo(ground.TIME_ZONE or settings.TIME_ZONE)).date()
        return f"{action}:{customer}@{day.isoformat()}"
    return f"{action}:{customer}"


def approve(awards: Iterable[ActionAward], *, by: str, at: datetime) -> int:
    """Give what waited for somebody's yes. Returns how many got points now; what was decided before stays."""
    with transaction.atomic():
        held = hold(ActionAward.objects.filter(pk__in=[award.pk for award in awards], state=State.WAITING))
        keys = [award.key for award in held]
        waiting = ActionAward.objects.filter(key__in=keys, state=State.WAITING)
        waiting.update(state=State.GIVEN, decided_by=by[:150], decided_at=at)
        return give(keys, at=at)


def decline(awards: Iterable[ActionAward], *, by: str, reason: str, at: datetime) -> int:
    """Say no to what waits, with a reason for the shop's own record. Returns how many."""
    waiting = ActionAward.objects.filter(pk__in=[award.pk for award in awards], state=State.WAITING)
    return waiting.update(state=State.DECLINED, decided_by=by[:150], decided_at=at, reason=reason.strip()[:200])


def welcome(customers: Collection[int], *, at: datetime) -> int:
    """Give those who have an account now what waited for one. Returns how many got points."""
    with transaction.atomic():
        return give(_receive(customers), at=at)


def hand_over(guest: Customer, member: Customer) -> HandedOver:
    """Let a member have what the guest that they were did; what both did counts once.

    Locks awards and no account: call it inside a transaction, and take back and ``give`` there what it returns. Where
    the guest has points for it and the member has none yet, the member's is the second.
    """
    rows = ActionAward.objects.filter(customer__in=(guest, member)).exclude(state=State.DOUBLE)
    held = hold(rows.select_related("entry__account"))
    theirs = {award.key: award for award in held if award.customer_id == member.pk}
    moved = [award for award in held if award.customer_id == guest.pk]
    seconds, twice = [], []
    for award in moved:
        key = award.key.replace(f":{guest.pk}", f":{member.pk}", 1)
        other = theirs.get(key)
        award.customer = member
        if other is None:
            award.key = key
        elif award.state == State.GIVEN and other.state != State.GIVEN:
            other.key, other.state = f"{key}+{other.pk}", State.DOUBLE
            seconds.append(other)
            award.key = key
        else:
            if award.state == State.GIVEN and award.entry is not None:
                twice.append(award.entry)
            award.key, award.state = f"{award.key}+{award.pk}", State.DOUBLE
    ActionAward.objects.bulk_update(seconds, ["key", "state"])  # first: their keys are taken
    ActionAward.objects.bulk_update(moved, ["customer", "key", "state"])
    return HandedOver(due=_receive([member.pk]), twice=twice)


def set_rule(
    programme: Programme, *, action: str, points: int, often: str, at: datetime, approval: bool = False
) -> ActionRule:
    """Let what is done from ``at`` on be worth points. The rule before it ends and keeps what it has awarded."""
    with transaction.atomic():
        hold(Programme.objects.filter(pk=programme.pk))
        current = ActionRule.objects.current().filter(programme=programme, action=action).first()
        if current and (current.points, current.often, current.approval) == (points, often, approval):
            return current
        if current:
            at = max(at, current.starts_at)
            ActionRule.objects.filter(pk=current.pk).update(superseded_at=at)
        rule = ActionRule(
            programme=programme, action=action, points=points, often=often, approval=approval, starts_at=at
        )
        rule.save()
    return rule


def end(rules: Iterable[ActionRule], *, at: datetime) -> int:
    """Let what is done from ``at`` on be worth nothing any more. Returns how many rules ended now."""
    return ActionRule.objects.current().filter(pk__in=[rule.pk for rule in rules]).update(superseded_at=at)


def _rule(versions: Sequence[ActionRule], done: Done) -> ActionRule | None:
    """Return the version in force when it was done."""
    for rule in versions:
        in_force = rule.starts_at <= done.at and (rule.superseded_at is None or done.at < rule.superseded_at)
        if rule.action == done.action and in_force:
            return rule
    return None


def _people(customers: Iterable[int]) -> Mapping[int, Customer]:
    """Return the rows of these people; of a guest that was absorbed, the member's.

    Nobody is absorbed from here on to the end of the transaction, or what they did would stay behind.
    """
    customers = set(customers)
    hold(Customer.objects.filter(pk__in=customers, user=None).only("pk"), no_key=True)
    rows = Customer.objects.filter(pk__in=customers).select_related("absorbed_into")
    return {row.pk: row.absorbed_into or row for row in rows}


def _begins(rule: ActionRule, who: Customer) -> State:
    if who.kind == Customer.Kind.GUEST:
        return State.NO_ACCOUNT
    return State.WAITING if rule.approval else State.GIVEN


def _receive(customers: Collection[int]) -> list[str]:
    """Let what waited for an account wait for it no more. Returns the keys, for ``give``."""
    rows = ActionAward.objects.filter(customer__in=customers, state=State.NO_ACCOUNT)
    waiting = hold(rows.exclude(customer__kind=Customer.Kind.GUEST))
    if waiting:
        approval = ActionRule.objects.filter(approval=True).values("pk")
        mine = ActionAward.objects.filter(pk__in=[award.pk for award in waiting])
        mine.filter(rule__in=approval).update(state=State.WAITING)
        mine.exclude(rule__in=approval).update(state=State.GIVEN)
    return [award.key for award in waiting]


def _refuse(awards: Collection[int], *, at: datetime) -> None:
    """Give nothing for what was done while its doer was out of the programme, and say so to staff."""
    if awards:
        rows = ActionAward.objects.filter(pk__in=awards)
        # the key is free: the same done once they are back is the first that counts
        rows.update(
            state=State.DECLINED, decided_at=at, reason=OUT, key=Concat("key", Value("+"), Cast("pk", CharField()))
        )


def give(keys: Collection[str], *, at: datetime) -> int:
    """Post what is given and not posted, as far as limits let it. Returns how many got points."""
    due = ActionAward.objects.filter(key__in=keys, state=State.GIVEN, entry=None).select_related("rule__programme")
    awards = hold(due)
    if not awards:
        return 0
    book = Book((award.customer_id for award in awards), at=at)
    spans = book.spans()
    out = {award.pk for award in awards if spans.was_out(award.customer_id, award.at)}
    _refuse(out, at=at)
    awards = [award for award in awards if award.pk not in out]
    needs = {
        award.pk: Need(account=book.account(award.customer_id).pk, programme=award.rule.programme, at=award.at)
        for award in awards
    }
    caps = Caps(needs.values())
    end, renews = programmes.end_of(at)
    happened: list[FactData] = []
    for award in awards:
        given, stopped = caps.take(needs[award.pk], award.points)
        about = {"action": award.rule.action, "rule": award.rule_id}
        if given:
            book.write(
                Posting(
                    key=f"action:{award.pk}",
                    customer=award.customer_id,
                    points=given,
                    kind=Kind.GRANT,
                    breakdown=about,
                    source=f"action:{award.rule.action}",
                    expires_at=end,
                    renews_until=end if renews else None,
                    at=at,
                )
            )
            award.entry = book.entries[-1]
            happened.append(PointsAwarded(customer=award.customer_id, at=at, points=given))
        if stopped is not None:
            award.stopped = stopped.points
            book.write(
                Posting(
                    key=f"action:{award.pk}:stopped",
                    customer=award.customer_id,
                    points=0,
                    kind=Kind.CAPPED,
                    breakdown={**about, **stopped.told()},
                    source=f"action:{award.rule.action}",
                    at=at,
                )
            )
            award.entry = award.entry or book.entries[-1]
    book.close()
    caps.close()
    ActionAward.objects.bulk_update(awards, ["entry", "stopped"], batch_size=500)
    facts.publish(happened)
    return len(happened)
