"""What a file of balances would do, in words for who takes it in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention import counts


def of(found: Mapping[str, int], *, trusts_accounts: bool) -> Iterator[str]:
    """Yield what ``balances.look`` found, a sentence each."""
    yield ngettext("The file has %(n)s line.", "The file has %(n)s lines.", found["lines"]) % _n(found["lines"])
    yield ngettext(
        "%(n)s person gets theirs at once: %(points)s points in all.",
        "%(n)s people get theirs at once: %(points)s points in all.",
        found["now"],
    ) % {**_n(found["now"]), "points": counts.show(found["points"])}
    if found["unknown"]:
        yield ngettext(
            "%(n)s person is nobody that we know. Their points wait until somebody proves that address, or a log "
            "brings that number.",
            "%(n)s people are nobody that we know. Their points wait until somebody proves that address, or a log "
            "brings that number.",
            found["unknown"],
        ) % _n(found["unknown"])
    if found["unproven"]:
        yield ngettext(
            "%(n)s has an account whose mailbox is not proven. Their points wait until it is: anybody can type an "
            "address.",
            "%(n)s have accounts whose mailboxes are not proven. Their points wait until they are: anybody can type "
            "an address.",
            found["unproven"],
        ) % _n(found["unproven"])
    if found["several"]:
        yield ngettext(
            "%(n)s address or number is that of more than one customer. Its points wait; give them by hand.",
            "%(n)s addresses or numbers are those of more than one customer. Their points wait; give them by hand.",
            found["several"],
        ) % _n(found["several"])
    if found["before"]:
        yield ngettext(
            "%(n)s person has had theirs from this programme, or waits for them: left out.",
            "%(n)s people have had theirs from this programme, or wait for them: left out.",
            found["before"],
        ) % _n(found["before"])
    if found.get("forgotten"):
        yield ngettext(
            "%(n)s person was forgotten at their wish: left out.",
            "%(n)s people were forgotten at their wish: left out.",
            found["forgotten"],
        ) % _n(found["forgotten"])  # fmt: skip
    if found.get("elsewhere"):
        yield ngettext(
            "%(n)s person has been given points of a programme with another name. Is the name of this one right?",
            "%(n)s people have been given points of a programme with another name. Is the name of this one right?",
            found["elsewhere"],
        ) % _n(found["elsewhere"])
    if found["double"]:
        yield ngettext(
            "%(n)s line is about a customer of another line, who gets what that one says: left out.",
            "%(n)s lines are about customers of other lines, who get what those say: left out.",
            found["double"],
        ) % _n(found["double"])
    if found["twice"]:
        yield ngettext(
            "%(n)s line stands in it twice and counts once.", "%(n)s lines stand in it twice and count once.",
            found["twice"],
        ) % _n(found["twice"])  # fmt: skip
    if found["wrong"]:
        yield ngettext(
            "%(n)s line cannot be taken in.", "%(n)s lines cannot be taken in.", found["wrong"]
        ) % _n(found["wrong"])  # fmt: skip
    if trusts_accounts:
        yield _("Accounts are taken at their word: whoever has registered with an address gets its points.")


def _n(n: int) -> dict[str, str]:
    return {"n": counts.show(n)}
