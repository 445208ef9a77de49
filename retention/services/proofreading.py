"""Whether a text can be written for everybody: what stands in the way, at its field and line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from django.utils.translation import gettext as _
from liquid.exceptions import LiquidError

from retention.mail import Mail
from retention.models import Text
from retention.services import rendering, samples, sandbox, texts

OF_LISTS = {"size", "first", "last"}
"""What Liquid itself knows of a list or a word."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something for which a text cannot be taken."""

    part: str
    """``subject``, ``preheader``, ``html`` or ``text``; empty: the text as a whole."""
    line: int | None
    words: str

    def __str__(self) -> str:
        return _("Line %(line)d: %(fault)s") % {"line": self.line, "fault": self.words} if self.line else self.words


def faults(mail: Mail, text: Text) -> list[Fault]:
    """Return what is wrong with a text: values that the mail does not have, in whichever branch, and wrong Liquid."""
    values = samples.values(mail, language=text.language, first_name="Ada")
    ready = {part.block for part in texts.parts(mail)}
    found: list[Fault] = []
    for part in ("subject", "preheader", "html", "text"):
        known = {**values, **(dict.fromkeys(ready, "") if part in ("html", "text") else {})}
        found.extend(_in_part(part, getattr(text, part), known))
    if found:
        return found
    for given in (values, _without(mail, values)):
        try:
            rendering.render(mail, language=text.language, values=given, own={text.language: text})
        except rendering.CannotRender as error:
            return [Fault(part=error.part, line=error.line, words=_said(error.fault))]
    return []


def _in_part(part: str, source: str, known: Mapping[str, Any]) -> Iterator[Fault]:
    html = part == "html"
    try:
        used = sandbox.names(source, html=html)
    except LiquidError as error:
        yield Fault(part=part, line=sandbox.line_of(error), words=_said(str(error.message)))
        return
    told = set()
    for one in used:
        wrong = _unknown(one.path, known)
        if wrong and wrong not in told:
            told.add(wrong)
            yield Fault(part=part, line=one.line, words=_undeclared(wrong, known))


def _unknown(path: tuple[str | int, ...], known: Mapping[str, Any]) -> str:
    """Return the path as far as the first name that nobody declared; empty where all of it is known."""
    at: Any = known
    for length, step in enumerate(path, start=1):
        if isinstance(at, Mapping):
            if step not in at and not (length > 1 and step in OF_LISTS):
                return ".".join(map(str, path[:length]))
            at = at.get(step)
        elif isinstance(at, list) and at:
            at = at[0] if isinstance(step, int) or step in ("first", "last") else None
        else:
            return ""
    return ""


def _undeclared(name: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(name, [*known, *(f"shop.{key}" for key in known["shop"])], n=1)
    if near:
        words = _("This mail has no value “%(name)s”. Did you mean “%(near)s”?")
        return words % {"name": name, "near": near[0]}
    return _("This mail has no value “%(name)s”. The list of values says what it has.") % {"name": name}


def _said(fault: str) -> str:
    return _("This cannot be read: %(fault)s.") % {"fault": fault.rstrip(".")}


def _without(mail: Mail, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of somebody of whom little is known, so that the other branches are written too."""
    parts = texts.parts(mail)
    blocks = [block for body in (mail.body, *(part.body for part in parts)) for block in body]
    empty = dict.fromkeys((block.when for block in blocks if block.when), "")
    nothing = dict.fromkeys((name for part in parts for name in part.values), None)
    return {**values, **empty, **nothing, "first_name": None}
