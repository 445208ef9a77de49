"""Writing a mail: Liquid with declared values only, in the recipient's language, HTML and plain text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import css_inline
from django.template import TemplateDoesNotExist, engines
from django.utils import translation
from django.utils.translation import gettext
from liquid import Markup
from liquid.exceptions import LiquidError

from retention.mail import Mail
from retention.models import Text
from retention.services import shipped, texts, utm
from retention.services.sandbox import OUTPUT_LIMIT, compile_text, line_of
from retention.services.stencils import Stencils, Written


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

UNSAFE = re.compile(r"[<>&\"'{}]")
MORE_LINES = re.compile(r"\n{3,}")

INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)
"""At-rules (dark mode) stay in the head; everything else goes to the elements."""


class Script:
    """The words of a mail in one language, made ready once to be written for many people."""

    def __init__(self, mail: Mail, *, language: str, own: Mapping[str, Text] | None = None) -> None:
        """Take the words for who wants ``language``; ``own`` are the merchant's texts by language."""
        self.language = texts.pick(language, own).language
        self._words = texts.words(mail, language, own)
        self._where = f"{mail.name} ({self.language})"
        with translation.override(self.language):
            self._fixed = {
                "language": self.language,
                "direction": "rtl" if translation.get_language_bidi() else "ltr",
                "style": Markup(_layout("style.css")),
                "words": {
                    "answer": gettext("Questions? A person answers at"),
                    "why": gettext("You get this mail because you said yes or bought here."),
                    "leave": gettext("Unsubscribe"),
                    "choose": gettext("Choose which mail you get"),
                },
            }
            same = {**self._fixed, "shop": texts.shop()}
            self._layouts = {name: _filled_in(_layout(name), same) for name in ("layout.html", "layout.txt")}
            found = texts.parts(mail)
            self._html = {one.block: shipped.html(one.body) for one in found if one.block in self._words.html}
            self._plain = {one.block: shipped.plain(one.body) for one in found if one.block in self._words.text}
        words = self._words
        parts = (words.subject, words.preheader, words.html, words.text)
        self._stencils = Stencils(
            [*parts, *self._layouts.values(), *self._html.values(), *self._plain.values()],
            self._write,
            made={"subject", "preheader", "body", *self._html, *self._plain},
        )

    def write(self, values: Mapping[str, Any], *, tags: Mapping[str, str] | None = None) -> Rendered:
        """Write it with ``values``; ``tags`` go to links to the shop.

        Raises CannotRender where the Liquid is wrong, a value is not declared, or a limit is passed.
        """
        written = self._stencils.write(values)
        return Rendered(
            subject=" ".join(written.subject.split())[:200],
            preheader=" ".join(written.preheader.split()),
            html=utm.in_html(written.html, tags) if tags else written.html,
            text=utm.in_text(written.text, tags) if tags else written.text,
            language=self.language,
        )

    def _write(self, values: Mapping[str, Any]) -> Written:
        words = self._words
        subject = self._fill("subject", words.subject, values)
        preheader = self._fill("preheader", words.preheader, values)
        with translation.override(self.language):
            blocks = {
                name: Markup(self._fill("html", source, values, html=True)) for name, source in self._html.items()
            }
            lines = {name: self._fill("text", source, values).strip() for name, source in self._plain.items()}
        body = self._fill("html", words.html, {**values, **blocks}, html=True)
        plain = self._fill("text", words.text, {**values, **{name: one and f"{one}\n" for name, one in lines.items()}})
        shared = {**values, **self._fixed, "subject": subject, "preheader": preheader}
        self._check_size(body)
        html = self._fill("html", self._layouts["layout.html"], {**shared, "body": Markup(body)}, html=True)
        html = INLINER.inline(html)
        if len(html) > OUTPUT_LIMIT:  # style grows when each element has its own
            raise self._refusal(f"more than {OUTPUT_LIMIT} characters")
        text = self._fill("text", self._layouts["layout.txt"], {**shared, "body": plain})
        text = MORE_LINES.sub("\n\n", text).strip() + "\n"
        return Written(subject=subject, preheader=preheader, html=html, text=text)

    def _fill(self, part: str, source: str, given: Mapping[str, Any], *, html: bool = False) -> str:
        try:
            return compile_text(source, html=html).render(**given)
        except LiquidError as error:
            line = line_of(error)
            at = f"{part}, line {line}" if line else part
            fault = str(error.message)
            raise CannotRender(f"{self._where}: {fault} ({at})", part=part, line=line, fault=fault) from error

    def _check_size(self, body: str) -> None:
        """Refuse what its styles would take too long for."""
        tags = body.count("<") + _layout("layout.html").count("<")
        if tags > TAG_LIMIT:
            raise self._refusal(f"more than {TAG_LIMIT} tags")
        rules = sum(map(_rules, STYLE.findall(body))) + _rules(_layout("style.css"))
        if rules * tags > STYLE_LIMIT:
            raise self._refusal("too many rules of style")

    def _refusal(self, fault: str) -> CannotRender:
        return CannotRender(f"{self._where}: {fault} (html)", part="html", fault=fault)


def _filled_in(source: str, values: Mapping[str, Any], path: str = "") -> str:
    """Return a layout with these values in the places of their names: filled in for each mail, they take a third of
    the time of writing it. They are words and codes of our own, without a letter that HTML has another way to write.
    """
    for name, value in values.items():
        if isinstance(value, Mapping):
            source = _filled_in(source, value, f"{path}{name}.")
        elif value and (isinstance(value, Markup) or not UNSAFE.search(value)):
            source = source.replace(f"{{{{ {path}{name} }}}}", value)
    return source


@lru_cache(maxsize=64)
def _rules(style: str) -> int:
    return style.count("{") + style.count(",")


def render(
    mail: Mail,
    *,
    language: str,
    values: Mapping[str, Any],
    own: Mapping[str, Text] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Rendered:
    """Write one mail for who wants ``language``: see ``Script``. Raises CannotRender."""
    return Script(mail, language=language, own=own).write(values, tags=tags)
