"""What could be better in a text that can be sent: each hint says what to do. None of them stops anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention.mail import Mail
from retention.models import Customer, Text
from retention.services import rendering, samples
from retention.services.markup import read
from retention.services.rendering import Rendered

SUBJECT_LENGTH = 60
"""Characters that a telephone shows."""
CLIPPED_AT = 102 * 1024
"""Bytes of HTML after which Gmail hides the rest behind a link."""
FEW = 0.4
"""Words of the plain text, as a share of those of the HTML, below which something is missing."""
EMPTY_WORDS = {
    "click here", "here", "click", "link", "more", "read more", "this link",
    "aquí", "haz clic aquí", "clic aquí", "más", "leer más",
    "здесь", "тут", "сюда", "нажмите здесь", "подробнее", "ссылка",
    "点击这里", "这里", "点此", "更多",
}  # fmt: skip
"""Words of a link that do not say where it leads."""

OUTPUT = re.compile(r"\{\{-?\s*first_name\b([^}]*)\}\}")
ASKS = re.compile(r"\{%-?\s*(?:if|unless|elsif|case)\b[^%]*\bfirst_name\b")


@dataclass(frozen=True, kw_only=True)
class Hint:
    """One thing to look at, and what to do."""

    part: str
    """``subject``, ``preheader``, ``html`` or ``text``."""
    what: str
    cure: str

    def __str__(self) -> str:
        return f"{self.what} {self.cure}"


def of_text(mail: Mail, text: Text) -> list[Hint]:
    """Return what could be better; asks the database once, and no other server. Raises CannotRender."""
    values = samples.values(mail, language=text.language, first_name="Ada")
    written = rendering.render(mail, language=text.language, values=values, own={text.language: text})
    return [
        *_subject(written),
        *_pictures(text),
        *_links(text),
        *_plain(text),
        *_size(written),
        *_names(text),
    ]


def _subject(written: Rendered) -> Iterator[Hint]:
    if len(written.subject) > SUBJECT_LENGTH:
        what = _("The subject has %(count)d characters; a telephone shows about %(shown)d.")
        yield Hint(
            part="subject",
            what=what % {"count": len(written.subject), "shown": SUBJECT_LENGTH},
            cure=_("Put what matters first, or say it shorter."),
        )
    if not written.preheader:
        yield Hint(
            part="preheader",
            what=_("The preheader is empty, so mail programs show the first words of the mail beside the subject."),
            cure=_("Write a sentence that goes on where the subject ends."),
        )


def _pictures(text: Text) -> Iterator[Hint]:
    images = read(text.html).images
    without_alt = sum("alt" not in image for image in images)
    if without_alt:
        yield Hint(
            part="html",
            what=ngettext("%d picture has no alt.", "%d pictures have no alt.", without_alt) % without_alt,
            cure=_('Say in alt="…" what it shows; write alt="" where it only decorates.'),
        )
    without_width = sum(not image.get("width") for image in images)
    if without_width:
        yield Hint(
            part="html",
            what=ngettext("%d picture has no width.", "%d pictures have no width.", without_width) % without_width,
            cure=_('Give it width="…" in points, at most 520, or Outlook shows it as large as the file is.'),
        )


def _links(text: Text) -> Iterator[Hint]:
    said = {words for _url, words in read(text.html).links}
    for words in sorted(one for one in said if one.lower().strip(" .!>→»") in EMPTY_WORDS):
        yield Hint(
            part="html",
            what=_("A link says “%(words)s”, which does not tell where it leads.") % {"words": words},
            cure=_("Let the words of the link say what is there, e.g. “See your order”."),
        )
    if "" in said:
        yield Hint(
            part="html",
            what=_("A link has no words."),
            cure=_("Write some, or give its picture an alt that says where the link leads."),
        )


def _plain(text: Text) -> Iterator[Hint]:
    html, plain = read(text.html), text.text
    if not plain.strip():
        yield Hint(
            part="text",
            what=_("The plain text is empty."),
            cure=_("Write the same in plain text: some people read only that, and filters for spam look for it."),
        )
        return
    if len(plain.split()) < FEW * len(html.words):
        what = _("The plain text has %(few)d words, the HTML has %(many)d.")
        yield Hint(
            part="text",
            what=what % {"few": len(plain.split()), "many": len(html.words)},
            cure=_("Let both say the same."),
        )
    there = re.sub(r"\s", "", plain)  # {{ link }} and {{link}} are the same
    missing = [url for url, _words in html.links if url and re.sub(r"\s", "", url) not in there]
    if missing:
        count = len(missing)
        yield Hint(
            part="text",
            what=ngettext(
                "%d link of the HTML is not in the plain text.",
                "%d links of the HTML are not in the plain text.",
                count,
            ) % count,
            cure=_("Put it there as well, on a line of its own: %(url)s") % {"url": missing[0]},
        )  # fmt: skip


def _size(written: Rendered) -> Iterator[Hint]:
    size = len(written.html.encode())
    if size > CLIPPED_AT:
        yield Hint(
            part="html",
            what=_("The mail has %(size)d KB; Gmail hides what is behind 102 KB, the way out too.")
            % {"size": size // 1024},
            cure=_("Say less, or leave out style that nothing uses."),
        )


def _names(text: Text) -> Iterator[Hint]:
    """Look for a name without another word for who has not told theirs."""
    for part in ("subject", "preheader", "html", "text"):
        source = getattr(text, part)
        bare = any("default" not in found[1] for found in OUTPUT.finditer(source))
        if bare and not ASKS.search(source):
            nameless, everybody = count_nameless()
            if nameless:
                what = _("%(count)s of %(all)s customers have told no first name; for them nothing stands there.")
                yield Hint(
                    part=part,
                    what=what % {"count": nameless, "all": everybody},
                    cure=_("Write {{ first_name | default: 'you' }}, or put the sentence between "
                           "{% if first_name %} and {% endif %}."),
                )  # fmt: skip
            return


def count_nameless() -> tuple[int, int]:
    """Return how many customers with an address have no first name, and how many there are; one query."""
    found = (
        Customer.objects.living()
        .exclude(email="")
        .aggregate(nameless=Count("pk", filter=Q(first_name="")), everybody=Count("pk"))
    )
    return found["nameless"], found["everybody"]
