"""Writing a mail: Liquid with declared values only, in the recipient's language, HTML and plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import css_inline
from django.conf import settings
from django.template import TemplateDoesNotExist, engines
from django.utils import translation
from django.utils.translation import gettext, to_language
from liquid import Markup
from liquid.exceptions import LiquidError

from retention import links, registry
from retention.conf import conf
from retention.mail import Mail, Part
from retention.models import Message, Text
from retention.services import shipped, utm
from retention.services.sandbox import OUTPUT_LIMIT, compile_text, line_of
from retention.services.shipped import Words


class CannotRender(Exception):
    """The text of a mail is wrong; the message says where, for staff."""

    def __init__(self, message: str, *, part: str = "", line: int | None = None, fault: str = "") -> None:
        super().__init__(message)
        self.part = part
        """``subject``, ``preheader``, ``html`` or ``text``; empty: the mail as a whole."""
        self.line = line
        self.fault = fault or message
        """What is wrong, without where."""


@dataclass(frozen=True, kw_only=True)
class Rendered:
    subject: str
    preheader: str
    html: str
    text: str
    language: str
    """The one it is written in; not the recipient's where that has no text."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which words somebody gets."""

    language: str
    text: Text | None
    """The merchant's own; None: the shipped words."""


def _layout_words(language: str) -> dict[str, str]:
    with translation.override(language):
        return {
            "answer": gettext("Questions? A person answers at"),
            "why": gettext("You get this mail because you said yes or bought here."),
            "leave": gettext("Unsubscribe"),
            "choose": gettext("Choose which mail you get"),
        }


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


@lru_cache(maxsize=8)
def _layout(name: str) -> str:
    """Return the source of a layout file; it is Liquid, so Django's engine finds it and does not compile it."""
    path = f"retention/email/{name}"
    for loader in engines["django"].engine.template_loaders:  # type: ignore[attr-defined]
        for nested in getattr(loader, "loaders", [loader]):
            for origin in nested.get_template_sources(path):
                try:
                    return str(nested.get_contents(origin))
                except TemplateDoesNotExist:
                    continue
    raise CannotRender(f"{path} is in no template folder.")


TAG_LIMIT = 2500
"""Nested some ten thousand deep, elements end the process of who inlines their style."""
STYLE_LIMIT = 2_000_000
"""Rules of style times tags; each rule is tried on each."""
STYLE = re.compile(r"<style\b[^>]*>(.*?)(?:</style|\Z)", re.DOTALL | re.IGNORECASE)

INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)
"""At-rules (dark mode) stay in the head; everything else goes to the elements."""


def render(
    mail: Mail,
    *,
    language: str,
    values: Mapping[str, Any],
    own: Mapping[str, Text] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Rendered:
    """Write a mail for who wants ``language`` with ``values``; ``own`` are the merchant's texts by language.

    ``tags`` go to links to the shop. Raises CannotRender where the Liquid is wrong, a value is not declared, or a
    limit is passed.
    """
    written = words(mail, language, own)
    language = pick(language, own).language
    where = f"{mail.name} ({language})"

    def write(part: str, source: str, given: Mapping[str, Any], *, html: bool = False) -> str:
        try:
            return compile_text(source, html=html).render(**given)
        except LiquidError as error:
            line = line_of(error)
            at = f"{part}, line {line}" if line else part
            fault = str(error.message)
            raise CannotRender(f"{where}: {fault} ({at})", part=part, line=line, fault=fault) from error

    subject = write("subject", written.subject, values)
    preheader = write("preheader", written.preheader, values)
    blocks: dict[str, Any] = {}
    plain_blocks: dict[str, Any] = {}
    with translation.override(language):
        direction = "rtl" if translation.get_language_bidi() else "ltr"
        for part in parts(mail):
            if part.block in written.html:
                blocks[part.block] = Markup(write("html", shipped.html(part.body), values, html=True))
            if part.block in written.text:
                plain = write("text", shipped.plain(part.body), values).strip()
                plain_blocks[part.block] = plain and f"{plain}\n"
    shared = {
        **values,
        "words": _layout_words(language),
        "subject": subject,
        "preheader": preheader,
        "language": language,
        "direction": direction,
    }
    html_body = write("html", written.html, {**values, **blocks}, html=True)
    text_body = write("text", written.text, {**values, **plain_blocks})
    html = write(
        "html", _layout("layout.html"), {**shared, "body": Markup(html_body), "style": Markup(_layout("style.css"))},
        html=True,
    )  # fmt: skip
    text = write("text", _layout("layout.txt"), {**shared, "body": text_body})
    _check_size(html, where)
    html = INLINER.inline(html)
    if len(html) > OUTPUT_LIMIT:  # style grows when each element has its own
        fault = f"more than {OUTPUT_LIMIT} characters"
        raise CannotRender(f"{where}: {fault} (html)", part="html", fault=fault)
    text = re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
    return Rendered(
        subject=" ".join(subject.split())[:200],
        preheader=" ".join(preheader.split()),
        html=utm.in_html(html, tags) if tags else html,
        text=utm.in_text(text, tags) if tags else text,
        language=language,
    )


def _check_size(html: str, where: str) -> None:
    """Refuse what its styles would take too long for."""
    tags = html.count("<")
    if tags > TAG_LIMIT:
        raise CannotRender(
            f"{where}: more than {TAG_LIMIT} tags (html)", part="html", fault=f"more than {TAG_LIMIT} tags"
        )
    rules = sum(style.count("{") + style.count(",") for style in STYLE.findall(html))
    if rules * tags > STYLE_LIMIT:
        raise CannotRender(f"{where}: too many rules of style (html)", part="html", fault="too many rules of style")
