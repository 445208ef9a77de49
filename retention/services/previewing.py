"""Showing staff what somebody would get: nothing is sent, written or minted, and no link in it opens anything."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from retention.mail import Asked, Mail
from retention.models import Customer, Text
from retention.services import rendering, samples, texts, utm
from retention.services import values as mail_values
from retention.services.rendering import CannotRender, Rendered

log = logging.getLogger(__name__)

SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
META = re.compile(r'(<meta name="(?:supported-)?color-schemes?" content=")[^"]*(")')
SAMPLE_NAME = "Ada"


def preview(mail: Mail, text: Text, *, language: str, customer: Customer | None, at: datetime) -> Rendered:
    """Return what a customer who wants ``language`` gets, with this text in place of the one that is saved.

    Without a customer it is a sample person. The mail's own values are samples for everybody, since a real one may be
    a key to somebody's page; names, goods and points are the customer's. Raises CannotRender.
    """
    own = {row.language: row for row in Text.objects.filter(mail=mail.name)} | {text.language: text}
    choice = texts.pick(language, own)
    name = customer.first_name if customer else SAMPLE_NAME
    values = samples.values(mail, language=choice.language, first_name=name)
    asked = Asked(
        key=0,
        customer=customer.pk if customer else 0,
        language=choice.language,
        products=choice.text.products if choice.text else (),
    )
    for value, found in _of_parts(mail, asked, own, at=at).items():
        if customer or found is not None:
            values[value] = found
    return rendering.render(mail, language=language, values=values, own=own, tags=utm.tags(mail.name))


def _of_parts(mail: Mail, asked: Asked, own: dict[str, Text], *, at: datetime) -> dict[str, Any]:
    try:
        with transaction.atomic():
            return mail_values.of_parts(mail, [asked], own=own, at=at)[asked.key]
    except Exception as error:
        log.exception("the parts of a preview cannot be found out")
        fault = _("the shop could not say which goods it has (%(error)s)") % {"error": type(error).__name__}
        raise CannotRender(fault, fault=fault) from error


def in_colors(written: Rendered, *, dark: bool) -> Rendered:
    """Return a mail as it looks to who prefers light or dark colors, whatever the reader of the preview prefers."""

    def decide(found: re.Match[str]) -> str:
        return "(min-width: 0)" if (found[1].lower() == "dark") == dark else "(max-width: 0)"

    html = SCHEME.sub(decide, written.html)
    return replace(written, html=META.sub(rf"\g<1>{'dark' if dark else 'light'}\g<2>", html))


def find(named: str) -> Customer | None:
    """Return the customer with this number or address, a member before a guest; None without one."""
    rows = Customer.objects.living()
    if named.isdecimal():
        return rows.filter(pk=int(named)).first() if len(named) < 19 else None
    found = list(rows.at_address(named).order_by("pk")) if named else []
    return min(found, key=lambda row: not row.is_member, default=None)
