"""What the customer's page in admin says of journeys, surveys and cases."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import journey_words
from campaigns.models import Enrolment, Invitation, RecoveryCase
from retention import moments, registry
from retention.models import Customer
from retention.registry import Event, Panel, PanelAction, PanelData, Row

RECENT = 50


def _about(customer: Customer) -> Q:
    """Match what is the customer's, and what a guest began for an order that is the customer's now."""
    return Q(customer=customer) | Q(order__in=customer.orders.values("reference"))


def _enrolments(customer: Customer) -> list[Enrolment]:
    rows = Enrolment.objects.filter(_about(customer)).select_related("version__journey")
    return list(rows.order_by("-entered_at", "-pk")[:RECENT])


def _invitations(customer: Customer) -> list[Invitation]:
    rows = Invitation.objects.filter(_about(customer)).select_related("survey", "answer")
    return list(rows.order_by("-due_at", "-pk")[:RECENT])


def _next(enrolment: Enrolment) -> str:
    steps = enrolment.version.steps
    if enrolment.state != Enrolment.State.ACTIVE or enrolment.step >= len(steps):
        return ""
    return journey_words.sentence(steps[enrolment.step])


def journeys(customer: Customer) -> PanelData:
    """Return the journeys that the customer is or was in."""
    return PanelData(
        columns=(_("Journey"), _("State"), _("Reason"), _("Order"), _("Entered"), _("Next step"), _("Due")),
        rows=[
            Row(
                cells=(
                    str(one.version),
                    one.get_state_display(),
                    one.reason,
                    one.order,
                    moments.show(one.entered_at),
                    _next(one),
                    moments.show(one.due_at) if one.state == Enrolment.State.ACTIVE else "",
                ),
                url=reverse("admin:retention_campaigns_enrolment_change", args=[one.pk]),
                source=_("journey:%s") % one.version.journey.slug,
            )
            for one in _enrolments(customer)
        ],
    )


def surveys(customer: Customer) -> PanelData:
    """Return what the customer was asked and answered."""
    rows = []
    for one in _invitations(customer):
        answer = getattr(one, "answer", None)
        rows.append(
            Row(
                cells=(
                    one.survey.name,
                    one.order,
                    one.get_state_display(),
                    one.reason,
                    moments.show(one.sent_at or one.due_at),
                    str(answer.score) if answer else "",
                ),
                url=(
                    reverse("admin:retention_campaigns_answer_change", args=[answer.pk])
                    if answer
                    else reverse("admin:retention_campaigns_invitation_change", args=[one.pk])
                ),
                source=_("survey:%s") % one.survey.slug,
            )
        )
    return PanelData(columns=(_("Survey"), _("Order"), _("State"), _("Reason"), _("When"), _("Score")), rows=rows)


def cases(customer: Customer) -> PanelData:
    """Return the customer's recovery cases, with a button that opens another."""
    rows = [
        Row(
            cells=(
                str(case),
                case.get_state_display(),
                case.get_priority_display(),
                str(case.owner or ""),
                moments.show(case.due_at),
                case.get_outcome_display(),
            ),
            url=reverse("admin:retention_campaigns_recoverycase_change", args=[case.pk]),
            source=case.get_source_display(),
        )
        for case in RecoveryCase.objects.filter(customer=customer)
        .select_related("owner")
        .order_by("-opened_at")[:RECENT]
    ]
    return PanelData(
        columns=(_("Case"), _("State"), _("Priority"), _("Owner"), _("Due"), _("Outcome")),
        rows=rows,
        actions=[
            PanelAction(
                label=_("Open a case"),
                url=reverse("admin:retention_campaigns_recoverycase_open", args=[customer.pk]),
                permission="retention_campaigns.add_recoverycase",
            )
        ],
    )


def timeline(customer: Customer) -> Iterator[Event]:
    """Yield what journeys and surveys did with the customer and what they plan."""
    for one in _enrolments(customer):
        url = reverse("admin:retention_campaigns_enrolment_change", args=[one.pk])
        name = one.version.journey.name
        yield Event(at=one.entered_at, text=_("Entered the journey “%s”") % name, url=url)
        if one.ended_at:
            text = _("Left the journey “%(name)s”: %(reason)s") if one.reason else _("Finished the journey “%(name)s”")
            yield Event(at=one.ended_at, text=text % {"name": name, "reason": one.reason}, url=url)
        if step := _next(one):
            yield Event(at=one.due_at, text=f"{name}: {step}", url=url, planned=True)
    for invitation in _invitations(customer):
        url = reverse("admin:retention_campaigns_invitation_change", args=[invitation.pk])
        name = invitation.survey.name
        if invitation.state == Invitation.State.PLANNED:
            yield Event(at=invitation.due_at, text=_("Survey “%s”") % name, url=url, planned=True)
        if answer := getattr(invitation, "answer", None):
            yield Event(
                at=answer.answered_at,
                text=_("Answered “%(name)s” with %(score)s") % {"name": name, "score": answer.score},
                url=reverse("admin:retention_campaigns_answer_change", args=[answer.pk]),
            )


def load() -> None:
    """Register panels and timeline."""
    for panel in (
        Panel(
            name="campaigns.journeys", title=gettext_lazy("Journeys"), build=journeys,
            permission="retention_campaigns.view_enrolment",
        ),
        Panel(
            name="campaigns.surveys", title=gettext_lazy("Surveys"), build=surveys,
            permission="retention_campaigns.view_answer",
        ),
        Panel(
            name="campaigns.cases", title=gettext_lazy("Recovery cases"), build=cases,
            permission="retention_campaigns.view_recoverycase",
        ),
    ):  # fmt: skip
        registry.panels.add(panel.name, panel)
    registry.timeline.add("campaigns.journeys", timeline)
