"""Whose words somebody gets, in which language, and what every mail may say about the shop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.utils import translation
from django.utils.translation import to_language

from retention import links, registry
from retention.conf import conf
from retention.mail import Mail, Part
from retention.models import Message, Text
from retention.services import shipped
from retention.services.shipped import Words


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which words somebody gets."""

    language: str
    text: Text | None
    """The merchant's own; None: the shipped words."""


def shop() -> dict[str, str | None]:
    """Return what every mail may say about the shop."""
    return {"name": conf.SHOP_NAME, "url": links.absolute("/"), "postal_address": conf.POSTAL_ADDRESS or None}


def language_of(wanted: str) -> str:
    """Return the language to write in: the wanted one where the shop has it, else the shop's own."""
    try:
        return translation.get_supported_language_variant(wanted) if wanted else settings.LANGUAGE_CODE
    except LookupError:
        return settings.LANGUAGE_CODE


def language_for(message: Message) -> str:
    """Return the language of a mail's values: that of its words."""
    return message.written_in or language_of(message.customer.language)


def pick(wanted: str, own: Mapping[str, Text] | None) -> Choice:
    """Return whose words somebody gets who wants this language, empty or unknown included.

    The merchant's own in the wanted language, then in its base (``pt`` for ``pt-br``), then in the shop's language;
    without any the shipped words in the wanted one.
    """
    for language in _chain(wanted) if own else ():
        if text := (own or {}).get(language):
            return Choice(language=language, text=text)
    return Choice(language=language_of(wanted), text=None)


def _chain(wanted: str) -> Iterator[str]:
    for language in (language_of(wanted), settings.LANGUAGE_CODE):
        yield language
        yield language_of(language)
        yield to_language(language).partition("-")[0]


def words(mail: Mail, language: str, own: Mapping[str, Text] | None = None) -> Words:
    """Return the merchant's words for a mail where there are any, else the shipped ones."""
    choice = pick(language, own)
    if choice.text:
        text = choice.text
        return Words(subject=text.subject, preheader=text.preheader, html=text.html, text=text.text)
    return shipped.words(mail, choice.language)


def parts(mail: Mail) -> list[Part]:
    """Return what staff can put into a mail, of what is registered."""
    return [part for name in mail.parts if (part := registry.mail_parts.get(name))]
