"""What a provider has told already of a mail whose sending broke off: its event may be here before we notice."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import Exists, OuterRef
from django.db.models.functions import Coalesce

from retention.models import MailEvent, Message

Kind = MailEvent.Kind
State = Message.State

LEFT = (Kind.DELIVERED, Kind.BOUNCED, Kind.COMPLAINED, Kind.UNSUBSCRIBED)
"""Such a thing happens only to a mail that has left."""

REFUSED = "refused by the provider"


def settle(ids: Collection[int], *, at: datetime) -> list[int]:
    """End those of these mails in mid-send of which an event says whether they left. Returns the ids of the others.

    The caller holds the rows: who brings an event waits for them, and sees what became of them.
    """
    rows = Message.objects.filter(pk__in=ids, state=State.SENDING)
    about = MailEvent.objects.filter(message=OuterRef("pk"))
    free = {"owner": "", "lease_until": None, "changed_at": at}
    rows.filter(Exists(about.filter(kind__in=LEFT))).update(
        state=State.SENT, sent_at=Coalesce("started_at", "changed_at"), reason="", error="", **free
    )
    # an earlier try that was refused says nothing of this one
    refused = about.filter(kind=Kind.REJECTED, received_at__gte=OuterRef("started_at"))
    rows.filter(Exists(refused)).update(state=State.FAILED, reason=REFUSED, **free)
    return list(rows.values_list("pk", flat=True))
