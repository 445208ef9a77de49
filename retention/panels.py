"""The ground's panels of the customer's page: orders, messages, consent; and its entries of the timeline."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from retention import moments, registry
from retention.models import Customer, Fact, Message, Order, Preference
from retention.money import show
from retention.registry import Event, Panel, PanelData, Row

RECENT = 50


def orders(customer: Customer) -> PanelData:
    """Return the customer's latest orders, with what came of each."""
    rows = [
        Row(
            cells=(
                order.number,
                moments.show(order.placed_at),
                show(order.total_minor, order.currency),
                show(order.refunded_minor, order.currency) if order.refunded_minor else "",
                _("cancelled") if order.cancelled_at else order.host_status,
                ", ".join(use.code for use in order.coupons.all()),
            ),
            url=reverse("admin:retention_order_change", args=[order.pk]),
            source=_("history") if order.history else _("the shop"),
        )
        for order in customer.orders.order_by("-placed_at").prefetch_related("coupons")[:RECENT]
    ]
    spends = ", ".join(show(spend.net_minor, spend.currency) for spend in customer.spends.order_by("currency"))
    return PanelData(
        columns=(_("Order"), _("Placed"), _("Total"), _("Refunded"), _("Status"), _("Coupons")),
        rows=rows,
        summary=ngettext("%(count)s order that counts", "%(count)s orders that count", customer.orders_count)
        % {"count": customer.orders_count}
        + (f", {spends}" if spends else ""),
    )


def messages(customer: Customer) -> PanelData:
    """Return the customer's messages, sent and to come."""
    rows = []
    for message in customer.messages.order_by("-due_at")[:RECENT]:
        mail = registry.mails.get(message.mail)
        rows.append(
            Row(
                cells=(
                    mail.label if mail else message.mail,
                    message.get_purpose_display(),
                    message.get_state_display(),
                    moments.show(message.sent_at or message.due_at),
                    message.reason,
                ),
                url=reverse("admin:retention_message_change", args=[message.pk]),
                source=message.source,
            )
        )
    return PanelData(columns=(_("Mail"), _("Purpose"), _("State"), _("When"), _("Reason")), rows=rows)


def consent(customer: Customer) -> PanelData:
    """Return what the customer has said about mail, with the evidence."""
    rows = [
        Row(
            cells=(
                entry.get_purpose_display(),
                _("yes") if entry.granted else _("no"),
                entry.get_basis_display(),
                moments.show(entry.at),
                entry.text,
            ),
            source=entry.source,
        )
        for entry in customer.consent_evidence.order_by("-at")[:RECENT]
    ]
    now = ", ".join(
        [
            *(
                f"{entry.get_purpose_display()}: {_('yes') if entry.granted else _('no')}"
                for entry in customer.consents.order_by("purpose")
            ),
            *_wishes(customer),
        ]
    )
    return PanelData(
        columns=(_("Purpose"), _("Answer"), _("Basis"), _("When"), _("Text shown")), rows=rows, summary=now
    )


def _wishes(customer: Customer) -> Iterator[str]:
    pace = Preference.objects.filter(customer=customer).first()
    if pace and pace.every_days:
        yield pace.get_every_days_display()
    if pace and pace.paused_until:
        yield _("paused until %(day)s") % {"day": moments.show(pace.paused_until)}
    left_out = customer.topic_choices.filter(wanted=False).order_by("topic").values_list("topic__slug", flat=True)
    if left_out:
        yield _("without the topics: %(topics)s") % {"topics": ", ".join(left_out)}


FACTS = {
    "retention.OrderPlaced": gettext_lazy("Order %(order)s placed"),
    "retention.OrderPaid": gettext_lazy("Order %(order)s paid"),
    "retention.OrderFulfilled": gettext_lazy("Order %(order)s sent"),
    "retention.OrderDelivered": gettext_lazy("Order %(order)s delivered"),
    "retention.OrderCancelled": gettext_lazy("Order %(order)s cancelled"),
    "retention.OrderReinstated": gettext_lazy("Order %(order)s reinstated"),
    "retention.OrderRefunded": gettext_lazy("Order %(order)s refunded"),
    "retention.OrderChangedHands": gettext_lazy("Order %(order)s attached to this customer"),
    "retention.AccountOpened": gettext_lazy("Account opened"),
    "retention.AddressProven": gettext_lazy("Address confirmed"),
    "retention.GuestAbsorbed": gettext_lazy("Guest orders joined"),
    "retention.ConsentGiven": gettext_lazy("Consent given: %(purpose)s"),
    "retention.ConsentWithdrawn": gettext_lazy("Consent withdrawn: %(purpose)s"),
    "retention.SignupConfirmed": gettext_lazy("Sign-up confirmed"),
    "retention.ProfileAnswered": gettext_lazy("Question answered: %(question)s"),
}


def timeline(customer: Customer) -> Iterator[Event]:
    """Yield what happened to a customer and what is planned."""
    happened = list(Fact.objects.filter(customer=customer.pk, kind__in=FACTS).order_by("-happened_at")[:RECENT])
    references = {fact.payload["order"] for fact in happened if "order" in fact.payload}
    orders = {order.reference: order for order in Order.objects.filter(reference__in=references)}
    for fact in happened:
        order = orders.get(fact.payload.get("order", ""))
        yield Event(
            at=fact.happened_at,
            text=str(FACTS[fact.kind]) % {**fact.payload, **({"order": order.number} if order else {})},
            url=reverse("admin:retention_order_change", args=[order.pk]) if order else "",
        )
    for message in customer.messages.order_by("-due_at")[:RECENT]:
        mail = registry.mails.get(message.mail)
        planned = message.state in (Message.State.PLANNED, Message.State.DUE)
        yield Event(
            at=message.sent_at or message.due_at,
            text=_("Mail “%(mail)s”: %(state)s")
            % {"mail": mail.label if mail else message.mail, "state": message.get_state_display()},
            url=reverse("admin:retention_message_change", args=[message.pk]),
            planned=planned,
        )


def load() -> None:
    """Register the ground's panels and its part of the timeline."""
    for panel in (
        Panel(name="retention.orders", title=gettext_lazy("Orders"), build=orders),
        Panel(name="retention.messages", title=gettext_lazy("Messages"), build=messages),
        Panel(name="retention.consent", title=gettext_lazy("Consent"), build=consent),
    ):
        registry.panels.add(panel.name, panel)
    registry.timeline.add("retention", timeline)
