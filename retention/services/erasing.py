"""Forgetting one person in the ground: the strings go, also out of errors and logs that repeat them; figures stay."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Model, Q, TextField
from django.db.models.functions import Cast

from retention.hashing import customer_key, fold
from retention.models import (
    ConsentEvidence,
    Customer,
    Heartbeat,
    IdempotentRequest,
    Job,
    MailEvent,
    Message,
    Order,
    ParkedFact,
    Prompt,
    Signal,
    Token,
)
from retention.services import consent_imports, suppression

SHORTEST = 3
"""Letters that a name needs to be looked for in errors; a shorter one is in every other word."""

ERRORS: Sequence[tuple[type[Model], str]] = (
    (Heartbeat, "error"),
    (Job, "log"),
    (MailEvent, "detail"),
    (ParkedFact, "traceback"),
    (Signal, "error"),
)
"""Where errors are kept that may repeat what somebody is called."""


def erase(customer: Customer, at: datetime) -> None:
    """Empty the personal strings of the ground's rows, those of absorbed guests too, and suppress the addresses."""
    rows = Customer.objects.filter(Q(pk=customer.pk) | Q(absorbed_into=customer.pk))
    orders = Order.objects.filter(customer__in=rows)
    words = _words(rows, orders)
    keys = []
    for email in rows.exclude(email="").values_list("email", flat=True):
        suppression.erase(email, at=at)
        consent_imports.forget(email, at=at)
        keys.append(customer_key(email))
    # an order's prompt knows the address that the order had
    mine = Q(address_hash__in=keys) | Q(order__in=orders.values("reference"))
    Prompt.objects.filter(mine).exclude(address_hash="").update(address_hash="")
    _erase_mail(rows, at=at)
    _erase_errors(rows, orders)
    Token.objects.filter(customer__in=rows).delete()
    if customer.user_id is not None:
        IdempotentRequest.objects.filter(user=customer.user_id).delete()
    orders.update(email="", postcode="")
    _blacken(ConsentEvidence, ("text", "source"), words, only=Q(customer__in=rows))
    for model, field in ERRORS:
        _blacken(model, (field,), words, only=~Q(**{field: ""}))
    _forget_answers(words)
    rows.filter(erased_at=None).update(
        email="", address="", address_hash="", address_proven_at=None, first_name="", last_name="", zone="", country="",
        source="", number="", erased_at=at,
    )  # fmt: skip


def _words(rows: Iterable[Customer], orders: Any) -> list[str]:
    """Return what somebody is called, the longest first: addresses, what stands before the @, names, postcodes."""
    found: set[str] = set()
    emails = [row.email for row in rows] + list(orders.values_list("email", flat=True))
    for email in filter(None, emails):
        found |= {email, email.rpartition("@")[0], fold(email), fold(email).rpartition("@")[0]}
    for row in rows:
        found |= {row.name, row.first_name, row.last_name, row.number}
    found |= set(orders.values_list("postcode", flat=True))
    return sorted((word for word in found if len(word) >= SHORTEST), key=len, reverse=True)


def _erase_mail(rows: Any, *, at: datetime) -> None:
    messages = Message.objects.filter(customer__in=rows)
    messages.waiting().update(state=Message.State.CANCELLED, reason="erased", changed_at=at)
    messages.exclude(error="").update(error="")  # mail servers repeat the address in their answers
    MailEvent.objects.filter(message__customer__in=rows).exclude(detail="").update(detail="")


def _erase_errors(rows: Any, orders: Any) -> None:
    """Empty the errors that are about the person's own orders and facts, whatever they say."""
    ids = list(rows.values_list("pk", flat=True))
    ParkedFact.objects.filter(fact__customer__in=ids).update(traceback="")
    users = [str(user) for user in rows.exclude(user=None).values_list("user", flat=True)]
    Signal.objects.filter(reference__in=orders.values("reference")).exclude(error="").update(error="")
    Signal.objects.filter(reference__in=users).exclude(error="").update(error="")


def _blacken(model: type[Model], fields: Sequence[str], words: Collection[str], *, only: Q) -> None:
    """Put an ellipsis in place of these words, as whole words, wherever these fields have them."""
    if not words:
        return
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, words)) + r")(?!\w)", re.IGNORECASE)
    having = Q(*(Q(**{f"{field}__icontains": word}) for field in fields for word in _cases(words)), _connector=Q.OR)
    changed = []
    for row in model._default_manager.filter(only, having):
        for field in fields:
            setattr(row, field, pattern.sub("…", getattr(row, field)))
        changed.append(row)
    model._default_manager.bulk_update(changed, fields, batch_size=100)


def _cases(words: Collection[str]) -> set[str]:
    """SQLite knows of upper and lower case in ASCII alone."""
    return {form for word in words for form in (word, word.lower())}


def _forget_answers(words: Collection[str]) -> None:
    """Forget what the API answered to others about the person; a request that comes again is done again."""
    if words:
        text = Cast("body", TextField())
        having = Q(*(Q(text__icontains=form) for word in _cases(words) for form in _forms(word)), _connector=Q.OR)
        IdempotentRequest.objects.annotate(text=text).filter(having).delete()


def _forms(word: str) -> set[str]:
    """Return how a word may stand in JSON: SQLite's escapes what is not ASCII."""
    return {word, json.dumps(word)[1:-1]}
