"""Rewards on the customer's page in admin, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Exists
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.services import offers
from loyalty import queries
from loyalty.models import Claim, Rate, Reward, Task
from retention import moments, registry
from retention.models import Customer
from retention.registry import Event, Panel, PanelData, Row, Trouble

RECENT = 50


def claimed(customer: Customer) -> PanelData:
    """Return what a customer has claimed, the latest first."""
    rows = list(_of(customer))
    numbers = queries.order_numbers(claim.order for claim in rows if claim.order)
    held = sum(claim.points for claim in rows if claim.state == Claim.State.RESERVED)
    return PanelData(
        columns=(_("When"), _("Reward"), _("Points"), _("State"), _("Code"), _("Order")),
        rows=[
            Row(
                cells=(
                    moments.show(claim.claimed_at),
                    claim.reward.name,
                    str(claim.spent if claim.state == Claim.State.COMMITTED else claim.points),
                    f"{claim.get_state_display()}: {claim.get_reason_display()}"
                    if claim.reason
                    else claim.get_state_display(),
                    claim.coupon.code if claim.coupon else "–",
                    numbers.get(claim.order, claim.order) or "–",
                ),
                url=reverse("admin:retention_loyalty_claim_change", args=[claim.pk]),
                source=_("the customer"),
            )
            for claim in rows
        ],
        summary=_("%(points)s set aside") % {"points": held},
    )


def _of(customer: Customer) -> list[Claim]:
    rows = Claim.objects.filter(account__customer=customer).select_related("reward", "coupon")
    return list(rows.order_by("-pk")[:RECENT])


def timeline(customer: Customer) -> Iterator[Event]:
    """Yield what was claimed, what came back, and when claims end; what was spent says the ledger."""
    for claim in _of(customer):
        url, name = reverse("admin:retention_loyalty_claim_change", args=[claim.pk]), {"name": claim.reward.name}
        yield Event(at=claim.claimed_at, text=_("Claimed: %(name)s") % name, url=url)
        if claim.released_at:
            yield Event(at=claim.released_at, text=_("Points set aside are back: %(name)s") % name, url=url)
        elif claim.state == Claim.State.RESERVED and claim.lease_until:
            text = _("Claim ends unless an order uses it: %(name)s") % name
            yield Event(at=claim.lease_until, text=text, url=url, planned=True)


def troubles(at: datetime) -> Iterator[Trouble]:
    """Yield what of rewards staff should look at."""
    short = Claim.objects.filter(missing__gt=0).count()
    if short:
        yield Trouble(
            what=ngettext(
                "%(n)s order used a reward whose points were not there any more",
                "%(n)s orders used rewards whose points were not there any more",
                short,
            )
            % {"n": short},
            cure=_("The customer has the discount and paid fewer points. Correct the balance by hand, or leave it so."),
            count=short,
            url=reverse("admin:retention_loyalty_claim_changelist") + "?missing__gt=0",
        )
    yield from _offers(at)
    valued = Rate.objects.current().filter(programme__active=True, worth__isnull=False)
    for reward in Reward.objects.filter(~Exists(valued), active=True, kind=Reward.Kind.POINTS):
        yield Trouble(
            what=_("“%(name)s” is on, and no rate says what a point is worth") % {"name": reward.name},
            cure=_("Give the programme's rates a worth of a point, or switch the reward off."),
            url=reverse("admin:retention_loyalty_reward_change", args=[reward.pk]),
        )
    open_tasks = Task.objects.filter(state=Task.State.OPEN).count()
    if open_tasks:
        yield Trouble(
            what=ngettext("%(n)s task waits for staff", "%(n)s tasks wait for staff", open_tasks) % {"n": open_tasks},
            cure=_("Do them and mark them as done, or say that they cannot be given."),
            count=open_tasks,
            url=reverse("admin:retention_loyalty_task_changelist") + "?state__exact=open",
        )


def _offers(at: datetime) -> Iterator[Trouble]:
    for reward in Reward.objects.on_offer(at=at).filter(kind=Reward.Kind.COUPON).select_related("offer"):
        closed = offers.closed(reward.offer, at=at) if reward.offer else None
        if closed:
            yield Trouble(
                what=_("“%(name)s” cannot be claimed: %(why)s") % {"name": reward.name, "why": closed.label},
                cure=_("Look at its offer, or switch the reward off."),
                url=reverse("admin:retention_loyalty_reward_change", args=[reward.pk]),
            )


def load() -> None:
    """Register panel, timeline and troubles."""
    panel = Panel(
        name="loyalty.rewards",
        title=gettext_lazy("Rewards"),
        build=claimed,
        permission="retention_loyalty.view_claim",
    )
    registry.panels.add(panel.name, panel)
    registry.timeline.add("loyalty.rewards", timeline)
    registry.troubles.add("loyalty.rewards", troubles)
