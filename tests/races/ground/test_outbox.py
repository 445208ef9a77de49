"""Several workers over one outbox: no mail twice, none lost, and a no is heard at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends import locmem

from retention.models import Customer, Message
from retention.services import consent, delivery, outbox, writing
from retention.services.outbox import Promise
from retention.services.starting import Starter, Wish
from retention.services.writing import Ready
from tests.races.together import all_well, together
from tests.retention.mails import NEWS, RECEIPT
from tests.retention.shop import NOON

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mails")]

MAILS, WORKERS = 300, 4
Make = Callable[..., Customer]


def owe(customer: Customer, count: int, mail: str = RECEIPT) -> None:
    promises = [Promise(key=f"m{number}", mail=mail, customer=customer.pk, due_at=NOON) for number in range(count)]
    outbox.post_many(promises, at=NOON)
    while outbox.promote(at=NOON):
        pass


def ids(mails: Sequence[EmailMessage]) -> Counter[str]:
    return Counter(mail.extra_headers["Message-ID"] for mail in mails)


def test_four_workers_send_three_hundred_mails_once_each(customer: Make, mailoutbox: list[EmailMessage]) -> None:
    owe(customer(), MAILS)
    counts = all_well(together(*[lambda: delivery.deliver(at=NOON)] * WORKERS))
    assert sum(counts) == MAILS
    sent = Counter(Message.objects.filter(state="sent").values_list("header_id", flat=True))
    assert ids(mailoutbox) == sent
    assert set(sent.values()) == {1}
    assert len(sent) == MAILS


def test_of_two_that_claim_at_once_each_gets_others_mails(customer: Make) -> None:
    owe(customer(), 20)
    ready = threading.Barrier(2)

    def claim(owner: str) -> set[int]:
        ready.wait(30)
        return {message.pk for message in outbox.claim(owner=owner, at=NOON, limit=10)}

    one, two = all_well(together(lambda: claim("one"), lambda: claim("two")))
    assert len(one) == len(two) == 10
    assert one.isdisjoint(two)


def test_claiming_without_a_condition_would_send_twice(
    customer: Make, monkeypatch: pytest.MonkeyPatch, mailoutbox: list[EmailMessage]
) -> None:
    """The control: look first and take then, as many an outbox does."""
    ready = threading.Barrier(2)

    def claim(*, owner: str, at: datetime, limit: int, stopped: bool) -> list[Message]:
        found = list(Message.objects.due(at=at).select_related("customer")[:limit])
        ready.wait(30)
        Message.objects.filter(pk__in=[message.pk for message in found]).update(
            state="claimed", owner="everybody", lease_until=at
        )
        for message in found:
            message.owner = "everybody"
        return found

    def step(
        self: Starter, previous: Ready | None, wish: Wish | None, *, at: datetime, meanwhile: Any
    ) -> tuple[bool, bool]:
        if wish:
            Message.objects.filter(pk=wish.values["pk"]).update(
                state="sending", header_id=wish.values["header"], owner="everybody", lease_until=at
            )
        return True, True

    monkeypatch.setattr(outbox, "claim", claim)
    monkeypatch.setattr(Starter, "step", step)
    owe(customer(), 5)
    all_well(together(*[lambda: delivery.deliver(at=NOON, limit=5)] * 2))
    assert len(mailoutbox) == 10, "each mail twice"


def test_a_worker_whose_lease_is_over_and_the_one_that_took_over_send_once_each_what_they_hold(
    customer: Make, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is stopped between its claim and its first send until the second has sent everything."""
    owe(customer(), 10)
    claimed, go_on = threading.Event(), threading.Event()
    prepare = writing.prepare

    def slow(messages: Sequence[Message], *, at: datetime) -> Any:
        ready = prepare(messages, at=at)
        if at == NOON:
            claimed.set()
            assert go_on.wait(30)
        return ready

    def second() -> int:
        assert claimed.wait(30)
        try:
            return delivery.deliver(at=NOON.replace(hour=13))
        finally:
            go_on.set()

    monkeypatch.setattr(writing, "prepare", slow)
    assert all_well(together(lambda: delivery.deliver(at=NOON), second)) == [10, 10]
    assert Counter(Message.objects.values_list("state", flat=True)) == {"sent": 10}
    assert len(mailoutbox) == 10


def test_after_an_unsubscribe_is_committed_no_mail_is_started(
    customer: Make, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty mails are claimed already; at most the one that was on the line when it was committed still leaves."""
    ada = customer(wants=("marketing",))
    owe(ada, 50, NEWS)
    ten, left = threading.Event(), threading.Event()
    late: list[str] = []
    send = locmem.EmailBackend.send_messages

    def slowly(self: Any, messages: Sequence[EmailMessage]) -> int:
        if left.is_set():
            late.append(messages[0].subject)
        if len(mailoutbox) == 10:
            ten.set()
            assert left.wait(30)
        return send(self, messages)

    def leave() -> None:
        assert ten.wait(30)
        consent.unsubscribe(ada, purpose="marketing", source="test", at=NOON)
        left.set()

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", slowly)
    all_well(together(lambda: delivery.deliver(at=NOON), leave))
    assert late == []
    assert len(mailoutbox) == 11
    assert Counter(Message.objects.values_list("state", "reason")) == {("sent", ""): 11, ("skipped", "withdrawn"): 39}


def test_a_promise_that_ten_make_at_once_is_one_mail(customer: Make) -> None:
    ada = customer()
    promise = Promise(key="welcome:1", mail=RECEIPT, customer=ada.pk, due_at=NOON)
    all_well(together(*[lambda: outbox.post(promise, at=NOON)] * 10))
    assert Message.objects.count() == 1


def test_a_mail_that_ten_resend_at_once_is_due_once(customer: Make) -> None:
    owe(customer(), 1)
    Message.objects.update(state="failed")
    message = Message.objects.get()
    results = all_well(together(*[lambda: outbox.resend(message, at=NOON)] * 10))
    assert sorted(results) == [False] * 9 + [True]


def test_calling_off_and_claiming_at_once_is_one_of_the_two(customer: Make, mailoutbox: list[EmailMessage]) -> None:
    owe(customer(), 40)
    messages = list(Message.objects.all())

    def call_off() -> int:
        return sum(outbox.cancel(message, reason="test", at=NOON) for message in messages)

    sent, called_off = all_well(together(lambda: delivery.deliver(at=NOON), call_off))
    assert sent + called_off == 40
    assert len(mailoutbox) == sent
    assert Counter(Message.objects.values_list("state", flat=True)) == Counter(
        {state: count for state, count in {"sent": sent, "cancelled": called_off}.items() if count}
    )
