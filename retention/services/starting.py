"""The UPDATEs between which a mail is on the line, compiled once a round and kind.

Django takes milliseconds to turn what ``permission`` asks into SQL, and that for each mail; the SQL is the same for all
mails of a kind, and only its values differ. So it is compiled for a stand-in whose values are found again among the
parameters. The stand-in has nothing but what ``FIELDS`` says: a question about anything else fails at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Case, Exists, F, OuterRef, QuerySet, Value, When
from django.db.models.functions import Cast, Coalesce
from django.db.models.lookups import Exact
from django.db.models.sql import UpdateQuery

from retention.conf import conf
from retention.hashing import address_hash
from retention.models import Customer, Message, Sending
from retention.services import permission
from retention.services.prepared import Prepared, Statement
from retention.services.writing import Ready

State = Message.State
MARKETING = Message.Purpose.MARKETING


Question = tuple[QuerySet[Message], dict[str, Any]]
"""Which rows, and what is written into them."""


class Kind(NamedTuple):
    """What ``permission`` decides by before it asks the database."""

    purpose: str
    proven: bool
    topic: bool
    address: bool


FAR = datetime(2999, 1, 1, tzinfo=UTC)
FIELDS: Mapping[str, Any] = {
    "pk": 2**60 + 1,
    "owner": "stand-in of the owner",
    "done": 2**60 + 3,
    "done_by": "stand-in of the owner of the mail before",
    "header": "stand-in of the Message-ID",
    "provider": "stand-in of the provider's id",
    "topic": "stand-in of the topic",
    "customer": 2**60 + 2,
    "email": "stand-in@of.the.address",
    "address": "stand-in@of.the.folded.address",
    "created": FAR,
    "proven": FAR + timedelta(days=1),
    "at": FAR + timedelta(days=2),
    "lease": FAR + timedelta(days=3),
}
"""The stand-in's values, none of which is anybody's."""


class Starter:
    """Starts the mails of one round of deliveries; ``close`` it."""

    def __init__(self) -> None:
        self._prepared = Prepared()
        self._compiled: dict[tuple[bool, Kind | None], Statement] = {}

    def close(self) -> None:
        self._prepared.close()

    def step(
        self,
        previous: Ready | None,
        wish: Wish | None,
        *,
        at: datetime,
        meanwhile: Callable[[], object] | None = None,
    ) -> tuple[bool, bool]:
        """Let ``previous`` be sent and what ``wish`` names be sending, in one UPDATE; whether each of them was still
        ours to say so of, and the second still allowed: address, consent and suppression are asked in this very UPDATE.
        ``meanwhile`` is done while the database works, where it works beside us."""
        if previous is None and wish is None:
            return False, False
        values: dict[str, Any] = {"at": at}
        if previous:
            message = previous.message
            values |= {"done": message.pk, "done_by": message.owner, "provider": previous.provider_id}
        if wish:
            values |= wish.values
            values["lease"] = at + timedelta(seconds=conf.SEND_LEASE_SECONDS)
        hit = self._run(self._statement(bool(previous), wish and wish.kind), values, meanwhile)
        return values.get("done") in hit, values.get("pk") in hit

    def _statement(self, previous: bool, kind: Kind | None) -> Statement:
        if (previous, kind) not in self._compiled:
            self._compiled[previous, kind] = _compile(previous, kind)
        return self._compiled[previous, kind]

    def _run(self, statement: Statement, values: Mapping[str, Any], meanwhile: Callable[[], object] | None) -> set[int]:
        """Run an UPDATE; return the ids of the rows it hit."""
        if connection.vendor == "postgresql":
            return {pk for (pk,) in self._prepared.rows(statement, values, meanwhile)}
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, statement.fill({name: _adapt(value) for name, value in values.items()}))
            return {pk for (pk,) in cursor.fetchall()}


class Wish(NamedTuple):
    """A mail that wants to start."""

    kind: Kind
    values: Mapping[str, Any]

    @classmethod
    def of(cls, message: Message) -> Wish:
        """Return what is asked and written of a mail that is written: it has its Message-ID."""
        customer = message.customer
        proven = customer.address_proven_at
        kind = Kind(message.purpose, proven is not None, bool(message.topic), bool(customer.address))
        return cls(
            kind,
            {
                "pk": message.pk,
                "owner": message.owner,
                "header": message.header_id,
                "topic": message.topic,
                "customer": message.customer_id,
                "email": customer.email,
                "address": customer.address,
                "hash": address_hash(customer.email),
                "created": customer.created_at,
                "proven": proven,
            },
        )


def _starts(message: Any) -> Question:
    rows = _one(message, State.CLAIMED)
    rows = permission.still_allowed(rows.filter(Exists(here(message))), message, at=FIELDS["at"])
    if message.purpose == MARKETING:
        rows = rows.filter(~Exists(STOPPED))
    return rows, {
        "state": State.SENDING,
        "header_id": FIELDS["header"],
        "lease_until": FIELDS["lease"],
        "tries": F("tries") + 1,
        "started_at": FIELDS["at"],
        "deferred": "",
        "changed_at": FIELDS["at"],
    }


def _sent(message: Any) -> Question:
    return _one(message, State.SENDING), {
        "owner": "",
        "lease_until": None,
        **told(at=FIELDS["at"], provider_id=FIELDS["provider"]),
    }


def _one(message: Any, state: str) -> QuerySet[Message]:
    """Return the mail if it is in this state and still this worker's.

    Hidden in an expression the state cannot be looked up by its index: hardly any row is claimed or being sent, but
    thousands were a moment ago, and PostgreSQL would rather look at all of those than at the one with this id.
    """
    now = Exact(Coalesce(F("state"), Value("")), state)
    return Message.objects.filter(now, pk=message.pk, owner=message.owner)


def told(*, at: datetime, provider_id: str) -> dict[str, Any]:
    """Return what is written down of a mail that was sent."""
    return {
        "state": State.SENT, "sent_at": at, "error": "", "reason": "", "provider_id": provider_id, "changed_at": at,
    }  # fmt: skip


def here(message: Any) -> QuerySet[Customer]:
    """Return the mail's customer, unless their address is another by now."""
    return Customer.objects.filter(pk=OuterRef("customer"), email=message.customer.email)


