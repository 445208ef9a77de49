"""The coupons on the customer's page in admin, and in the timeline."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse, reverse_lazy
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import queries, validity, wording
from campaigns.models import Coupon, Redemption
from retention import enumeration, registry
from retention.models import Customer
from retention.money import show
from retention.registry import Event, Panel, PanelAction, PanelData, Row

RECENT = 50
USED = (Redemption.State.COMMITTED, Redemption.State.EXCESS)


def coupons(customer: Customer) -> PanelData:
    """Return the customer's coupons: what each gives, what came of it, and where it came from."""
    rows = [
        Row(
            cells=(
                coupon.code,
                " ".join(filter(None, (wording.gives(coupon.terms, coupon.money), wording.minimum(coupon.money)))),
                coupon.get_state_display(),
                date_format(validity.last_day(coupon.expires_at), "SHORT_DATE_FORMAT"),
                enumeration.listed(_use(use) for use in coupon.redemptions.all()),
            ),
            url=reverse("admin:retention_campaigns_coupon_change", args=[coupon.pk]),
            source=_origin(coupon),
        )
        for coupon in queries.of_customer(customer.pk)[:RECENT]
    ]
    why = reverse("admin:retention_campaigns_coupon_why")
    return PanelData(
        columns=(_("Code"), _("Gives"), _("State"), _("Expires"), _("Uses")),
        rows=rows,
        actions=[
            PanelAction(
                label=_("Why was a code refused?"),
                url=f"{why}?customer={customer.pk}",
                permission="retention_campaigns.view_coupon",
                looks=True,
            )
        ],
    )


def _use(use: Redemption) -> str:
    if use.state in USED:
        return f"{use.order} ({show(use.discount_minor, use.currency)})" if use.currency else use.order
    return f"{use.order or use.cart}: {use.get_state_display()}"


def _origin(coupon: Coupon) -> str:
    order = _("order %(order)s") % {"order": coupon.order} if coupon.order else ""
    return enumeration.listed(filter(None, [coupon.offer.name, coupon.source, order]))


def timeline(customer: Customer) -> Iterator[Event]:
    """Yield what became of the customer's coupons."""
    for coupon in queries.of_customer(customer.pk)[:RECENT]:
        url = reverse("admin:retention_campaigns_coupon_change", args=[coupon.pk])
        given = _("Coupon %(code)s given: %(offer)s") % {"code": coupon.code, "offer": coupon.offer.name}
        yield Event(at=coupon.issued_at, url=url, text=given)
        if coupon.voided_at:
            yield Event(at=coupon.voided_at, url=url, text=_("Coupon %(code)s called off") % {"code": coupon.code})
        for use in coupon.redemptions.all():
            named = {"code": coupon.code, "order": use.order}
            if use.committed_at:
                yield Event(at=use.committed_at, url=url, text=_("Coupon %(code)s used by order %(order)s") % named)
            if use.released_at and use.committed_at:
                yield Event(at=use.released_at, url=url, text=_("Coupon %(code)s back from order %(order)s") % named)


PANELS = [
    Panel(name="campaigns.coupons", title=gettext_lazy("Coupons"), build=coupons),
]


WHY = PanelAction(
    label=gettext_lazy("Why was a coupon's code refused?"),
    url=reverse_lazy("admin:retention_campaigns_coupon_why"),
    permission="retention_campaigns.view_coupon",
    looks=True,
)


def load() -> None:
    """Register the panels of this app and its part of the timeline."""
    for panel in PANELS:
        registry.panels.add(panel.name, panel)
    registry.timeline.add("campaigns.coupons", timeline)
    registry.lookups.add("campaigns.why", WHY)
