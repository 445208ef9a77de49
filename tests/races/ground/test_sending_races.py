"""Caps and rates with several workers at once: exact. A no that is committed before a mail starts: no mail."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends import locmem
from django.db import transaction
from django.db.models import QuerySet

from retention.models import Customer, DomainRate, MailCap, Message, Sending, SendTally
from retention.services import caps, consent, delivery, holding, outbox, permission, rates, suppression
from retention.services.outbox import Promise
from retention.services.starting import Starter, Wish
from retention.services.writing import Ready
from tests.races.together import all_well, together
from tests.retention.mails import NEWS, RECEIPT
from tests.retention.shop import NOON

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mails")]

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WORKERS, PEOPLE, EACH = 4, 25, 8
Make = Callable[..., Customer]


def owe_each(people: Sequence[Customer], count: int, mail: str) -> None:
    promises = [
        Promise(key=f"{number}:{one.pk}", mail=mail, customer=one.pk, due_at=NOON)
        for number in range(count)
        for one in people
    ]
    outbox.post_many(promises, at=NOON)
    while outbox.promote(at=NOON):
        pass


@contextmanager
def unlocked(name: str, *, wait: bool = False) -> Iterator[bool]:
    with transaction.atomic():
        yield True


def meet(monkeypatch: pytest.MonkeyPatch, owner: type, method: str) -> None:
    """Let two workers both have read before either writes."""
    ready, read = threading.Barrier(2), getattr(owner, method)

    def slowly(self: Any, **given: Any) -> None:
        read(self, **given)
        ready.wait(30)

    monkeypatch.setattr(owner, method, slowly)


# Caps


def test_two_mails_in_a_week_are_two_for_each_of_many_people_whoever_sends(
    customer: Make, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "FIRST", 10)
    monkeypatch.setattr(delivery, "MOST", 10)
    MailCap.objects.create(most=2, days=7)
    owe_each([customer(f"{n}@example.com", wants=("marketing",)) for n in range(PEOPLE)], EACH, NEWS)
    all_well(together(*[lambda: delivery.deliver(at=NOON)] * WORKERS))
    assert Counter(Counter(mail.to[0] for mail in mailoutbox).values()) == {2: PEOPLE}
    waiting = Message.objects.filter(state="due")
    assert set(waiting.values_list("deferred", flat=True)) == {"cap"}
    assert min(waiting.values_list("due_at", flat=True)) >= NOON + 7 * DAY
    assert waiting.count() == PEOPLE * (EACH - 2), "nothing is lost"


@pytest.mark.postgres
def test_without_the_lock_two_workers_pass_the_cap(
    customer: Make, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control. SQLite's transaction is the lock itself and cannot be left out."""
    MailCap.objects.create(most=1, days=7)
    owe_each([customer(wants=("marketing",))], 2, NEWS)
    monkeypatch.setattr(delivery, "FIRST", 1)
    monkeypatch.setattr(delivery, "MOST", 1)
    monkeypatch.setattr(holding, "one_at_a_time", unlocked)
    meet(monkeypatch, caps.Caps, "load")
    all_well(together(*[lambda: delivery.deliver(at=NOON, limit=1)] * 2))
    assert len(mailoutbox) == 2, "one more than the cap"


# Rates


def test_a_rate_is_exact_whoever_sends(
    customer: Make, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "FIRST", 10)
    monkeypatch.setattr(delivery, "MOST", 10)
    Sending.objects.create(pk=1, per_hour=73)
    DomainRate.objects.create(domain="example.org", per_hour=7)
    owe_each([customer("a@example.com"), customer("b@example.org")], 60, RECEIPT)
    all_well(together(*[lambda: delivery.deliver(at=NOON)] * WORKERS))
    came = Counter(mail.to[0] for mail in mailoutbox)
    assert came["b@example.org"] == 7
    assert sum(came.values()) <= 73
    while delivery.deliver(at=NOON):
        pass
    came = Counter(mail.to[0] for mail in mailoutbox)
    assert came == {"a@example.com": 60, "b@example.org": 7}
    for hour in range(1, 9):
        while delivery.deliver(at=NOON + hour * HOUR):
            pass
    assert Counter(Message.objects.values_list("state", flat=True)) == {"sent": 120}
    assert max(SendTally.objects.filter(scope="domain:example.org").values_list("taken", flat=True)) == 7


