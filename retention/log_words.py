"""What a log holds, in words for who takes it in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention import counts
from retention.log_shelf import Found
from retention.money import show


def of(found: Found, *, most: int) -> Iterator[str]:
    """Yield what was found, a sentence each; of single lines that are left out the first ``most``."""
    yield ngettext("The log has %(n)s line.", "The log has %(n)s lines.", found.lines) % {"n": counts.show(found.lines)}
    if found.since and found.until:
        yield _("It goes from %(since)s to %(until)s, UTC.") % {
            "since": f"{found.since:%Y-%m-%d %H:%M}",
            "until": f"{found.until:%Y-%m-%d %H:%M}",
        }
    if found.guessed:
        yield _("Lines that name no currency are taken to be in %(currency)s.") % {"currency": found.guessed}
    yield _("Orders: %(sums)s.") % {"sums": _sums(found.orders)}
    yield _("Refunds of orders: %(sums)s.") % {"sums": _sums(found.refunds)}
    if found.loose:
        yield _("Refunds that name no order: %(sums)s. They are counted here and belong to none.") % {
            "sums": _sums(found.loose)
        }
    if found.aside:
        yield _("Refunds left aside, as asked: %(n)s.") % {"n": counts.show(found.aside)}
    yield _("Customers with an order: %(people)s; orders of guests: %(guests)s.") % {
        "people": counts.show(found.people),
        "guests": counts.show(found.guests),
    }
    yield from found.doubts
    if found.twice:
        yield _("Lines that stand in it twice, and count once: %(n)s.") % {"n": counts.show(found.twice)}
    if found.wrong:
        yield _("Lines that are left out: %(n)s. Mend them and take the log in again; what is in stays as it is.") % {
            "n": counts.show(found.wrong)
        }
        for line, words in found.notes[:most]:
            yield _("Line %(line)s: %(words)s.") % {"line": line, "words": words}
        if found.wrong > most:
            yield _("… and %(n)s more.") % {"n": counts.show(found.wrong - most)}


def _sums(sums: Mapping[str, tuple[int, int]]) -> str:
    parts = [f"{counts.show(many)} ({show(amount, currency)})" for currency, (many, amount) in sorted(sums.items())]
    return "; ".join(parts) or "0"
