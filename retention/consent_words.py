"""What a file of consents would change, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention import counts
from retention.consent_file import BOUNCE, COMPLAINT, CONSENT, SUPPRESSION, UNSUBSCRIBE


def found(numbers: Mapping[str, int]) -> Iterator[str]:
    """Yield a sentence for each thing that the preview has counted and that is not none."""
    for name, words in _sentences(numbers):
        if n := numbers.get(name, 0):
            yield words % {"n": counts.show(n)}
    if not any(numbers.get(name) for name in ("people", "yes", "no", "stops", "evidence")):
        yield _("Nothing in it is new: it would change nothing.")


def _sentences(numbers: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    def of(name: str) -> int:
        return numbers.get(name, 0)

    yield "lines", ngettext("The file has %(n)s line.", "The file has %(n)s lines.", of("lines"))
    kinds = (
        (CONSENT, ngettext("%(n)s is a consent.", "%(n)s are consents.", of(f"kind_{CONSENT}"))),
        (UNSUBSCRIBE, ngettext("%(n)s is an unsubscribe.", "%(n)s are unsubscribes.", of(f"kind_{UNSUBSCRIBE}"))),
        (BOUNCE, ngettext("%(n)s is a bounce.", "%(n)s are bounces.", of(f"kind_{BOUNCE}"))),
        (COMPLAINT, ngettext("%(n)s is a complaint.", "%(n)s are complaints.", of(f"kind_{COMPLAINT}"))),
        (SUPPRESSION, ngettext("%(n)s is a suppression.", "%(n)s are suppressions.", of(f"kind_{SUPPRESSION}"))),
    )
    for kind, words in kinds:
        yield f"kind_{kind}", words
    yield (
        "twice",
        ngettext(
            "%(n)s says once more what is said already.", "%(n)s say once more what is said already.", of("twice")
        ),
    )
    yield (
        "wrong",
        ngettext("%(n)s cannot be read and is left out.", "%(n)s cannot be read and are left out.", of("wrong")),
    )
    yield "people", ngettext("%(n)s person becomes known by it.", "%(n)s people become known by it.", of("people"))
    yield "yes", ngettext("%(n)s consent is new.", "%(n)s consents are new.", of("yes"))
    yield (
        "no",
        ngettext(
            "%(n)s address gets no more mail of a purpose.", "%(n)s addresses get no more mail of a purpose.", of("no")
        ),
    )
    yield (
        "stops",
        ngettext("%(n)s address gets no more mail at all.", "%(n)s addresses get no more mail at all.", of("stops")),
    )
    yield (
        "outweighed",
        ngettext(
            "%(n)s consent does not count: there is a no against it.",
            "%(n)s consents do not count: there is a no against them.",
            of("outweighed"),
        ),
    )
    yield (
        "forgotten",
        ngettext(
            "%(n)s consent is of somebody who has asked to be forgotten since; it is left out.",
            "%(n)s consents are of people who have asked to be forgotten since; they are left out.",
            of("forgotten"),
        ),
    )
    yield (
        "evidence",
        ngettext("%(n)s line is kept as evidence.", "%(n)s lines are kept as evidence.", of("evidence")),
    )
