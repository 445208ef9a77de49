"""The mail that says what keeps a tier. Service mail, with nothing else in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from loyalty import tier_words
from loyalty.models import Tier
from loyalty.services import tier_notices
from retention.links import absolute
from retention.mail import Button, Heading, Mail, Para, register
from retention.models import Message
from retention.services import texts


def _values(messages: Sequence[Message], at: datetime) -> Mapping[int, Mapping[str, Any]]:
    keeping = tier_notices.keeping([message.customer_id for message in messages], at=at)
    tiers = Tier.objects.select_related("table").in_bulk({one.tier for one in keeping.values()})
    values = {}
    for message in messages:
        one = keeping[message.customer_id]
        tier = tiers[one.tier]
        with translation.override(texts.language_for(message)):
            values[message.pk] = {
                "tier": tier.name,
                "day": date_format(one.last_day),
                "stay": tier_words.to_stay(one, tier=tier.name, metric=tier.table.metric, currency=tier.table.currency),
                "link": absolute(reverse("retention:account")),
            }
    return values


def _kept(messages: Sequence[Message], at: datetime) -> Mapping[int, str]:
    keeping = tier_notices.keeping([message.customer_id for message in messages], at=at)
    return {message.pk: "no tier is about to be lost" for message in messages if message.customer_id not in keeping}


def load() -> None:
    """Register the mail."""
    register(
        Mail(
            name=tier_notices.MAIL,
            label=_("A tier that is about to end"),
            purpose="service",
            subject=_("You are {{ tier }} at {{ shop.name }} until {{ day }}"),
            preheader=_("What keeps it for longer."),
            values={
                "tier": _("the name of the tier"),
                "day": _("the last day of the tier"),
                "stay": _("what keeps the tier, e.g. “Spend €42.00 by 3 March to stay Gold.”"),
                "link": _("the page with the tier and all points"),
            },
            samples={
                "tier": _("Gold"),
                "day": _("March 3"),
                "stay": _("Spend €42.00 by 3 March to stay Gold."),
            },
            build=_values,
            refuse=_kept,
            body=[
                Heading(words=_("You are {{ tier }} until {{ day }}")),
                Para(words=_("{{ stay }}")),
                Button(words=_("See my tier"), link="link"),
                Para(words=_("Your points stay, whatever your tier is.")),
            ],
        )
    )
