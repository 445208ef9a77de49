"""What each kind of step does to the passages that have come to it, set-wise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from campaigns.models import Enrolment, Offer, Survey
from campaigns.services import coupons, invitations
from campaigns.services.coupons import Wish
from retention import registry
from retention.conf import conf
from retention.services import outbox
from retention.services.outbox import Promise

Plan = Mapping[str, Any]


def run(step: Plan, rows: Sequence[Enrolment], *, at: datetime) -> Mapping[str, str]:
    """Do what the step says for these passages, in the caller's transaction.

    Returns key → reason for those that end here, because there is nothing for them. Raises KeyError where a mail
    or an action is not registered any more.
    """
    return KINDS[step["kind"]](step, rows, at)


def wait(step: Plan) -> timedelta:
    """Return how long the step takes: a wait its time, divided by ``SPEED``; any other none."""
    return timedelta(hours=step["hours"]) / conf.SPEED if step["kind"] == "wait" else timedelta(0)


def key_of(row: Enrolment) -> str:
    """Return the key under which this step of this passage takes effect once."""
    return f"{source_of(row)}:{row.pk}:{row.step}"


def source_of(row: Enrolment) -> str:
    return f"journey:{row.version.journey.slug}"


def _wait(step: Plan, rows: Sequence[Enrolment], at: datetime) -> Mapping[str, str]:
    return {}


def _mail(step: Plan, rows: Sequence[Enrolment], at: datetime) -> Mapping[str, str]:
    if step["mail"] not in registry.mails:
        raise KeyError(f"There is no mail named {step['mail']!r} any more.")
    outbox.post_many(
        (
            Promise(
                key=key_of(row),
                mail=step["mail"],
                customer=row.customer_id,
                order=row.order,
                values={"enrolment": row.pk, **row.values},
                source=source_of(row),
                topic=row.version.topic,
                due_at=at,
            )
            for row in rows
        ),
        at=at,
    )
    return {}


def _coupon(step: Plan, rows: Sequence[Enrolment], at: datetime) -> Mapping[str, str]:
    wishes = [Wish(key=key_of(row), customer=row.customer_id, order=row.order) for row in rows]
    issued = coupons.issue_many(wishes, offer=Offer.objects.get(pk=step["offer"]), source=source_of(rows[0]), at=at)
    for row in rows:
        if coupon := issued.coupons.get(key_of(row)):
            row.values = {**row.values, "coupon": coupon.pk}
    Enrolment.objects.bulk_update([row for row in rows if key_of(row) in issued.coupons], ["values"])
    return {row.key: f"no coupon: {issued.refused[key_of(row)]}" for row in rows if key_of(row) in issued.refused}


def _survey(step: Plan, rows: Sequence[Enrolment], at: datetime) -> Mapping[str, str]:
    invitations.plan(Survey.objects.get(pk=step["survey"]), rows, at=at)
    return {}


def _action(step: Plan, rows: Sequence[Enrolment], at: datetime) -> Mapping[str, str]:
    action = registry.actions[step["action"]]
    action.run([(key_of(row), row.customer_id, row.order) for row in rows], step["parameters"], at)
    return {}


KINDS: dict[str, Callable[[Plan, Sequence[Enrolment], datetime], Mapping[str, str]]] = {
    "wait": _wait,
    "mail": _mail,
    "coupon": _coupon,
    "survey": _survey,
    "action": _action,
}
