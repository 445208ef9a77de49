"""A provider's event that is here before we notice that the sending broke off: it counts, and nothing is sent twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends import locmem

from retention.models import Customer, Message
from retention.services import delivery, events, outbox
from retention.services.events import Told
from tests.retention.ground import promise
from tests.retention.mails import NEWS, RECEIPT
from tests.retention.postoffice import HANG_UP, PostOffice
from tests.retention.shop import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails")]

Make = Callable[..., Customer]
MINUTE = timedelta(minutes=1)


def tell(kind: str, message: Message, *, at: datetime) -> None:
    message.refresh_from_db()
    events.take(Told(kind=kind, ids=[message.header_id], at=at, provider="Test"), at=at)


def became(message: Message) -> tuple[str, str, datetime | None]:
    message.refresh_from_db()
    return message.state, message.reason, message.sent_at


@pytest.fixture
def dead(customer: Make) -> Callable[[str], Message]:
    """Let a worker die in mid-send at noon; its lease ends a minute later."""

    def make(mail: str) -> Message:
        message: Message = promise(customer(wants=("marketing",)), mail)
        Message.objects.update(
            state="sending", owner="worker", lease_until=NOON + MINUTE, started_at=NOON, tries=1, header_id="<1@shop>"
        )
        return message

    return make


@pytest.mark.parametrize("mail", [NEWS, RECEIPT])
@pytest.mark.parametrize(
    ("kind", "end"),
    [
        ("delivered", ("sent", "", NOON)), ("bounced", ("sent", "", NOON)), ("complained", ("sent", "", NOON)),
        ("unsubscribed", ("sent", "", NOON)), ("rejected", ("failed", "refused by the provider", None)),
    ],
)  # fmt: skip
def test_what_was_told_while_a_dead_worker_had_the_mail_counts(
    dead: Callable[[str], Message], mail: str, kind: str, end: tuple[str, str, datetime | None]
) -> None:
    message = dead(mail)
    tell(kind, message, at=NOON + MINUTE / 2)
    assert outbox.reap(at=NOON + 2 * MINUTE) == 1
    assert became(message) == end
    assert (message.owner, message.lease_until, message.tries) == ("", None, 1)


@pytest.mark.parametrize(("mail", "state"), [(NEWS, "unknown"), (RECEIPT, "due")])
@pytest.mark.parametrize("kind", ["deferred", "other"])
def test_what_says_nothing_of_whether_it_left_changes_nothing(
    dead: Callable[[str], Message], mail: str, state: str, kind: str
) -> None:
    message = dead(mail)
    tell(kind, message, at=NOON + MINUTE / 2)
    outbox.reap(at=NOON + 2 * MINUTE)
    assert became(message)[0] == state


def test_a_refusal_of_an_earlier_try_says_nothing_of_the_last(dead: Callable[[str], Message]) -> None:
    message = dead(NEWS)
    tell("rejected", message, at=NOON - MINUTE)
    outbox.reap(at=NOON + 2 * MINUTE)
    assert became(message) == ("unknown", "sender died", None)


@pytest.mark.parametrize(("mail", "state"), [(NEWS, "unknown"), (RECEIPT, "due")])
def test_other_mails_end_as_they_did(dead: Callable[[str], Message], customer: Make, mail: str, state: str) -> None:
    message = dead(mail)
    other = promise(customer("ben@example.com"), RECEIPT)
    Message.objects.filter(pk=other.pk).update(header_id="<2@shop>", state="sent", sent_at=NOON)
    tell("delivered", other, at=NOON + MINUTE / 2)
    outbox.reap(at=NOON + 2 * MINUTE)
    assert became(message)[0] == state


@pytest.mark.parametrize("mail", [NEWS, RECEIPT])
@pytest.mark.parametrize("kind", ["delivered", "rejected"])
def test_what_is_told_before_the_line_breaks_counts(
    customer: Make, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch, mail: str, kind: str
) -> None:
    message = promise(customer(wants=("marketing",)), mail)
    send = locmem.EmailBackend.send_messages

    def breaks(self: Any, messages: Sequence[EmailMessage]) -> int:
        send(self, messages)
        tell(kind, message, at=NOON + MINUTE)
        raise ConnectionResetError

    with monkeypatch.context() as broken:
        broken.setattr(locmem.EmailBackend, "send_messages", breaks)
        delivery.deliver(at=NOON)
    for minutes in (3, 90):
        delivery.deliver(at=NOON + minutes * MINUTE)
    assert became(message)[:2] == {"delivered": ("sent", ""), "rejected": ("failed", "refused by the provider")}[kind]
    assert len(mailoutbox) == 1


@pytest.mark.parametrize("mail", [NEWS, RECEIPT])
@pytest.mark.parametrize("claimed", [False, True])
def test_a_mail_that_arrived_over_a_line_that_broke_is_sent_once(
    office: PostOffice, customer: Make, mail: str, claimed: bool
) -> None:
    office.answers["ada@example.com"] = ("DATA", HANG_UP)
    message = promise(customer(wants=("marketing",)), mail)
    delivery.deliver(at=NOON)
    if claimed:
        outbox.claim(owner="next", at=NOON + 2 * MINUTE, limit=9)
    tell("delivered", message, at=NOON + 2 * MINUTE)
    office.answers.clear()
    for minutes in (3, 90):
        delivery.deliver(at=NOON + minutes * MINUTE)
    state, reason, sent_at = became(message)
    assert (state, reason, sent_at is not None, message.owner) == ("sent", "", True, "")
    assert len(office.seen) == 1


def test_a_copy_that_staff_asked_for_is_sent_though_the_first_arrived(office: PostOffice, customer: Make) -> None:
    office.answers["ada@example.com"] = ("DATA", "550 no")
    message = promise(customer(), RECEIPT)
    delivery.deliver(at=NOON)
    office.answers.clear()
    assert outbox.resend(message, at=NOON + MINUTE)
    tell("delivered", message, at=NOON + MINUTE)
    delivery.deliver(at=NOON + MINUTE)
    assert became(message) == ("sent", "", NOON + MINUTE)
    assert len(office.taken) == 1
