"""What a mail is: a purpose, words, declared values, and who still wants it.

The words of a shipped mail are blocks in gettext; HTML and plain text are both written from them.
A merchant's own ``Text`` replaces them, in Liquid, with the same values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from retention.registry import Words, mails

if TYPE_CHECKING:
    from retention.models import Message


@dataclass(frozen=True, kw_only=True)
class Block:
    """One part of a mail's body."""

    when: str = ""
    """Name of a declared value; the block is left out where it is empty."""


@dataclass(frozen=True, kw_only=True)
class Heading(Block):
    words: Words


@dataclass(frozen=True, kw_only=True)
class Para(Block):
    words: Words


@dataclass(frozen=True, kw_only=True)
class Button(Block):
    """The main button. ``link`` names the declared value that holds the URL."""

    words: Words
    link: str


@dataclass(frozen=True, kw_only=True)
class Code(Block):
    """A coupon code as selectable text. ``value`` names the declared value."""

    value: str


@dataclass(frozen=True, kw_only=True)
class Rating(Block):
    """A row of links, one a score. ``scores`` names a list of {score, url}; ``low`` and ``high`` name the ends."""

    question: Words
    scores: str
    low: Words
    high: Words


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A kind of mail, registered by the app that owns it."""

    name: str
    label: Words
    purpose: str
    """``marketing``, ``survey`` or ``service``."""
    subject: Words
    preheader: Words
    body: Sequence[Block]
    values: Mapping[str, Words] = field(default_factory=dict)
    """Declared value → what it is, for who writes texts."""
    build: Callable[[Sequence[Message], datetime], Mapping[int, Mapping[str, Any]]] = lambda messages, at: {}
    """Messages of this mail → primitive values for each message's id, set-wise. Tokens are minted here."""
    refuse: Callable[[Sequence[Message], datetime], Mapping[int, str]] = lambda messages, at: {}
    """Messages that are not wanted any more → the reason, asked again before each send."""
    at_least_once: bool = False
    """A crash in mid-send sends again with the same Message-ID; else it becomes visible as unknown."""
    unproven: bool = True
    """May go to an address that nobody has proven."""
    topic: str = ""
    """Slug of the topic that a person may leave out; of marketing mail only. A promise may name another."""


def register(mail: Mail) -> Mail:
    """Make a mail known under its name."""
    return mails.add(mail.name, mail)
