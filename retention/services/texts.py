"""Writing a mail: Liquid with declared values only, in the recipient's language, HTML and plain text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any

import css_inline
from django.conf import settings
from django.template import TemplateDoesNotExist, engines
from django.utils import translation
from django.utils.translation import gettext
from liquid import Markup
from liquid.exceptions import LiquidError

from retention import links
from retention import mail as mails
from retention.conf import conf
from retention.mail import Mail
from retention.models import Text
from retention.services.sandbox import compile_text


class CannotRender(Exception):
    """The text of a mail is wrong; the message says where, for staff."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """A mail's parts in Liquid."""

    subject: str
    preheader: str
    html: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Rendered:
    subject: str
    html: str
    text: str


def _layout_words(language: str) -> dict[str, str]:
    with translation.override(language):
        return {
            "answer": gettext("Questions? A person answers at"),
            "why": gettext("You get this mail because you said yes or bought here."),
            "leave": gettext("Unsubscribe"),
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


def words(mail: Mail, language: str, own: Mapping[str, Text] | None = None) -> Words:
    """Return the merchant's words for a mail where there are any, else the shipped ones."""
    text = (own or {}).get(language)
    if text:
        return Words(subject=text.subject, preheader=text.preheader, html=text.html, text=text.text)
    with translation.override(language):
        return Words(
            subject=str(mail.subject),
            preheader=str(mail.preheader),
            html="\n".join(_when(block, _html(block)) for block in mail.body),
            text="".join(_when(block, _plain(block) + "\n\n") for block in mail.body),
        )


def _when(block: mails.Block, source: str) -> str:
    # an empty string is true in Liquid
    return f'{{% if {block.when} and {block.when} != "" %}}{source}{{% endif %}}' if block.when else source


def _html(block: mails.Block) -> str:
    def say(words: object) -> str:
        return escape(str(words), quote=False)  # quotes belong to Liquid's filters

    match block:
        case mails.Heading():
            return f'<h1 class="heading">{say(block.words)}</h1>'
        case mails.Para():
            return f'<p class="para">{say(block.words)}</p>'
        case mails.Button():
            return (
                '<table role="presentation" class="button-table"><tr><td class="button-cell">'
                f'<a class="button" href="{{{{ {block.link} }}}}">{say(block.words)}</a></td></tr></table>'
            )
        case mails.Code():
            return f'<p class="code">{{{{ {block.value} }}}}</p>'
        case mails.Rating():
            return (
                f'<p class="para">{say(block.question)}</p><p class="ends">{say(block.low)}</p><p class="rating">'
                f"{{% for entry in {block.scores} %}}"
                '<a class="score" href="{{ entry.url }}">{{ entry.score }}</a> '
                f'{{% endfor %}}</p><p class="ends">{say(block.high)}</p>'
            )
    raise TypeError(f"{block!r} is no block of a mail.")


def _plain(block: mails.Block) -> str:
    match block:
        case mails.Heading() | mails.Para():
            return str(block.words)
        case mails.Button():
            return f"{block.words}:\n{{{{ {block.link} }}}}"
        case mails.Code():
            return f"    {{{{ {block.value} }}}}"
        case mails.Rating():
            return (
                f"{block.question}\n\n{block.low}\n"
                f"{{% for entry in {block.scores} %}}{{{{ entry.score }}}}: {{{{ entry.url }}}}\n{{% endfor %}}"
                f"{block.high}"
            )
    raise TypeError(f"{block!r} is no block of a mail.")


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


TAG_LIMIT = 5000
"""Nested some ten thousand deep, elements end the process of who inlines their style."""

INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)
"""At-rules (dark mode) stay in the head; everything else goes to the elements."""


def render(mail: Mail, *, language: str, values: Mapping[str, Any], own: Mapping[str, Text] | None = None) -> Rendered:
    """Write a mail in ``language`` with ``values``; ``own`` are the merchant's texts by language.

    Raises CannotRender where the Liquid is wrong, a value is not declared, or a limit is passed.
    """
    parts = words(mail, language, own)
    try:
        subject = compile_text(parts.subject, html=False).render(**values)
        shared = {
            **values,
            "words": _layout_words(language),
            "subject": subject,
            "preheader": compile_text(parts.preheader, html=False).render(**values),
        }
        html_body = compile_text(parts.html, html=True).render(**values)
        text_body = compile_text(parts.text, html=False).render(**values)
        html = compile_text(_layout("layout.html"), html=True).render(
            **shared, body=Markup(html_body), style=Markup(_layout("style.css")), language=language
        )
        text = compile_text(_layout("layout.txt"), html=False).render(**shared, body=text_body, language=language)
    except LiquidError as error:
        raise CannotRender(f"{mail.name} ({language}): {error}") from error
    if html.count("<") > TAG_LIMIT:
        raise CannotRender(f"{mail.name} ({language}): more than {TAG_LIMIT} tags")
    return Rendered(
        subject=" ".join(subject.split())[:200],
        html=INLINER.inline(html),
        text=re.sub(r"\n{3,}", "\n\n", text).strip() + "\n",
    )
