"""Gifts, challenges and giving on the customer's page in admin, and in the customer's timeline."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty import challenge_words, giving_words, present_words, queries
from loyalty.models import Cause, Participation, Present
from loyalty.services import donations, gift_ways, giving
from retention import moments, registry
from retention.models import Customer
from retention.registry import Event, Panel, PanelData, Row

RECENT = 50


def presents(customer: Customer) -> PanelData:
    """Return the customer's gifts and rewards of challenges, newest first; the summary says how far the next are."""
    rows = list(_presents(customer))
    terms = present_words.terms_of([row.offer_id for row in rows])
    numbers = queries.order_numbers(row.order for row in rows if row.order)
    return PanelData(
        columns=(_("When"), _("For"), _("What"), _("State"), _("Order")),
        rows=[
            Row(
                cells=(
                    moments.show(row.given_at or row.due_at),
                    _reason(row),
                    present_words.what(row, terms),
                    row.get_state_display(),
                    numbers.get(row.order, row.order),
                ),
                url=reverse("admin:retention_loyalty_present_change", args=[row.pk]),
                source=row.waits,
            )
            for row in rows
        ],
        summary="; ".join(_ways(customer)),
    )


def _presents(customer: Customer) -> list[Present]:
    rows = Present.objects.filter(customer=customer).select_related("version__plan", "participation__challenge")
    return list(rows.order_by("-pk")[:RECENT])


def _reason(row: Present) -> str:
    if row.version is not None:
        return row.version.plan.name
    assert row.participation is not None
    return row.participation.challenge.name


def _ways(customer: Customer) -> Iterator[str]:
    """Yield how far each gift is, that of a surprise, too: it is staff who read it."""
    now = timezone.now()  # noqa: TID251  (a panel is the edge: the page gives it no clock)
    for one, count, ahead in gift_ways.progress(customer):
        if one.in_force(now) is not None and count.every is not None:
            yield ngettext(
                "%(name)s: %(done)s of %(all)s order", "%(name)s: %(done)s of %(all)s orders", count.every
            ) % {"name": one.plan.name, "done": count.towards, "all": count.every * (1 + ahead)}


def challenges(customer: Customer) -> PanelData:
    """Return the challenges that a customer takes part in, newest first."""
    rows = Participation.objects.filter(customer=customer).select_related("challenge").order_by("-joined_at", "-pk")
    return PanelData(
        columns=(_("Joined"), _("Challenge"), _("Reached"), _("State"), _("Until")),
        rows=[
            Row(
                cells=(
                    moments.show(row.joined_at),
                    row.challenge.name,
                    challenge_words.progress(row.challenge, row.progress),
                    row.get_state_display(),
                    moments.show(row.ends_at) if row.ends_at else "–",
                ),
                url=reverse("admin:retention_loyalty_participation_change", args=[row.pk]),
            )
            for row in rows[:RECENT]
        ],
    )


def given(customer: Customer) -> PanelData:
    """Return what the customer's orders and points have given to causes."""
    sums = {
        ("contribution", _("orders")): giving.by_customer(customer),
        ("donation", _("points")): donations.by_customer(customer),
    }
    names = dict(Cause.objects.filter(pk__in={pk for found in sums.values() for pk in found}).values_list("pk", "name"))
    return PanelData(
        columns=(_("Cause"), _("By"), _("Given")),
        rows=[
            Row(
                cells=(names[cause], by, giving_words.sums(found[cause])),
                url=reverse(f"admin:retention_loyalty_{model}_changelist")
                + f"?cause__id__exact={cause}&q={customer.pk}",
            )
            for (model, by), found in sums.items()
            for cause in sorted(found, key=lambda cause: names[cause])
        ],
    )


def timeline(customer: Customer) -> Iterator[Event]:
    """Yield presents given and undone, and challenges joined."""
    rows = _presents(customer)
    terms = present_words.terms_of([row.offer_id for row in rows])
    for row in rows:
        words = {"name": _reason(row), "what": present_words.what(row, terms)}
        url = reverse("admin:retention_loyalty_present_change", args=[row.pk])
        if row.given_at:
            yield Event(at=row.given_at, text=_("%(name)s: %(what)s given") % words, url=url)
        if row.given_at and row.undone_at:
            yield Event(at=row.undone_at, text=_("%(name)s: %(what)s taken back") % words, url=url)
    joined = Participation.objects.filter(customer=customer).select_related("challenge").order_by("-pk")[:RECENT]
    for one in joined:
        url = reverse("admin:retention_loyalty_participation_change", args=[one.pk])
        yield Event(at=one.joined_at, text=_("Takes part in “%(name)s”") % {"name": one.challenge.name}, url=url)


def load() -> None:
    """Register the panels and the timeline."""
    for name, title, build, model in (
        ("presents", gettext_lazy("Gifts and rewards of challenges"), presents, "present"),
        ("challenges", gettext_lazy("Challenges"), challenges, "participation"),
        ("giving", gettext_lazy("Given to causes"), given, "contribution"),
    ):
        panel = Panel(name=f"loyalty.{name}", title=title, build=build, permission=f"retention_loyalty.view_{model}")
        registry.panels.add(panel.name, panel)
    registry.timeline.add("loyalty.presents", timeline)
