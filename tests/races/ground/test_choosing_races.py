"""Two clicks of one person at the same time: one first answer, and a no that no undo outweighs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from retention import registry
from retention.models import Consent, Customer, Fact
from retention.services import preferences, questions
from retention.services.preferences import TooLate, Wish
from retention.services.profile import Shown
from tests.races.together import all_well, together
from tests.retention.shop import NOON

pytestmark = pytest.mark.django_db(transaction=True)

CLICKS, ROUNDS = 8, 20
Make = Callable[..., Customer]


def answer(customer: Customer) -> bool:
    question = registry.questions["retention.birthday"]
    return questions.answer(customer, question, data={"month": 5, "day": 7}, at=NOON)


def test_eight_clicks_are_one_first_answer(shop: Any, customer: Make) -> None:
    ada = customer()
    assert sorted(all_well(together(*[lambda: answer(ada)] * CLICKS))) == [False] * (CLICKS - 1) + [True]
    assert Fact.objects.filter(kind="retention.ProfileAnswered").count() == 1


def test_without_the_lock_there_are_more(shop: Any, customer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control. SQLite has one writer at a time, so there the lock is the transaction itself."""
    ada, both = customer(), threading.Barrier(2)

    def look(row: Customer) -> Customer:
        found = Customer.objects.get(pk=row.pk)
        if connection.vendor == "postgresql":
            both.wait(30)
        return found

    monkeypatch.setattr(questions, "_hold", look)
    first = all_well(together(lambda: answer(ada), lambda: answer(ada)))
    assert first.count(True) == (2 if connection.vendor == "postgresql" else 1)


def test_an_undo_never_outweighs_a_no_that_comes_at_the_same_time(shop: Any, customer: Make) -> None:
    shown = Shown(text="", source="test")
    for number in range(ROUNDS):
        ada = customer(f"p{number}@example.com", wants=("marketing", "survey"))
        undo = preferences.save(ada, Wish(survey=False), shown=shown, mailbox=True, at=NOON)

        def back(ada: Customer = ada, undo: str = undo) -> str:
            try:
                preferences.undo(ada, undo, mailbox=True, at=NOON)
            except TooLate:
                return "too late"
            return "undone"

        def leave(ada: Customer = ada) -> str:
            return preferences.leave(ada, shown=shown, mailbox=True, at=NOON)

        said, signed = all_well(together(back, leave))
        assert said in ("undone", "too late")
        assert signed
        assert dict(Consent.objects.filter(customer=ada).values_list("purpose", "granted")) == {
            "marketing": False,
            "survey": False,
        }
