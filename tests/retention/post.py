"""What a person does with a mail: wait for it, open its link."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage
from django.db.models import Model

from retention.services import delivery

LINK = re.compile(r"https://shop\.example\.com(/retention/[^\s<\"]+)")


def fetch(box: list[EmailMessage], at: datetime) -> list[EmailMessage]:
    """Let what is due be sent; return it."""
    before = len(box)
    delivery.deliver(at=at)
    return box[before:]


def link(mail: EmailMessage) -> str:
    """Return the path of the mail's button."""
    return LINK.findall(str(mail.body))[0]


def links(mail: EmailMessage) -> list[str]:
    """Return every path of ours in a mail, of text, HTML and headers."""
    parts: Sequence[object] = [
        mail.body,
        *(content for content, _ in getattr(mail, "alternatives", [])),
        *mail.extra_headers.values(),
    ]
    return sorted({path.rstrip(">") for part in parts for path in LINK.findall(str(part))})


def rows() -> str:
    """Everything that is stored about people: our tables, users and sessions."""
    ours = ("retention.models.", "django.contrib.sessions.")
    models: list[type[Model]] = [model for model in apps.get_models() if model.__module__.startswith(ours)]
    return str([list(model._default_manager.order_by("pk").values()) for model in [*models, get_user_model()]])
