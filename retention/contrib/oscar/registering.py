"""The box on Oscar's registration pages, and the evidence of who ticked it. Nobody's is ticked for them.

Registering is no sale, so silence here is no consent (see the decision record 17); a tick is what it says.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from retention import origin
from retention.conf import conf
from retention.hashing import origin_hash
from retention.models.consent import Purpose
from retention.services import customers, profile
from retention.services.profile import Shown

log = logging.getLogger(__name__)

OPT_OUT, OPT_IN = "opt_out", "opt_in"
"""What ``RETENTION["REGISTRATION_ASKS"]`` may say; empty: nothing is asked."""

LABELS = {
    OPT_OUT: _(
        "When you buy from us, we will e-mail you now and then about similar things that we sell; "
        "every such mail has a link that stops them. Please tick this if you do not want that."
    ),
    OPT_IN: _("Send me offers and news by e-mail. I can end them at any time by one click in each mail."),
}

PAGES = ("customer:register", "customer:login")
FORMS = ("form", "registration_form")
"""What the form is called in the context of these pages."""

TICKED = "retention_registration"
SHOWN = "retention_registration_shown"
"""Hidden field: what was asked, version and language of the words that stood there."""


def ask(request: Any, response: Any) -> None:
    """Put the box into the form of a registration page that is about to be rendered, whoever wrote its template."""
    if conf.REGISTRATION_ASKS not in LABELS or request.resolver_match.view_name not in PAGES:
        return
    for name in FORMS:
        form = (response.context_data or {}).get(name)
        if isinstance(form, forms.BaseForm) and "password1" in form.fields:
            language = translation.get_language() or settings.LANGUAGE_CODE
            shown = f"{conf.REGISTRATION_ASKS}:{version(conf.REGISTRATION_ASKS)}:{language}"
            form.fields[TICKED] = forms.BooleanField(label=LABELS[conf.REGISTRATION_ASKS], required=False)
            # written out, since a form that comes back would show what was posted
            form.fields[SHOWN] = forms.CharField(required=False, widget=_Fixed(shown))


class _Fixed(forms.HiddenInput):
    """A hidden input with one value, whatever the form was given."""

    def __init__(self, value: str) -> None:
        super().__init__()
        self.value = value

    def format_value(self, value: Any) -> str:
        return self.value


def version(asked: str) -> str:
    """Return the version of the words: other words are another one by themselves."""
    with translation.override(None):
        return hashlib.blake2b(str(LABELS[asked]).encode(), digest_size=4).hexdigest()


def keep(request: Any, user: Any, *, at: datetime) -> None:
    """Write down what the new member ticked. A failure is logged: the account comes first."""
    try:
        with transaction.atomic():
            for asked, shown in _ticked(request):
                profile.choose(
                    customers.for_user(user, at=at),
                    purpose=Purpose.MARKETING,
                    granted=asked == OPT_IN,
                    shown=Shown(
                        text=shown[0], version=shown[1], source="registration", origin=origin_hash(origin.of(request))
                    ),
                    at=at,
                )
    except Exception:
        log.exception("what was chosen at the registration of user %s could not be kept", user.pk)


def _ticked(request: Any) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield what was asked, text and version, where the box was ticked in front of words that we know."""
    posted = getattr(request, "POST", None) or {}
    for prefix in ("", "registration-"):
        if not posted.get(prefix + TICKED):
            continue
        asked, _colon, rest = posted.get(prefix + SHOWN, "").partition(":")
        given, _colon, language = rest.partition(":")
        if asked not in LABELS:
            continue
        known = given == version(asked) and language in dict(settings.LANGUAGES)
        if known:
            with translation.override(language):
                yield asked, (f"[x] {LABELS[asked]}", given)
        elif asked == OPT_OUT:
            yield asked, ("", given[:40])  # words of an older version are not ours to quote; a no counts all the same
