"""What a mail provider tells: once, in any order, about mails we know and mails we do not."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage

from retention.models import Consent, Customer, MailEvent, Message, Suppression
from retention.services import delivery, events
from retention.services.events import NotAnEvent, Told
from tests.retention.ground import promise
from tests.retention.mails import NEWS, QUESTION, RECEIPT
from tests.retention.shop import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails")]

Make = Callable[..., Customer]
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def sent(customer: Make, mailoutbox: list[EmailMessage]) -> Callable[..., Message]:
    """Send a mail to somebody who wants it."""

    def send(mail: str = NEWS, email: str = "ada@example.com") -> Message:
        message: Message = promise(customer(email, wants=("marketing",)), mail)
        delivery.deliver(at=NOON)
        message.refresh_from_db()
        assert message.state == "sent"
        return message

    return send


def told(kind: str, message: Message | str, **given: Any) -> Told:
    one = message if isinstance(message, str) else message.header_id
    return Told(**{"kind": kind, "ids": [one], "at": NOON + MINUTE, "provider": "Test", **given})


def suppressed() -> set[tuple[str, str]]:
    return set(Suppression.objects.values_list("scope", "reason"))


def test_the_same_event_a_hundred_times_is_one_row_with_one_effect(sent: Callable[..., Message]) -> None:
    message = sent()
    heard = [events.take(told("bounced", message, event_id="e1"), at=NOON + n * MINUTE) for n in range(100)]
    assert heard == [True] + [False] * 99
    event = MailEvent.objects.get()
    assert (event.kind, event.message, event.at, event.received_at) == ("bounced", message, NOON + MINUTE, NOON)
    assert suppressed() == {("all", "bounced")}


def test_an_event_without_an_id_is_told_by_what_it_says(sent: Callable[..., Message]) -> None:
    message = sent()
    assert events.take(told("deferred", message), at=NOON)
    assert not events.take(told("deferred", message), at=NOON + DAY)
    assert events.take(told("deferred", message, at=NOON + 2 * MINUTE), at=NOON), "another time is another event"
    assert events.take(told("delivered", message), at=NOON)
    assert MailEvent.objects.count() == 3


@pytest.mark.parametrize("kind", ["deferred", "other", "rejected", "delivered"])
def test_what_says_nothing_about_the_mailbox_suppresses_nothing(sent: Callable[..., Message], kind: str) -> None:
    message = sent()
    events.take(told(kind, message), at=NOON)
    assert suppressed() == set()
    message.refresh_from_db()
    assert message.state == "sent"
    assert (message.delivered_at is not None) is (kind == "delivered")
    assert message.bounced_at is message.complained_at is None


@pytest.mark.parametrize("order", list(itertools.permutations(["delivered", "bounced", "complained"])))
def test_in_whatever_order_they_come_the_end_is_the_same(sent: Callable[..., Message], order: tuple[str, ...]) -> None:
    message = sent()
    for kind in order:
        events.take(told(kind, message), at=NOON)
    message.refresh_from_db()
    stamps = (message.delivered_at, message.bounced_at, message.complained_at)
    assert (message.state, *stamps) == ("sent", *[NOON + MINUTE] * 3)
    [(scope, reason)] = suppressed()
    assert (scope, reason) in {("all", "bounced"), ("all", "complained")}


def test_after_a_complaint_nothing_but_service_mail_to_a_proven_address_goes_out(
    sent: Callable[..., Message], mailoutbox: list[EmailMessage]
) -> None:
    message = sent()
    ada = message.customer
    events.take(told("complained", message), at=NOON)
    rows = [promise(ada, mail, key=f"after {mail}") for mail in (NEWS, QUESTION, RECEIPT)]
    delivery.deliver(at=NOON + DAY)
    assert {(row.state, row.reason) for row in Message.objects.filter(pk__in=[row.pk for row in rows])} == {
        ("skipped", "address suppressed")
    }
    Customer.objects.filter(pk=ada.pk).update(address_proven_at=NOON)
    promise(ada, RECEIPT, key="proven")
    delivery.deliver(at=NOON + DAY)
    assert len(mailoutbox) == 2


def test_a_bounce_of_an_address_that_the_customer_has_no_more_leaves_the_new_one_alone(
    sent: Callable[..., Message], mailoutbox: list[EmailMessage]
) -> None:
    message = sent()
    Customer.objects.update(email="new@example.com", address="new@example.com")
    events.take(told("bounced", message, recipient="ada@example.com"), at=NOON)
    again = promise(Customer.objects.get(), NEWS, key="again")
    delivery.deliver(at=NOON)
    again.refresh_from_db()
    assert again.state == "sent"


@pytest.mark.parametrize("kind", ["bounced", "complained"])
@pytest.mark.parametrize(
    ("email", "recipient"),
    [
        ("ada@münchen.de", "ada@xn--mnchen-3ya.de"),
        ("Ada@MÜNCHEN.de", "ada@xn--mnchen-3ya.de"),
        ("ada@xn--mnchen-3ya.de", "ada@münchen.de"),
        ("ada@example.com", "ADA@Example.com."),
    ],
)
def test_a_bounce_finds_the_address_by_whatever_name_the_provider_calls_its_domain(
    sent: Callable[..., Message], mailoutbox: list[EmailMessage], kind: str, email: str, recipient: str
) -> None:
    message = sent(email=email)
    events.take(told(kind, message, recipient=recipient), at=NOON)
    again = promise(message.customer, NEWS, key="again")
    delivery.deliver(at=NOON)
    again.refresh_from_db()
    assert (again.state, again.reason) == ("skipped", "address suppressed")


def test_a_bounce_of_another_mailbox_at_the_same_domain_leaves_this_one_alone(
    sent: Callable[..., Message], mailoutbox: list[EmailMessage]
) -> None:
    message = sent(email="ada@münchen.de")
    events.take(told("bounced", message, recipient="ben@xn--mnchen-3ya.de"), at=NOON)
    again = promise(message.customer, NEWS, key="again")
    delivery.deliver(at=NOON)
    again.refresh_from_db()
    assert again.state == "sent"


@pytest.mark.parametrize(("mail", "purpose"), [(NEWS, "marketing"), (QUESTION, "survey"), (RECEIPT, "marketing")])
def test_a_providers_unsubscribe_is_ours(sent: Callable[..., Message], mail: str, purpose: str) -> None:
    message = sent(mail)
    events.take(told("unsubscribed", message), at=NOON)
    assert suppressed() == {(purpose, "unsubscribed")}
    assert not Consent.objects.filter(purpose=purpose, granted=True).exists()


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("delivered", "sent"), ("bounced", "sent"), ("complained", "sent"), ("unsubscribed", "sent"),
        ("rejected", "failed"), ("deferred", "unknown"), ("other", "unknown"),
    ],
)  # fmt: skip
def test_what_an_event_says_of_a_mail_in_doubt(sent: Callable[..., Message], kind: str, state: str) -> None:
    message = sent()
    Message.objects.update(state="unknown", sent_at=None, reason="line broke")
    events.take(told(kind, message), at=NOON + DAY)
    message.refresh_from_db()
    assert message.state == state
    assert (message.sent_at is not None) is (state == "sent")


@pytest.mark.parametrize("brackets", ["<{}>", "{}"])
def test_a_mail_is_known_by_its_message_id_and_by_the_providers(sent: Callable[..., Message], brackets: str) -> None:
    message = sent()
    Message.objects.update(provider_id="pm-1")
    for number, one in enumerate([brackets.format(message.header_id.strip("<>")), brackets.format("pm-1")]):
        events.take(told("delivered", one, event_id=str(number)), at=NOON)
    assert list(MailEvent.objects.values_list("message", flat=True)) == [message.pk] * 2


def test_an_event_of_a_mail_we_never_sent_is_kept_and_nothing_follows(sent: Callable[..., Message]) -> None:
    message = sent()
    assert events.take(told("bounced", "<never@elsewhere>", recipient="ada@example.com"), at=NOON)
    assert MailEvent.objects.get().message is None
    assert suppressed() == set()
    message.refresh_from_db()
    assert message.bounced_at is None


@pytest.mark.parametrize(
    "nonsense",
    [
        {"kind": "opened"},
        {"kind": ""},
        {"kind": "DELIVERED"},
        {"ids": []},
        {"ids": ["", " ", "\0"]},
    ],
    ids=str,
)
def test_nonsense_is_refused_without_a_word_of_it(nonsense: dict[str, Any]) -> None:
    given = {"kind": "delivered", "ids": ["ada@example.com"], "recipient": "ada@example.com", **nonsense}
    with pytest.raises(NotAnEvent) as refusal:
        events.take(Told(**given), at=NOON)
    assert "@" not in str(refusal.value)
    assert MailEvent.objects.count() == 0


@pytest.mark.parametrize(
    "when",
    [None, datetime(2026, 3, 10), NOON + 2 * DAY, datetime(9999, 1, 1, tzinfo=UTC)],  # noqa: DTZ001
)
def test_a_time_that_is_none_is_when_we_were_told(sent: Callable[..., Message], when: datetime | None) -> None:
    events.take(told("delivered", sent(), at=when), at=NOON + MINUTE)
    assert MailEvent.objects.get().at == NOON + MINUTE


def test_what_a_provider_says_is_kept_short_and_without_addresses(sent: Callable[..., Message]) -> None:
    detail = "550 5.1.1 <ada@example.com>: no\0 such\n mailbox " + "x" * 9000
    events.take(told("bounced", sent(), detail=detail, provider="P" * 200, event_id="e" * 9000), at=NOON)
    event = MailEvent.objects.get()
    assert event.detail.startswith("550 5.1.1 <…>: no such mailbox xxx")
    assert (len(event.detail), len(event.provider)) == (300, 40)


def test_old_events_of_mails_we_do_not_know_are_deleted(sent: Callable[..., Message]) -> None:
    message = sent()
    for number, one in enumerate([message.header_id, "<never@elsewhere>", "<nor@elsewhere>"]):
        events.take(told("delivered", one), at=NOON + number * DAY)
    assert events.prune(at=NOON + 402 * DAY) == 1
    assert MailEvent.objects.count() == 2
