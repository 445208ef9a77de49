"""A test mail to a member of staff: what a customer would get, marked as a test, with no link that opens anything."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from retention.conf import conf
from retention.mail import Mail
from retention.models import Text
from retention.redaction import without_addresses
from retention.services import line, previewing, throttle, writing

log = logging.getLogger(__name__)

AN_HOUR = 3600
MOST = 30
"""Test mails that one member of staff may send in an hour."""
HEADERS = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


class NotSent(Exception):
    """The test mail did not go out; the message says why, to who asked for it."""


def send(mail: Mail, text: Text, *, to: str, staff: int, at: datetime) -> None:
    """Send a sample person's mail to ``to`` over the shop's own line. It is no message: no cap counts it.

    ``staff`` is the id of who asked. Raises NotSent and CannotRender.
    """
    try:
        validate_email(to)
    except ValidationError:
        raise NotSent(_("“%(to)s” is no e-mail address.") % {"to": to}) from None
    if not conf.FROM_EMAIL:
        raise NotSent(_("Set FROM_EMAIL in RETENTION first: nobody knows from whom the mail would be."))
    if not throttle.hit(scope="test_mail", who=f"staff {staff}", limit=MOST, seconds=AN_HOUR, at=at):
        raise NotSent(_("You have sent %(most)d test mails within an hour. Please wait a little.") % {"most": MOST})
    written = previewing.preview(mail, text, language=text.language, customer=None, at=at)
    marked = replace(written, subject=f"[{_('Test')}] {written.subject}"[:200])
    try:
        line.send_one(writing.compose(marked, to=to, headers=HEADERS))
    except Exception as error:
        log.warning("a test mail of staff %s could not be sent: %s", staff, type(error).__name__)
        said = without_addresses(f"{type(error).__name__}: {error}")[:200]
        raise NotSent(_("The mail server did not take it: %(error)s") % {"error": said}) from error
    log.info("staff %s sent a test of %s (%s)", staff, mail.name, text.language)
