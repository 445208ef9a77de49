"""Values to try a mail's words with, when there is no recipient."""

from __future__ import annotations

from typing import Any

from django.utils import translation
from django.utils.functional import Promise

from retention import mail as blocks
from retention.conf import conf
from retention.mail import Mail
from retention.services import texts
from retention.services import values as mail_values

PAGE = "/retention/sample/"
"""Where links of a sample lead: to nobody's page."""


def values(mail: Mail, *, language: str = "", first_name: str = "") -> dict[str, Any]:
    """Return a value for everything that a mail declares, as a recipient's would look; no link in it opens anything."""
    link = f"{conf.BASE_URL}{PAGE}"
    made: dict[str, Any] = {name: name for name in mail.values}
    parts = texts.parts(mail)
    for block in (block for body in (mail.body, *(part.body for part in parts)) for block in body):
        if isinstance(block, blocks.Button):
            made[block.link] = link
        if isinstance(block, blocks.Rating):
            made[block.scores] = [{"score": score, "url": f"{link}{score}/"} for score in range(1, 6)]
    with translation.override(language or translation.get_language()):
        for samples in (mail.samples, *(part.samples for part in parts)):
            made.update({name: _said(value) for name, value in samples.items()})
    unsubscribe = None if mail.purpose == "service" else f"{conf.BASE_URL}/retention/u/sample"
    return {**made, **mail_values.common(first_name=first_name, unsubscribe_url=unsubscribe)}


def _said(value: Any) -> Any:
    """Return a sample as it is in the active language."""
    if isinstance(value, Promise):
        return str(value)
    if isinstance(value, list):
        return [_said(one) for one in value]
    if isinstance(value, dict):
        return {name: _said(one) for name, one in value.items()}
    return value
