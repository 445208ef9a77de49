"""Writing the mails of a batch: values set-wise per kind, words in the recipient's language, headers."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import make_msgid, parseaddr
from functools import partial
from typing import Any

from django.core.mail import EmailMultiAlternatives

from retention import links, registry
from retention.conf import conf
from retention.mail import Mail
from retention.models import Message, Text
from retention.services import asking, letters, outbox, texts, utm
from retention.services import values as mail_values
from retention.services.texts import Rendered

log = logging.getLogger(__name__)

State = Message.State
SERVICE = Message.Purpose.SERVICE


@dataclass(kw_only=True)
class Ready:
    """A claimed mail, written and waiting for the line."""

    message: Message
    email: EmailMultiAlternatives
    until: datetime | None = None
    """From then on it must not start: quiet hours begin, or the hour of its rate is over."""
    started: bool = False
    provider_id: str = ""
    """The id that a provider gave it when it took it."""


def write(messages: Sequence[Message], *, at: datetime) -> list[Ready]:
    """Write each mail: values and tokens set-wise per kind, texts in the recipient's language.

    One that cannot be written is failed with the reason; the others go on.
    """
    ready: list[Ready] = []
    for name in sorted({message.mail for message in messages}):
        mail = registry.mails[name]
        group = [message for message in messages if message.mail == name]
        own = {text.language: text for text in Text.objects.filter(mail=name)}
        values, group = asking.ask(partial(mail_values.build, mail, own=own), group, reason="values", at=at)
        tags = utm.tags(name)
        for message in group:
            try:
                email = _email(mail, message, values.get(message.pk, {}), own, tags)
                ready.append(Ready(message=message, email=email))
            except Exception as error:  # noqa: BLE001  (kept on the message; the log holds no personal data)
                log.warning("message %s cannot be written: %s", message.pk, type(error).__name__)
                outbox.settle(message.owner, [message.pk], state=State.FAILED, reason="text", error=error, at=at)
    order = {message.pk: index for index, message in enumerate(messages)}
    return sorted(ready, key=lambda item: order[item.message.pk])


def _email(
    mail: Mail, message: Message, values: Mapping[str, Any], own: Mapping[str, Text], tags: Mapping[str, str]
) -> EmailMultiAlternatives:
    unsubscribe = None
    if message.purpose != SERVICE:
        unsubscribe = links.unsubscribe_url(customer=message.customer_id, purpose=message.purpose)
    written = texts.render(
        mail,
        language=texts.language_of(message.customer.language),
        own=own,
        values={
            **values,
            **mail_values.common(first_name=message.customer.first_name, unsubscribe_url=unsubscribe),
        },
        tags=tags,
    )
    if not message.header_id:
        message.header_id = make_msgid(idstring=str(message.pk), domain=_domain())
    headers = {
        "Message-ID": message.header_id,
        "Auto-Submitted": "auto-generated",
        "List-Id": f"{letters.phrase(conf.SHOP_NAME) or 'Shop'} <{message.purpose}.{_domain()}>",
    }
    if unsubscribe:
        headers["List-Unsubscribe"] = f"<{unsubscribe}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return compose(written, to=message.customer.email, headers=headers)


def compose(written: Rendered, *, to: str, headers: Mapping[str, str]) -> EmailMultiAlternatives:
    """Return a written mail as it goes to the line."""
    email = EmailMultiAlternatives(
        subject=written.subject,
        body=written.text,
        from_email=conf.FROM_EMAIL,
        to=[to],
        reply_to=[conf.REPLY_TO or conf.FROM_EMAIL],
        headers={name: _one_line(value) for name, value in headers.items()},
    )
    email.attach_alternative(written.html, "text/html")
    return email


def _one_line(value: str) -> str:
    return "".join(value.splitlines()).strip()


def _domain() -> str:
    return letters.route(parseaddr(conf.FROM_EMAIL)[1]).rpartition("@")[2] or "localhost"
