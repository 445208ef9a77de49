"""What of the ground can be broken, each with its cure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention import consent_troubles, registry
from retention.conf import conf
from retention.models import Heartbeat, Message, Order, ParkedFact, Signal
from retention.registry import PanelAction, Trouble
from retention.services import sending, stopping
from retention.shop import get_shop_or_none

STALE_TICKS = 10
"""Intervals after which a tick is stale; never less than ``HEARTBEAT_SECONDS``."""


def find(at: datetime) -> Iterator[Trouble]:
    """Yield everything of the ground that staff should look at."""
    yield from _messages()
    yield from _stopped()
    yield from _parked()
    yield from _signals()
    yield from _statuses()
    yield from _ticks(at)


def _messages() -> Iterator[Trouble]:
    url = reverse("admin:retention_message_changelist")
    counts = dict(
        Message.objects.filter(state__in=[Message.State.FAILED, Message.State.UNKNOWN])
        .order_by()
        .values_list("state")
        .annotate(n=Count("pk"))
    )
    if failed := counts.get(Message.State.FAILED):
        yield Trouble(
            what=ngettext("%(n)s message failed", "%(n)s messages failed", failed) % {"n": failed},
            cure=_("Read the reason on the message, mend it, then choose “Send again”."),
            count=failed,
            url=f"{url}?state__exact=failed",
        )
    if unknown := counts.get(Message.State.UNKNOWN):
        yield Trouble(
            what=ngettext(
                "%(n)s message may have left or not", "%(n)s messages may have left or not", unknown
            ) % {"n": unknown},
            cure=_("Look it up in your mail server's log, then choose “It left” or “Send again”."),
            count=unknown,
            url=f"{url}?state__exact=unknown",
        )  # fmt: skip


def _stopped() -> Iterator[Trouble]:
    choices = sending.get()
    reason = stopping.reason(choices)
    if reason is None:
        return
    said = {
        "many": reason.many,
        "sent": reason.sent,
        "share": number_format(reason.share),
        "limit": number_format(reason.limit),
    }
    if reason.what == stopping.COMPLAINTS:
        what = _(
            "Marketing mail has stopped: %(many)s of %(sent)s were complained of, %(share)s %% (limit %(limit)s %%)"
        )
    else:
        what = _(
            "Marketing mail has stopped: %(many)s of %(sent)s went to no mailbox, %(share)s %% (limit %(limit)s %%)"
        )
    yield Trouble(
        what=what % said,
        cure=_(
            "Look at who got it and why, and mend that first: whoever goes on is soon taken for spam. "
            "Mails wait meanwhile; nothing is lost, and service mail goes out."
        ),
        url=reverse("admin:retention_sending_changelist"),
        actions=[
            PanelAction(
                label=_("Let marketing go on"),
                url=reverse("admin:retention_sending_go_on"),
                permission="retention.pause_sending",
            )
        ],
    )


def _parked() -> Iterator[Trouble]:
    parked = ParkedFact.objects.filter(resolved_at=None).order_by().values_list("subscriber").annotate(n=Count("pk"))
    for subscriber, count in parked:
        yield Trouble(
            what=ngettext(
                "%(n)s fact is parked for %(subscriber)s", "%(n)s facts are parked for %(subscriber)s", count
            ) % {"n": count, "subscriber": subscriber},
            cure=_("Read the traceback, mend its cause, then choose “Try again”."),
            count=count,
            url=reverse("admin:retention_parkedfact_changelist") + "?resolved_at__isnull=1",
        )  # fmt: skip


def _signals() -> Iterator[Trouble]:
    url = reverse("admin:retention_signal_changelist")
    failing = Signal.objects.exclude(error="").exclude(outcome=Signal.Outcome.READ).count()
    if failing:
        yield Trouble(
            what=ngettext(
                "%(n)s signal of the shop cannot be read", "%(n)s signals of the shop cannot be read", failing
            ) % {"n": failing},
            cure=_("The adapter raised: read the error on the signal, mend it, then choose “Read again”."),
            count=failing,
            url=url,
        )  # fmt: skip
    unknown = Signal.objects.filter(outcome=Signal.Outcome.UNKNOWN).count()
    if unknown:
        yield Trouble(
            what=ngettext(
                "%(n)s signal names an order that the shop does not have",
                "%(n)s signals name orders that the shop does not have",
                unknown,
            )
            % {"n": unknown},
            cure=_("Who sends it? An order that was rolled back is harmless; a webhook of another shop is not."),
            count=unknown,
            url=f"{url}?outcome__exact=unknown",
        )


def _statuses() -> Iterator[Trouble]:
    shop = get_shop_or_none()
    known = shop.statuses() if shop else None
    if known is None:
        return
    used = set(Order.objects.order_by().values_list("host_status", flat=True).distinct())
    unmapped = sorted(used - set(conf.STATUS_TIMES) - set(conf.PLAIN_STATUSES) - {""})
    if unmapped:
        yield Trouble(
            what=_("Statuses that mean nothing to us: %(names)s") % {"names": ", ".join(unmapped)},
            cure=_(
                "Say in RETENTION[“STATUS_TIMES”] which of them means paid, fulfilled, delivered or cancelled, "
                "and name the others in RETENTION[“PLAIN_STATUSES”]."
            ),
            count=len(unmapped),
            url=reverse("admin:retention_order_changelist"),
        )


def _ticks(at: datetime) -> Iterator[Trouble]:
    beats = {beat.name: beat for beat in Heartbeat.objects.all()}
    for tick in registry.ticks:
        beat = beats.get(tick.name)
        limit = timedelta(seconds=max(tick.every * STALE_TICKS, conf.HEARTBEAT_SECONDS))
        if beat is None or at - beat.at > limit:
            yield Trouble(
                what=_("%(tick)s does not run") % {"tick": tick.name},
                cure=_("Start Celery worker and beat, or run “manage.py retention_run --loop”."),
                url=reverse("admin:retention_installation_changelist"),
            )
        elif beat.error:
            yield Trouble(
                what=_("%(tick)s fails: %(error)s") % {"tick": tick.name, "error": beat.error[:200]},
                cure=_("It is tried again by itself; when the error stays, mend its cause."),
                url=reverse("admin:retention_installation_changelist"),
            )


def load() -> None:
    """Register the ground's troubles."""
    registry.troubles.add("retention", find)
    registry.troubles.add("retention.consents", consent_troubles.find)
