"""What the choices about sending will do, in words for who is about to save them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention.models import Sending
from retention.services import quiet, rates


def say(
    choices: Sending, *, caps: Mapping[int, int], domains: Mapping[str, int], waiting: int, at: datetime
) -> list[str]:
    """Return a sentence for each thing that will be so. ``caps``: days → mails; ``waiting``: mails that are due."""
    return [
        *_quiet(choices),
        *(_cap(most, days) for days, most in sorted(caps.items())),
        *([] if caps else [_("A person may get any number of marketing mails.")]),
        *_rate(choices),
        *(_domain(domain, per_hour) for domain, per_hour in sorted(domains.items())),
        *_queue(choices, waiting),
        *_warm_up(choices, at=at),
        *_stop(choices),
    ]


def _quiet(choices: Sending) -> Iterator[str]:
    hours = quiet.hours(choices)
    if hours is None:
        yield _("Marketing mail and surveys leave at any hour of the day.")
        return
    yield _(
        "Nobody gets marketing mail or a survey between %(start)s and %(end)s of their own day; what is due then "
        "leaves from %(end)s on. Where we do not know somebody's time zone, it is %(zone)s."
    ) % {"start": f"{hours.start:%H:%M}", "end": f"{hours.end:%H:%M}", "zone": quiet.zone_of("").key}


def _cap(most: int, days: int) -> str:
    within = ngettext("within %(days)s day", "within %(days)s days", days) % {"days": days}
    return ngettext(
        "A person gets at most %(most)s marketing mail %(within)s; what is more waits, the most urgent goes first.",
        "A person gets at most %(most)s marketing mails %(within)s; what is more waits, the most urgent goes first.",
        most,
    ) % {"most": most, "within": within}


def _rate(choices: Sending) -> Iterator[str]:
    if choices.per_hour is None:
        yield _("Mail leaves as fast as the mail server takes it.")
        return
    yield ngettext(
        "At most %(n)s mail leaves in an hour, service mail first.",
        "At most %(n)s mails leave in an hour, service mail first.",
        choices.per_hour,
    ) % {"n": number_format(choices.per_hour)}


def _queue(choices: Sending, waiting: int) -> Iterator[str]:
    if choices.per_hour and waiting > choices.per_hour:
        hours = -(-waiting // choices.per_hour)
        yield ngettext(
            "%(mails)s mails are due now: the last of them leaves in about %(n)s hour.",
            "%(mails)s mails are due now: the last of them leaves in about %(n)s hours.",
            hours,
        ) % {"mails": number_format(waiting), "n": number_format(hours)}


def _domain(domain: str, per_hour: int) -> str:
    return ngettext(
        "At most %(n)s an hour goes to %(domain)s.",
        "At most %(n)s an hour go to %(domain)s.",
        per_hour,
    ) % {"n": number_format(per_hour), "domain": domain}


def _warm_up(choices: Sending, *, at: datetime) -> Iterator[str]:
    if choices.warm_up_from is None:
        return
    today = at.astimezone(quiet.zone_of("")).date()
    begun = today >= choices.warm_up_from
    said = {"day": date_format(choices.warm_up_from), "n": number_format(choices.warm_up_first)}
    if not begun:
        yield _("The warm-up begins on %(day)s: at most %(n)s mails on that day, twice as many each day after.") % said
    elif limit := rates.warm_up(choices, at=at):
        yield _(
            "Warm-up since %(day)s: today at most %(today)s mails leave, tomorrow twice as many. It ends by itself on "
            "%(end)s."
        ) % {**said, "today": number_format(limit.most), "end": date_format(_end(choices))}  # fmt: skip
    else:
        yield _("The warm-up since %(day)s is over.") % said


def _end(choices: Sending) -> datetime:
    """Return the first day without a limit, at its midnight."""
    assert choices.warm_up_from is not None
    days = 0
    while rates.warm_up_most(choices, days) is not None:
        days += 1
    first = datetime.combine(choices.warm_up_from, datetime.min.time(), tzinfo=quiet.zone_of(""))
    return first + timedelta(days=days)


def _stop(choices: Sending) -> Iterator[str]:
    days = ngettext("the last day", "the last %(days)s days", choices.judged_days) % {"days": choices.judged_days}
    yield _(
        "Marketing stops by itself when more than %(complaints)s %% of the marketing mails of %(days)s are complained "
        "of, or more than %(bounces)s %% of them find no mailbox, from %(least)s mails on. Only a mail provider tells "
        "us; see docs/how-to/mail-delivery.md."
    ) % {
        "complaints": number_format(choices.complaint_limit),
        "bounces": number_format(choices.bounce_limit),
        "days": days,
        "least": number_format(choices.judged_least),
    }  # fmt: skip
