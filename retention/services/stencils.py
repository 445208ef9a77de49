"""Mails of which only words differ from person to person: written once, with a mark where each of the words goes.

To run Liquid and to put style on each element takes longer than all else that a mail needs, and for a name or a code
that is only shown the outcome is always the same but for these letters. Values that decide anything, or that a filter
changes, are part of what makes one stencil another.
"""

from __future__ import annotations

import logging
import marshal
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape, unescape
from typing import Any, NamedTuple

log = logging.getLogger(__name__)

MOST = 16
"""Stencils of a batch; where there are more, words are not all that differs."""
LONGEST_VALUE = 500
PLENTY = 128 * 1024
"""Characters, from where on the limit of a mail's size is near."""

MARKUP = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
SHOWN = re.compile(r"\{\{-?\s*(\w+)\s*-?\}\}")
GIVEN = r'\w+(?:\s*!=\s*"")?'
ASKED = re.compile(rf"\{{%-?\s*(?:if|elsif|unless)\s+{GIVEN}(?:\s+(?:and|or)\s+{GIVEN})*\s*-?%\}}")
"""Whether there is a value at all: of one that is shown there always is."""
TAG = re.compile(r"\{%-?\s*(\w*)")
KNOWN = {"if", "elsif", "else", "endif", "unless", "endunless", "for", "endfor", "assign"}
WORD = re.compile(r"\w+")
MARK = re.compile("\ue000 (\\w+)\ue001")
"""Letters for private use, which no value has that takes part; and a blank, which does not stay where a value is not
between quotes."""
BROKEN = re.compile("[\ue000\ue001]")

STYLE = re.compile(r"<style\b[^>]*>.*?(?:</style|\Z)", re.DOTALL | re.IGNORECASE)
QUOTED = re.compile(r'\s(?:href|src|alt|title)="[^"]*"')
"""Attributes that no rule of style asks for, unless it asks for attributes."""
OPENED = re.compile("&lt;/?\ue000")
"""A tag, if the value begins with a letter."""
NAMED = re.compile(r"&#?\w*\{\{")
"""A letter by its name, if the value ends it."""
ELEMENT = re.compile(r'<(?:"[^"]*"|[^">])*>')


@dataclass(frozen=True, kw_only=True)
class Written:
    """The four parts of a mail."""

    subject: str
    preheader: str
    html: str
    text: str


class Cut(NamedTuple):
    """A part of a mail: words that stay, and between them the names of the values that come there."""

    words: Sequence[str]

    def fill(self, values: Mapping[str, str]) -> str:
        return "".join(values[word] if place % 2 else word for place, word in enumerate(self.words))


class Stencils:
    """The stencils of one text. ``sources``: all its Liquid, layout and all; ``write``: fills it in the long way."""

    def __init__(
        self, sources: Sequence[str], write: Callable[[Mapping[str, Any]], Written], *, made: Collection[str] = ()
    ) -> None:
        """``made``: names of values that are themselves written from values, as the subject is for the layout."""
        self._write = write
        source = "\n".join(sources)
        self._shown = sorted(shown(source, made=made))
        self._named = sorted(set(WORD.findall("".join(MARKUP.findall(source)))))
        self._made: dict[bytes, dict[str, Cut] | None] = {}

    def write(self, values: Mapping[str, Any]) -> Written:
        """Return what ``write`` returns for these values; the HTML may have quotes in another way that HTML has.
        Raises what it raises."""
        if self._shown:
            words = {name: values[name] for name in self._shown if is_simple(values.get(name))}
            try:
                # the second version writes equal values as equal bytes, whoever else holds them
                rest = [(name, values[name]) for name in self._named if name not in words and name in values]
                key = marshal.dumps((rest, [*words]), 2)
            except ValueError:  # a value that is no primitive
                return self._write(values)
            if key in self._made:
                if (cuts := self._made[key]) is None:
                    written = self._write(values)
                    self._made[key] = self._cut(values, words, written)
                    return written
                if filled := _fill(cuts, words):
                    return filled
            elif len(self._made) < MOST:
                self._made[key] = None  # who wants one mail gets it the short way
        return self._write(values)

    def _cut(self, values: Mapping[str, Any], words: Mapping[str, str], written: Written) -> dict[str, Cut]:
        """Return the parts by name; none where a mark is in a place that decides something, or where what is cut and
        filled is not what was written."""
        try:
            marked = self._write({**values, **{name: f"\ue000 {name}\ue001" for name in words}})
            cuts = {name: Cut(MARK.split(part)) for name, part in vars(marked).items()}
            filled = _fill(cuts, words)
        except Exception as error:  # noqa: BLE001  (the long way has gone well: it is the mark that is in the way)
            log.info("no stencil is cut: %s", type(error).__name__)
            return {}
        broken = any(BROKEN.search(word) for cut in cuts.values() for word in cut.words)
        return {} if broken or _decides(marked.html) or not _alike(filled, written) else cuts


def _alike(one: Written | None, other: Written) -> bool:
    """Whether two mails are the same; HTML has more than one way to write a quote."""
    return one is not None and replace(one, html=unescape(one.html)) == replace(other, html=unescape(other.html))


def _fill(cuts: Mapping[str, Cut], words: Mapping[str, str]) -> Written | None:
    if not cuts:
        return None
    safe = {name: escape(value) for name, value in words.items()}
    filled = Written(**{name: cut.fill(safe if name == "html" else words) for name, cut in cuts.items()})
    return filled if max(map(len, vars(filled).values())) <= PLENTY else None


def shown(source: str, *, made: Collection[str] = ()) -> frozenset[str]:
    """Return the values that Liquid only shows, or asks whether they are there; none where a tag may change them, or a
    filter what was ``made`` of them."""
    names, others = set(), set()
    for markup in MARKUP.findall(source):
        if found := SHOWN.fullmatch(markup):
            names.add(found[1])
            continue
        if "[" in markup or ((tag := TAG.match(markup)) and tag[1] not in KNOWN):
            return frozenset()  # what is in brackets may be the name of any value
        if not ASKED.fullmatch(markup):
            others.update(WORD.findall(markup))
    styles = STYLE.findall(source)
    if NAMED.search(source) or any("[" in style or MARKUP.search(style) for style in styles) or others & {*made}:
        return frozenset()  # rules may ask for attributes
    return frozenset(names - others)


def is_simple(value: Any) -> bool:
    """Whether a value is one line of letters that neither HTML nor a header writes in another way."""
    return (
        type(value) is str
        and 0 < len(value) <= LONGEST_VALUE
        and value.isprintable()
        and value[0] != " " != value[-1]
        and "  " not in value
    )


def _decides(html: str) -> bool:
    """Whether a mark is where style or structure may depend on it."""
    if OPENED.search(html):
        return True
    inside = "".join(STYLE.findall(html)) + "".join(ELEMENT.findall(QUOTED.sub("", html)))
    return MARK.search(inside) is not None
