"""The mail of loyalty: points that end soon. Service mail, with nothing else in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from campaigns.validity import last_day
from loyalty import queries, showing
from loyalty.services import notices
from retention.links import absolute
from retention.mail import Button, Heading, Mail, Para, register
from retention.models import Message
from retention.services import texts


def _values(messages: Sequence[Message], at: datetime) -> Mapping[int, Mapping[str, Any]]:
    soon = notices.ending({message.customer_id for message in messages}, at=at)
    rates = queries.worth_rates()
    values = {}
    for message in messages:
        one = soon[message.customer_id]
        with translation.override(texts.language_for(message)):
            values[message.pk] = {
                "ending": showing.balance(one.points, rates)
                or ngettext("%(n)s point", "%(n)s points", one.points) % {"n": one.points},
                "day": date_format(last_day(one.first)),
                "link": absolute(reverse("retention:account")),
            }
    return values


def _spent(messages: Sequence[Message], at: datetime) -> Mapping[int, str]:
    soon = notices.ending({message.customer_id for message in messages}, at=at)
    return {message.pk: "no points end soon" for message in messages if message.customer_id not in soon}


def load() -> None:
    """Register the mails of this app."""
    register(
        Mail(
            name=notices.MAIL,
            label=_("Points that end soon"),
            purpose="service",
            subject=_("{{ ending }} at {{ shop.name }} end soon"),
            preheader=_("They can be used until {{ day }}."),
            values={
                "ending": _("how many points end soon, e.g. “120 points”"),
                "day": _("the day on which the first of them end"),
                "link": _("the page with all points"),
            },
            samples={"ending": _("120 points"), "day": _("March 3")},
            build=_values,
            refuse=_spent,
            body=[
                Heading(words=_("Points that end soon")),
                Para(words=_("{{ ending }} of yours end unless they are used; the first of them on {{ day }}.")),
                Button(words=_("See my points"), link="link"),
                Para(words=_("All your other points stay.")),
            ],
        )
    )
