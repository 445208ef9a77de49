"""Writing down what lines of a file mean, set-wise, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from django.db.models import Q

from retention.consent_file import CONSENT, Line
from retention.facts import ConsentWithdrawn
from retention.hashing import address_hash
from retention.models import Consent, ConsentEvidence, Customer, Suppression
from retention.services import consent_merging, facts
from retention.services.consent_merging import Answer, Plan
from retention.services.customers import LISTED


def write(plan: Plan, *, source: str, at: datetime) -> None:
    """Write what a plan says; ``source`` goes before what each line says itself, ``at`` is for lines without a time."""
    new = _people(plan.people)

    def pk(who: int | str) -> int | None:
        return who if isinstance(who, int) else new.get(who)

    _answers({(who, answer.purpose): answer for answer in plan.answers if (who := pk(answer.who))})
    ConsentEvidence.objects.bulk_create(
        (_evidence(who, line, source=source, at=at) for whose, line in plan.evidence if (who := pk(whose))),
        ignore_conflicts=True,
    )
    Suppression.objects.bulk_create(
        (
            Suppression(address_hash=hashed, scope=scope, reason=reason, at=since)
            for hashed, scope, reason, since in plan.stops
        ),
        ignore_conflicts=True,
    )
    Suppression.objects.bulk_update(plan.later, ["at"])
    _lift(plan.lifted)
    # no ConsentGiven: what was said elsewhere is history, and starts nothing
    facts.publish(
        ConsentWithdrawn(customer=pk(answer.who), at=answer.since, purpose=answer.purpose, source=source)
        for answer in plan.answers
        if not answer.granted and (answer.who, answer.purpose) in plan.was_yes
    )


def _people(people: Mapping[str, datetime]) -> dict[str, int]:
    """Make a row for each address that is nobody's yet. Returns address → customer.

    The number is the address's hash, by which the constraint keeps one row an address.
    """
    hashes = {address_hash(address): address for address in people}
    Customer.objects.bulk_create(
        (
            Customer(
                kind=Customer.Kind.IMPORT, source=LISTED, number=hashed, email=address, address=address,
                created_at=people[address],
            )
            for hashed, address in hashes.items()
        ),
        ignore_conflicts=True,
    )  # fmt: skip
    made = Customer.objects.filter(kind=Customer.Kind.IMPORT, source=LISTED, number__in=hashes)
    return {hashes[hashed]: pk for pk, hashed in made.values_list("pk", "number")}


def _answers(answers: Mapping[tuple[int, str], Answer]) -> None:
    rows = {
        (customer, purpose): Consent(
            customer_id=customer, purpose=purpose, granted=said.granted, basis=said.basis, changed_at=said.since
        )
        for (customer, purpose), said in answers.items()
    }
    changed = []
    for there in Consent.objects.filter(customer__in={customer for customer, _ in rows}, channel="email"):
        row = rows.pop((there.customer_id, there.purpose), None)
        if row:
            row.pk = there.pk
            changed.append(row)
    Consent.objects.bulk_update(changed, ["granted", "basis", "changed_at"])
    Consent.objects.bulk_create(rows.values(), ignore_conflicts=True)


def _evidence(customer: int, line: Line, *, source: str, at: datetime) -> ConsentEvidence:
    return ConsentEvidence(
        customer_id=customer,
        purpose=line.purpose,
        granted=line.kind == CONSENT,
        basis=line.basis,
        text=line.text,
        source=f"{source} {line.source}".strip()[:120],
        at=line.at or at,
        key=consent_merging.key(line),
    )


def _lift(lifted: Sequence[tuple[str, str]]) -> None:
    """End imported noes; one that has become our own meanwhile stays."""
    imported = Suppression.objects.filter(reason=Suppression.Reason.IMPORTED)
    which = [Q(address_hash=hashed, scope=scope) for hashed, scope in lifted]
    for some in _some(which, 200):
        imported.filter(Q(*some, _connector=Q.OR)).delete()


def _some(items: Sequence[Q], size: int) -> Iterator[Sequence[Q]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]
