"""What a mail is: a purpose, words, declared values, and who still wants it.

The words of a shipped mail are blocks in gettext; HTML and plain text are both written from them.
A merchant's own ``Text`` replaces them, in Liquid, with the same values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

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
class Products(Block):
    """Goods with picture, title and price. ``rows`` names a list of {title, url, image, price}; image may be empty."""

    rows: str


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Whom a part is asked for, and in which text."""

    key: int
    """By which the answer is given."""
    customer: int
    order: str = ""
    """Reference of the order that the mail is about."""
    language: str
    products: Sequence[str] = ()
    """References of the goods that the text shows."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Something that staff can put into several mails: values, and a ready block of them.

    Registered in ``registry.mail_parts``; a mail names in ``parts`` those that it can give.
    """

    name: str
    """With the app in front, e.g. ``retention.products``."""
    label: Words
    body: Sequence[Block]
    """The ready block."""
    values: Mapping[str, Words] = field(default_factory=dict)
    """Value → what it is; None where there is nothing, so that ``{% if products %}`` can ask."""
    build: Callable[[Sequence[Asked], datetime], Mapping[int, Mapping[str, Any]]] | None = None
    """Set-wise values by key, asked only where a text uses them. None: the mail itself has them."""
    samples: Mapping[str, Any] = field(default_factory=dict)
    """What the values look like, for previews."""

    @property
    def block(self) -> str:
        """The name of the ready block in a text, e.g. ``products_block``."""
        return f"{self.name.rpartition('.')[2]}_block"


COMMON: Mapping[str, Words] = {
    "first_name": _("the first name; empty for who has not told it"),
    "shop.name": _("the shop's name"),
    "shop.url": _("the shop's first page"),
    "shop.postal_address": _("the shop's postal address"),
    "reply_to": _("the address that a person answers"),
    "unsubscribe_url": _("the page on which one says no to this mail; empty in service mail"),
    "preferences_url": _("the page on which one chooses which mail to get; empty in service mail"),
}
"""What every mail has."""


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
    parts: Sequence[str] = ()
    """Names of the parts that staff can put into it. Service mail has none but of its own values."""
    samples: Mapping[str, Any] = field(default_factory=dict)
    """What its values look like, for previews; without a sample a value is shown by its name."""
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
