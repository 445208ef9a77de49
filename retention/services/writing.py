"""Getting the mails of a batch ready: values set-wise per kind; then each in the recipient's language, with headers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import make_msgid
from functools import cached_property, partial
from typing import Any

from django.core.mail import EmailMultiAlternatives

from retention import links, registry
from retention.conf import conf
from retention.models import Message, Text
from retention.services import asking, letters, utm
from retention.services import values as mail_values
from retention.services.rendering import Rendered, Script

log = logging.getLogger(__name__)

State = Message.State
SERVICE = Message.Purpose.SERVICE


@dataclass(kw_only=True)
class Ready:
    """A claimed mail that waits for the line, with all that it takes to write it."""

    message: Message
    compose: Callable[[], EmailMultiAlternatives]
    """Writes it; asks no database, which was asked for all mails of the batch at once."""
    until: datetime | None = None
    """From then on it must not start: quiet hours begin, or the hour of its rate is over."""
    started: bool = False
    provider_id: str = ""
    """The id that a provider gave it when it took it."""


def prepare(messages: Sequence[Message], *, at: datetime) -> list[Ready]:
    """Get each mail ready to be written: values and tokens set-wise per kind, texts in the recipient's language.

    One whose values cannot be found is failed with the reason; the others go on.
    """
    ready: list[Ready] = []
    desk = Desk()
    for name in sorted({message.mail for message in messages}):
        mail = registry.mails[name]
        group = [message for message in messages if message.mail == name]
        own = {text.language: text for text in Text.objects.filter(mail=name)}
        values, group = asking.ask(partial(mail_values.build, mail, own=own), group, reason="values", at=at)
        tags = utm.tags(name)
        languages = {message.customer.language for message in group}
        scripts = {language: Script(mail, language=language, own=own) for language in languages}
        for message in group:
            script = scripts[message.customer.language]
            ready.append(
                Ready(message=message, compose=partial(desk.email, script, message, values.get(message.pk, {}), tags))
            )
    order = {message.pk: index for index, message in enumerate(messages)}
    return sorted(ready, key=lambda item: order[item.message.pk])


class Desk:
    """Where mails of a batch are written: what is the same on all of them is looked up once, when it is wanted."""

    def email(
        self, script: Script, message: Message, values: Mapping[str, Any], tags: Mapping[str, str]
    ) -> EmailMultiAlternatives:
        """Return a mail as it goes to the line. Raises CannotRender, UnicodeError and ImproperlyConfigured."""
        unsubscribe = choose = None
        if message.purpose != SERVICE:
            unsubscribe, choose = self._exits.urls(customer=message.customer_id, purpose=message.purpose)
        of_reader = mail_values.of_reader(first_name=message.customer.first_name, exits=(unsubscribe, choose))
        written = script.write({**values, **self._of_shop, **of_reader}, tags=tags)
        if not message.header_id:
            message.header_id = make_msgid(idstring=str(message.pk), domain=self._domain)
        headers = {
            "Message-ID": message.header_id,
            "Auto-Submitted": "auto-generated",
            "List-Id": f"{self._list} <{message.purpose}.{self._domain}>",
        }
        if unsubscribe:
            headers["List-Unsubscribe"] = f"<{unsubscribe}>"
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return compose(written, to=message.customer.email, headers=headers)

    @cached_property
    def _exits(self) -> links.Exits:
        return links.exits()

    @cached_property
    def _of_shop(self) -> dict[str, Any]:
        return mail_values.of_shop()

    @cached_property
    def _domain(self) -> str:
        return letters.address_of(conf.FROM_EMAIL).rpartition("@")[2] or "localhost"

    @cached_property
    def _list(self) -> str:
        return letters.phrase(conf.SHOP_NAME) or "Shop"


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
