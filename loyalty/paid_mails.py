"""The mail of paid membership: it ends soon. Service mail, with nothing else in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from loyalty import paid_words
from loyalty.models import PaidMember
from loyalty.services import paid_notices
from retention.links import absolute
from retention.mail import Button, Heading, Mail, Para, register
from retention.models import Message
from retention.services import texts
from retention.shop import get_shop


def _ending(messages: Sequence[Message]) -> dict[int, PaidMember]:
    """Return message id → the membership that it is about, where that runs."""
    rows = PaidMember.objects.filter(customer__in={message.customer_id for message in messages}, until__isnull=False)
    running = {(row.customer_id, row.plan_id): row for row in rows.select_related("plan")}
    about = {message.pk: (message.customer_id, message.values.get("plan")) for message in messages}
    return {pk: running[pair] for pk, pair in about.items() if pair in running}


def _values(messages: Sequence[Message], at: datetime) -> Mapping[int, Mapping[str, Any]]:
    ending = _ending(messages)
    products = get_shop().get_products({row.plan.product for row in ending.values()} - {""})
    values = {}
    for message in messages:
        row = ending[message.pk]
        assert row.until is not None  # of the filter above
        product = products.get(row.plan.product)
        with translation.override(texts.language_for(message)):
            values[message.pk] = {
                "membership": row.plan.name,
                "day": paid_words.day(row.until),
                "link": absolute(product.url if product and product.url else reverse("retention:account")),
            }
    return values


def _renewed(messages: Sequence[Message], at: datetime) -> Mapping[int, str]:
    ending = _ending(messages)
    refused = {}
    for message in messages:
        row = ending.get(message.pk)
        if row is None or row.told_until != row.until:
            refused[message.pk] = "the membership was renewed, or has ended"
    return refused


def load() -> None:
    """Register the mails of paid membership."""
    register(
        Mail(
            name=paid_notices.MAIL,
            label=_("A paid membership that ends soon"),
            purpose="service",
            subject=_("Your {{ membership }} at {{ shop.name }} ends on {{ day }}"),
            preheader=_("Nothing is charged by itself."),
            values={
                "membership": _("name of the paid membership"),
                "day": _("the last day of the membership"),
                "link": _("the page of the product with which it goes on"),
            },
            samples={"membership": _("Club"), "day": _("March 3")},
            build=_values,
            refuse=_renewed,
            body=[
                Heading(words=_("Your {{ membership }} ends soon")),
                Para(words=_("It is good until {{ day }} and ends by itself. Nothing is charged.")),
                Para(words=_("If you would like to go on, you can buy it again: it then goes on from that day.")),
                Button(words=_("See {{ membership }}"), link="link"),
            ],
        )
    )
