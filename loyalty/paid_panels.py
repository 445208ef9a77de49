"""Paid memberships on the customer's page in admin, and what is wrong with plans."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.services import offers
from loyalty import paid_words
from loyalty.models import PaidTerm, Plan
from loyalty.services import plan_pauses
from retention import enumeration, moments, registry
from retention.models import Customer
from retention.money import show
from retention.registry import Event, Panel, PanelAction, PanelData, Row, Trouble
from retention.shop import Capability, get_shop_or_none

NAMED = 5
"""How many orders are named in one trouble."""


def memberships(customer: Customer) -> PanelData:
    """Return what a customer has paid for or was given, newest first."""
    rows = [
        Row(
            cells=(
                term.plan.name,
                moments.show(term.starts_at) if term.starts_at else "–",
                moments.show(term.ends_at) if term.ends_at else "–",
                show(term.paid_minor, term.currency) if term.currency else "–",
                term.order or f"{term.reason} ({term.author})",
                _what(term),
            ),
            url=reverse("admin:retention_loyalty_paidterm_change", args=[term.pk]),
            source=_("the shop's order") if term.order else _("staff"),
        )
        for term in PaidTerm.objects.filter(customer=customer).select_related("plan").order_by("-pk")
    ]
    actions = []
    if customer.kind != Customer.Kind.GUEST and customer.absorbed_into_id is None and Plan.objects.exists():
        actions.append(
            PanelAction(
                label=_("Give a membership"),
                url=reverse("admin:retention_loyalty_paidterm_grant", args=[customer.pk]),
                permission="retention_loyalty.grant_membership",
            )
        )
    columns = (_("Membership"), _("From"), _("Until"), _("Paid"), _("By"), _("State"))
    return PanelData(columns=columns, rows=rows, actions=actions)


def _what(term: PaidTerm) -> str:
    if term.ended_at:
        return _("ended by %(who)s: %(why)s") % {"who": term.ended_by, "why": term.ended_reason}
    if term.ends_at is None:
        return _("called off") if term.units == 0 else _("waits for an account")
    return _("renewed") if term.renews else _("new")


def timeline(customer: Customer) -> Iterator[Event]:
    """Yield when memberships begin and end, or will."""
    now = timezone.now()  # noqa: TID251  (a panel is the edge: the page gives it no clock)
    for term in PaidTerm.objects.filter(customer=customer, ends_at__isnull=False).select_related("plan"):
        url = reverse("admin:retention_loyalty_paidterm_change", args=[term.pk])
        assert term.starts_at is not None  # of the constraint
        assert term.ends_at is not None
        for at, words in ((term.starts_at, _("%(plan)s begins")), (term.ends_at, _("%(plan)s ends"))):
            yield Event(at=at, text=words % {"plan": term.plan.name}, url=url, planned=at > now)


def troubles(at: datetime) -> Iterator[Trouble]:
    """Yield what staff should look at."""
    plans = list(Plan.objects.filter(active=True).select_related("free_shipping", "gift").order_by("name"))
    shop = get_shop_or_none()
    sold = {plan.product for plan in plans} - {""}
    known = shop.get_products(sold) if shop and sold and Capability.CATALOGUE in shop.capabilities else None
    for plan in plans:
        url = reverse("admin:retention_loyalty_plan_change", args=[plan.pk])
        if plan.product and known is not None and plan.product not in known:
            yield Trouble(
                what=_("“%(plan)s” is sold by a product that the shop does not have: %(product)s")
                % {"plan": plan.name, "product": plan.product},
                cure=_("Put the product into the catalogue, or give the paid membership the right one."),
                url=url,
            )
        for offer in filter(None, (plan.free_shipping, plan.gift)):
            if offers.closed(offer, at=at) or offer.first_order_only:
                yield Trouble(
                    what=_("The offer “%(offer)s” is promised to members of “%(plan)s”, and gives no coupons now")
                    % {"offer": offer.name, "plan": plan.name},
                    cure=_("Switch the offer on, or give the paid membership another."),
                    url=url,
                )
    yield from _missed()


def _missed() -> Iterator[Trouble]:
    """Yield whose product was bought while they were off sale, with the numbers of the first few orders."""
    for plan in Plan.objects.filter(pauses__isnull=False).exclude(product="").distinct().order_by("name"):
        rows = plan_pauses.missed(plan)
        if not (count := rows.count()):
            continue
        numbers = list(rows.values_list("number", flat=True)[:NAMED])
        yield Trouble(
            what=f"{paid_words.missed(plan, count)}: {enumeration.listed(numbers)}{'…' if count > NAMED else ''}",
            cure=_(
                "Give the membership by hand on the customer's page, or pay the order back. Take the product out of "
                "the shop while the membership is off."
            ),
            count=count,
            url=reverse("admin:retention_loyalty_plan_change", args=[plan.pk]),
        )


def load() -> None:
    """Register panel, timeline and troubles."""
    panel = Panel(
        name="loyalty.membership",
        title=gettext_lazy("Paid membership"),
        build=memberships,
        permission="retention_loyalty.view_paidterm",
    )
    registry.panels.add(panel.name, panel)
    registry.timeline.add("loyalty.membership", timeline)
    registry.troubles.add("loyalty.membership", troubles)