@pytest.mark.postgres
def test_without_the_lock_two_workers_pass_the_rate(
    customer: Make, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    Sending.objects.create(pk=1, per_hour=5)
    owe_each([customer()], 10, RECEIPT)
    monkeypatch.setattr(holding, "one_at_a_time", unlocked)
    meet(monkeypatch, rates.Rates, "load")
    all_well(together(*[lambda: delivery.deliver(at=NOON, limit=5)] * 2))
    assert len(mailoutbox) == 10, "twice the rate"


def test_a_stop_is_heard_before_the_next_mail_starts(
    customer: Make, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty mails are claimed already; those that had not started are due again and wait."""
    owe_each([customer(wants=("marketing",))], 30, NEWS)
    send = locmem.EmailBackend.send_messages

    def stop(self: Any, messages: Sequence[EmailMessage]) -> int:
        if len(mailoutbox) == 9:
            Sending.objects.update_or_create(
                pk=1, defaults={"stopped_at": NOON, "stopped_why": "complaints 2 200 0.30"}
            )
        return send(self, messages)

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", stop)
    delivery.deliver(at=NOON)
    assert Counter(Message.objects.values_list("state", "reason")) == {("sent", ""): 10, ("due", ""): 20}
    assert Message.objects.filter(state="due", started_at__isnull=False).count() == 0


# A no that is committed before a mail starts


def suppressed(ada: Customer) -> None:
    suppression.add(ada.email, scope="all", reason="bounced", at=NOON)


def withdrawn(ada: Customer) -> None:
    consent.withdraw(ada, purpose="marketing", source="test", at=NOON)


def unsubscribed(ada: Customer) -> None:
    consent.unsubscribe(ada, purpose="marketing", source="test", at=NOON)


NOES = (suppressed, withdrawn, unsubscribed)


def interleave(
    people: Sequence[Customer], box: list[EmailMessage], monkeypatch: pytest.MonkeyPatch, *, seed: int
) -> tuple[set[str], set[str]]:
    """Let a sender and somebody who says no for each of these people run at the same time, at a pace drawn by chance.

    Returns to whom a mail started after their no was committed, and to whom one started before.
    """
    chance = random.Random(seed)
    order = list(people)
    chance.shuffle(order)
    noes: dict[str, int] = {}
    starts: dict[str, int] = {}
    count = iter(range(10**9))
    tell, step = locmem.EmailBackend.send_messages, Starter.step
    gates = [threading.Event() for _ in people]

    def note(
        self: Starter, previous: Ready | None, wish: Wish | None, *, at: datetime, meanwhile: Any = None
    ) -> tuple[bool, bool]:
        # drawn before the UPDATE: a no that is committed by then must be heard
        mark = next(count)
        sent, started = step(self, previous, wish, at=at, meanwhile=meanwhile)
        if wish and started:
            starts[wish.values["email"]] = mark
        return sent, started

    def leave() -> None:
        for number, ada in enumerate(order):
            if chance.random() < 0.5:
                gates[number].wait(0.002 * chance.random())
            chance.choice(NOES)(ada)
            noes[ada.email] = next(count)

    def open_gate(self: Any, messages: Sequence[EmailMessage]) -> int:
        gates[len(starts) - 1].set()
        return tell(self, messages)

    with monkeypatch.context() as patch:
        patch.setattr(Starter, "step", note)
        patch.setattr(locmem.EmailBackend, "send_messages", open_gate)
        all_well(together(lambda: delivery.deliver(at=NOON), leave))
    late = {who for who, mark in starts.items() if noes[who] < mark}
    return late, set(starts) - late


def race(customer: Make, box: list[EmailMessage], monkeypatch: pytest.MonkeyPatch, count: int) -> tuple[int, int, int]:
    """Return of so many interleavings: mails started after a no, mails started before it, mails never started."""
    late, early = 0, 0
    for batch in range(count // 50):
        people = [customer(f"{batch}-{number}@example.com", wants=("marketing",)) for number in range(50)]
        owe_each(people, 1, NEWS)
        after, before = interleave(people, box, monkeypatch, seed=batch)
        late, early = late + len(after), early + len(before)
    return late, early, Message.objects.filter(state="skipped").count()


@pytest.mark.postgres
def test_of_a_hundred_interleavings_of_a_no_and_a_send_none_ends_with_a_mail_after_the_no(
    customer: Make, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    late, early, never = race(customer, mailoutbox, monkeypatch, 100)
    assert late == 0
    assert early + never == 100
    assert len(mailoutbox) == early


@pytest.mark.faults
@pytest.mark.postgres
def test_of_a_thousand_interleavings_of_a_no_and_a_send_none_ends_with_a_mail_after_the_no(
    customer: Make, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    late, early, never = race(customer, mailoutbox, monkeypatch, 1000)
    assert late == 0
    assert early > 50, "else nothing was interleaved"
    assert never > 50
    assert early + never == 1000
    assert len(mailoutbox) == early


@pytest.mark.postgres
def test_who_asks_first_and_starts_then_without_asking_again_mails_after_a_no(
    customer: Make, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the UPDATE that starts a mail asks nobody."""

    def unasked(rows: QuerySet[Message], message: Message, **given: Any) -> QuerySet[Message]:
        return rows

    monkeypatch.setattr(permission, "still_allowed", unasked)
    late, _, _ = race(customer, mailoutbox, monkeypatch, 100)
    assert late > 0
