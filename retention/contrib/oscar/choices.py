"""The soft opt-in line on the preview page: its words, and the evidence of what was shown and chosen."""

from __future__ import annotations

import hashlib
import logging
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from retention import origin
from retention.hashing import origin_hash
from retention.models import CheckoutChoice
from retention.services import inbox

log = logging.getLogger(__name__)

SENTENCE = _(
    "As you buy from us, we will e-mail you now and then about similar things that we sell, unless you tick this box; "
    "every such mail has a link that stops them."
)
LABEL = _("No, please do not e-mail me about other things.")

SHOWN = "retention_opt_out_shown"
"""Hidden field: version and language of the words that stood on the page."""
TICKED = "retention_opt_out"
KEY = "retention_choice"
"""Session key of a choice whose order is not placed yet: payment may send the shopper elsewhere first."""
ORDER = "checkout_order_id"
"""Where Oscar's session keeps the order just placed."""

current: ContextVar[Any] = ContextVar("retention_oscar_request", default=None)
"""The request in hand: Oscar's signal of a placed order does not bring it along."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    sentence: str
    label: str
    language: str
    version: str

    @property
    def text(self) -> str:
        """What is kept as evidence: the words as they stood on the page, the box between brackets."""
        return f"{self.sentence}\n[ ] {self.label}"


def wording(language: str | None = None) -> Wording:
    """Return the words in a language, the active one by default. Other words are another version by themselves."""
    language = language or translation.get_language() or settings.LANGUAGE_CODE
    with translation.override(None):
        version = hashlib.blake2b(f"{SENTENCE}|{LABEL}".encode(), digest_size=4).hexdigest()
    with translation.override(language):
        return Wording(sentence=str(SENTENCE), label=str(LABEL), language=language, version=version)


def remember(request: Any) -> None:
    """Keep what was shown and chosen until the order is placed. Nothing where the line was not on the page."""
    version, _colon, language = request.POST.get(SHOWN, "").partition(":")
    if not version:
        request.session.pop(KEY, None)
        return
    request.session[KEY] = {
        "version": version[:40],
        "language": language if language in dict(settings.LANGUAGES) else "",
        "opted_out": TICKED in request.POST,
        "before": request.session.get(ORDER),
    }


def ticked(request: Any) -> bool:
    """Whether this shopper ticked the box before the page was shown again."""
    return bool(request.session.get(KEY, {}).get("opted_out"))


def keep_for(order: int, *, at: datetime) -> None:
    """Write down what the shopper of this very request chose, before anybody can be told of the order.

    Else the order could be read, and its journeys begin, while the answer is still on its way.
    """
    request = current.get()
    choice = request.session.get(KEY) if request is not None and hasattr(request, "session") else None
    if choice:
        _write(request, choice, order, at=at)
        request.session.pop(KEY, None)


def keep_late(request: Any, *, at: datetime) -> None:
    """Write the choice down of an order that another request placed, a payment page's say, and have it read again."""
    choice = request.session.get(KEY)
    order = request.session.get(ORDER)
    if not choice or not order or order == choice["before"]:
        return
    _write(request, choice, order, at=at)
    inbox.record(kind="choice", reference=str(order))
    request.session.pop(KEY, None)


def _write(request: Any, choice: dict[str, Any], order: int, *, at: datetime) -> None:
    """Write one row. A failure is logged, the order stands."""
    try:
        words = wording(choice["language"])
        as_shown = words.version == choice["version"] and choice["language"]
        if as_shown or choice["opted_out"]:
            with transaction.atomic():
                CheckoutChoice.objects.get_or_create(
                    order=str(order),
                    defaults={
                        "opted_out": choice["opted_out"],
                        # words of an older version are not ours to quote; a no counts all the same
                        "text": words.text if as_shown else "",
                        "text_version": choice["version"],
                        "language": choice["language"],
                        "origin_hash": origin_hash(origin.of(request)),
                        "at": at,
                    },
                )
    except Exception:
        log.exception("what was chosen while order %s was placed could not be kept", order)
