"""The values of mails: what every mail has, what its kind brings, and the parts that its text uses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import parseaddr
from functools import lru_cache
from typing import Any

from retention import links
from retention.conf import conf
from retention.mail import Asked, Mail, Part
from retention.models import Message, Text
from retention.services import texts
from retention.services.shipped import Words


def common(*, first_name: str, unsubscribe_url: str | None) -> dict[str, Any]:
    """Return what every mail has."""
    choose = links.preferences_url(unsubscribe_url) if unsubscribe_url else None
    return {**of_shop(), **of_reader(first_name=first_name, exits=(unsubscribe_url, choose))}


def of_shop() -> dict[str, Any]:
    """Return what is the same in every mail."""
    return {"shop": texts.shop(), "reply_to": _answered(conf.REPLY_TO or conf.FROM_EMAIL)}


def of_reader(*, first_name: str, exits: tuple[str | None, str | None]) -> dict[str, Any]:
    """Return what every mail says of its reader. What is not known is None, since an empty string is true in Liquid.

    ``exits``: where they say no, and where they choose; service mail has neither.
    """
    return {"first_name": first_name or None, "unsubscribe_url": exits[0], "preferences_url": exits[1]}


@lru_cache(maxsize=8)
def _answered(mailbox: str) -> str:
    return parseaddr(mailbox)[1]


def build(
    mail: Mail, messages: Sequence[Message], at: datetime, *, own: Mapping[str, Text]
) -> dict[int, dict[str, Any]]:
    """Return the values of messages of one kind by id, set-wise; ``own`` are the merchant's texts by language.

    Tokens are minted here. Each message learns in which language it is written.
    """
    choices = {message.pk: texts.pick(message.customer.language, own) for message in messages}
    for message in messages:
        message.written_in = choices[message.pk].language
    given = mail.build(messages, at)
    values = {message.pk: dict(given.get(message.pk, {})) for message in messages}
    asked = [
        Asked(
            key=message.pk, customer=message.customer_id, order=message.order, language=message.written_in,
            products=text.products if (text := choices[message.pk].text) else (),
        )
        for message in messages
    ]  # fmt: skip
    for key, more in of_parts(mail, asked, own=own, at=at).items():
        values[key].update(more)
    return values


def of_parts(mail: Mail, asked: Sequence[Asked], *, own: Mapping[str, Text], at: datetime) -> dict[int, dict[str, Any]]:
    """Return by key what the parts bring that the texts in these languages use; reads only."""
    values: dict[int, dict[str, Any]] = {one.key: {} for one in asked}
    words = {language: texts.words(mail, language, own) for language in {one.language for one in asked}}
    for part in texts.parts(mail):
        wanted = [one for one in asked if uses(words[one.language], part)]
        if part.build and wanted:
            for key, more in part.build(wanted, at).items():
                values[key].update(more)
    return values


def uses(words: Words, part: Part) -> bool:
    """Whether a text names one of a part's values or its ready block."""
    names = "|".join(map(re.escape, [*part.values, part.block]))
    return bool(re.search(rf"\b(?:{names})\b", "\n".join((words.subject, words.preheader, words.html, words.text))))