STOPPED = Sending.objects.filter(stopped_at__isnull=False)


def _stand_in(kind: Kind) -> Any:
    customer = SimpleNamespace(
        pk=FIELDS["customer"],
        email=FIELDS["email"],
        address=FIELDS["address"] if kind.address else "",
        address_proven_at=FIELDS["proven"] if kind.proven else None,
        created_at=FIELDS["created"],
    )
    return SimpleNamespace(
        pk=FIELDS["pk"],
        owner=FIELDS["owner"],
        purpose=kind.purpose,
        topic=FIELDS["topic"] if kind.topic else "",
        customer=customer,
        customer_id=customer.pk,
    )


def _compile(previous: bool, kind: Kind | None) -> Statement:
    """Return the UPDATE of one mail or of two."""
    asked = [_sent(SimpleNamespace(pk=FIELDS["done"], owner=FIELDS["done_by"]))] if previous else []
    asked += [_starts(_stand_in(kind))] if kind else []
    rows, written = asked[0] if len(asked) == 1 else _both(*asked)
    query: Any = rows.query.chain(UpdateQuery)
    query.add_update_values(written)
    sql, params = query.get_compiler(connection=connection).as_sql()
    names = {_adapt(value): name for name, value in {**FIELDS, "hash": address_hash(FIELDS["email"])}.items()}
    slots = [(place, names[value]) for place, value in enumerate(params) if value in names]
    return Statement(f'{sql} RETURNING "id"', list(params), slots)


def _both(sent: Question, started: Question) -> Question:
    """Return the one UPDATE that does what these two do: to open all indexes twice takes PostgreSQL as long as to ask
    all that is asked."""
    (first, done), (second, begun) = sent, started
    written = {}
    for name in {**done, **begun}:
        one, other = done.get(name, F(name)), begun.get(name, F(name))
        column: Any = Message._meta.get_field(name)
        written[name] = (
            one
            if one == other
            else Case(
                When(pk=FIELDS["done"], then=_typed(one, column)), default=_typed(other, column), output_field=column
            )
        )
    return (first | second).filter(pk__in=[FIELDS["done"], FIELDS["pk"]]), written


def _typed(value: Any, column: Any) -> Any:
    return value if hasattr(value, "resolve_expression") else Cast(Value(value, output_field=column), column)


def _adapt(value: Any) -> Any:
    """Return a value as the compiler leaves it among the parameters."""
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
