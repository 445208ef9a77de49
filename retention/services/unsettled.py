"""Marketing to people of before waits until it is known who of them had said no elsewhere.

They are those whom a file brought, who ordered before the shop went live, or whose account is older than that. Who has
said yes to us in so many words, which outweighs what they had said before, is not among them. A mail that has to wait
is put off and not skipped: it would be lost, and what it waits for is a click of the merchant.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db.models import DateTimeField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from retention.models import ConsentEvidence, Customer, Installation, Message
from retention.models.consent import Basis
from retention.rows import Among
from retention.services import installation, outbox

MARKETING = Message.Purpose.MARKETING
WHY = "earlier unsubscribes"
"""What ``Message.deferred`` says."""
AGAIN = timedelta(minutes=15)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def people() -> QuerySet[Customer]:
    """Return the people of before."""
    live = Installation.objects.filter(pk=1).values("live_since")[:1]
    since = Coalesce(Subquery(live), Value(NEVER), output_field=DateTimeField())
    told = ConsentEvidence.objects.filter(customer=OuterRef("pk"), purpose=MARKETING, granted=True)
    before = (
        Q(kind=Customer.Kind.IMPORT)
        | Q(first_order_at__lt=since)
        | Q(joined_at__lt=since)
        | Q(Exists(told.exclude(key="")))
    )
    return Customer.objects.filter(before, ~Exists(told.filter(key="", basis__in=[Basis.OPT_IN, Basis.DOUBLE_OPT_IN])))


def where() -> Q:
    """Match the messages that have to wait at this very moment."""
    settled = Installation.objects.filter(pk=1, consents_settled_at__isnull=False)
    return Q(~Exists(settled), Exists(people().filter(pk=OuterRef("customer"))), purpose=MARKETING)


def hold(messages: Sequence[Message], *, at: datetime) -> list[Message]:
    """Put off those of these claimed mails that have to wait; return the others."""
    asked = [message.pk for message in messages if message.purpose == MARKETING]
    if not asked or installation.get().consents_settled_at:
        return list(messages)
    waits = set(Message.objects.filter(Among(F("pk"), asked), where()).values_list("pk", flat=True))
    outbox.put_off(messages[0].owner, dict.fromkeys(waits, (at + AGAIN, WHY)), at=at)
    return [message for message in messages if message.pk not in waits]


def matters() -> bool:
    """Whether it is unsettled and there is anybody of before."""
    return not installation.get().consents_settled_at and people().filter(erased_at=None).exists()


def waiting() -> int:
    """Return how many mails wait for this."""
    return Message.objects.filter(state=Message.State.DUE, deferred=WHY).count()
