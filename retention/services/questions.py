"""What we would like to know of a member: one question at a time, each with a plain "not now"."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from retention import registry
from retention.facts import ProfileAnswered
from retention.models import Customer
from retention.registry import Question
from retention.services import facts, nudges, prompts
from retention.services.profile import Erased


def next_one(customer: Customer, *, at: datetime) -> Question | None:
    """Return the one question to ask now: not answered, and not put off within ``PROMPT_DAYS``."""
    if customer.erased_at or not customer.email:
        return None
    asked: list[Question] = sorted(registry.questions, key=lambda question: question.order)
    for question in asked:
        if not question.is_answered(customer) and prompts.wanted(
            name=_prompt(question), order="", email=customer.email, at=at
        ):
            return question
    return None


def answer(customer: Customer, question: Question, *, data: Mapping[str, Any], at: datetime) -> bool:
    """Write down an answer; the first one is a fact. False for a later one, which takes its place. Raises Erased."""
    with transaction.atomic():
        row = _hold(customer)
        if row.erased_at:
            raise Erased
        first = not question.is_answered(row)
        question.save(row, data, at)
        if first:
            facts.publish([ProfileAnswered(customer=row.pk, at=at, question=question.name)])
    return first


def _hold(customer: Customer) -> Customer:
    """Hold the person's row: two clicks at once are one first answer."""
    return Customer.objects.select_for_update().get(pk=customer.pk)


def skip(customer: Customer, question: Question, *, at: datetime) -> None:
    """Remember a "not now"; it is by address, as every no to a prompt."""
    if customer.email:
        nudges.dismiss(customer, name=_prompt(question), at=at)


def _prompt(question: Question) -> str:
    return f"question-{question.name}"
