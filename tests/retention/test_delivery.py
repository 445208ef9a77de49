"""Sending: who may still say no, what a mail carries, and what a crash leaves behind."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends import locmem
from django.db import OperationalError

from retention import links, registry
from retention.models import Customer, Message
from retention.services import consent, customers, delivery, installation, outbox, permission, persons, suppression
from tests.retention.ground import promise
from tests.retention.mails import NEWS, QUESTION, RECEIPT, make
from tests.retention.shop import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails")]

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
Make = Callable[..., Customer]
Box = list[EmailMessage]


def states() -> dict[str, str]:
    return dict(Message.objects.values_list("key", "state"))


def became(message: Message) -> tuple[str, str]:
    """Return state and reason now."""
    message.refresh_from_db()
    return message.state, message.reason


def test_a_due_mail_is_sent_once(customer: Make, mailoutbox: Box) -> None:
    message = promise(customer())
    assert delivery.deliver(at=NOON) == 1
    assert delivery.deliver(at=NOON + DAY) == 0
    assert became(message) == ("sent", "")
    assert [mail.to for mail in mailoutbox] == [["ada@example.com"]]
    assert (message.sent_at, message.tries, message.owner, message.lease_until) == (NOON, 1, "", None)


def test_a_mail_that_is_not_due_is_not_sent(customer: Make, mailoutbox: Box) -> None:
    promise(customer(), due_at=NOON)
    assert delivery.deliver(at=NOON - MINUTE) == 0
    assert mailoutbox == []


def test_a_marketing_mail_can_be_left_by_one_click_and_says_who_sends_it(customer: Make, mailoutbox: Box) -> None:
    ada = customer(wants=("marketing",))
    promise(ada, NEWS)
    delivery.deliver(at=NOON)
    [mail] = mailoutbox
    url = links.unsubscribe_url(customer=ada.pk, purpose="marketing")
    assert mail.subject == "marketing for Ada"
    assert mail.from_email == "Paper & Clay <hello@shop.example.com>"
    assert mail.reply_to == ["people@shop.example.com"]
    headers = dict(mail.extra_headers)
    assert headers.pop("Message-ID").endswith("@shop.example.com>")
    assert headers == {
        "List-Unsubscribe": f"<{url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": "Paper & Clay <marketing.shop.example.com>",
        "Auto-Submitted": "auto-generated",
    }
    assert url.startswith("https://")
    assert len(url) <= 60
    [(html, kind)] = mail.alternatives
    assert kind == "text/html"
    for part in (html, mail.body):
        assert url in part
        assert "1 Kiln Lane, Potters Town" in part
        assert "people@shop.example.com" in part, "an address that a person answers"


def test_a_service_mail_has_nothing_to_leave(customer: Make, mailoutbox: Box) -> None:
    promise(customer())
    delivery.deliver(at=NOON)
    [mail] = mailoutbox
    assert "List-Unsubscribe" not in mail.extra_headers
    assert "nsubscribe" not in mail.body


def test_the_unsubscribe_link_of_the_last_possible_customer_is_short_enough() -> None:
    assert len(links.unsubscribe_url(customer=2**31 - 1, purpose="survey")) <= 60


# Who may say no


def no_consent(ada: Customer) -> None:
    """Nothing was asked."""


def consent_withdrawn(ada: Customer) -> None:
    consent.grant(ada, purpose="marketing", basis="opt_in", source="test", at=NOON)
    consent.withdraw(ada, purpose="marketing", source="test", at=NOON)


def unsubscribed(ada: Customer) -> None:
    consent.grant(ada, purpose="marketing", basis="opt_in", source="test", at=NOON)
    suppression.add(ada.email, scope="marketing", reason="unsubscribed", at=NOON)


def bounced(ada: Customer) -> None:
    consent.grant(ada, purpose="marketing", basis="opt_in", source="test", at=NOON)
    suppression.add(ada.email, scope="all", reason="bounced", at=NOON)


def proven(ada: Customer) -> None:
    customers.prove_address(ada, at=NOON)


def bounced_and_proven(ada: Customer) -> None:
    bounced(ada)
    proven(ada)


def left_surveys(ada: Customer) -> None:
    consent.grant(ada, purpose="marketing", basis="opt_in", source="test", at=NOON)
    suppression.add(ada.email, scope="survey", reason="unsubscribed", at=NOON)


def said_no_to_surveys(ada: Customer) -> None:
    consent.withdraw(ada, purpose="survey", source="staff", at=NOON)


def erased_before(ada: Customer) -> None:
    """Somebody with this address was erased, and it was ordered with again since."""
    wants_marketing(ada)
    suppression.erase(ada.email, at=NOON - DAY)


def erased_since(ada: Customer) -> None:
    """Somebody else with this address is erased now: two accounts have it."""
    wants_marketing(ada)
    suppression.erase(ada.email, at=NOON)


def erased_and_confirmed_since(ada: Customer) -> None:
    erased_since(ada)
    consent.grant(ada, purpose="marketing", basis="double_opt_in", source="test", at=NOON + MINUTE)


def wants_marketing(ada: Customer) -> None:
    consent.grant(ada, purpose="marketing", basis="soft_opt_in", source="test", at=NOON)


def no_address(ada: Customer) -> None:
    Customer.objects.filter(pk=ada.pk).update(email="", address="")


WHO = [
    (NEWS, no_consent, ("skipped", "no consent")),
    (NEWS, consent_withdrawn, ("skipped", "no consent")),
    (NEWS, unsubscribed, ("skipped", "unsubscribed")),
    (NEWS, bounced, ("skipped", "address suppressed")),
    (NEWS, bounced_and_proven, ("skipped", "address suppressed")),
    (NEWS, left_surveys, ("sent", "")),
    (NEWS, wants_marketing, ("sent", "")),
    (NEWS, erased_before, ("sent", "")),
    (NEWS, erased_since, ("skipped", "no consent")),
    (NEWS, erased_and_confirmed_since, ("sent", "")),
    (NEWS, no_address, ("skipped", "no address")),
    (QUESTION, said_no_to_surveys, ("skipped", "no consent")),
    (QUESTION, erased_before, ("sent", "")),
    (QUESTION, erased_since, ("skipped", "no consent")),
    (RECEIPT, erased_before, ("sent", "")),
    (RECEIPT, erased_since, ("sent", "")),
    (QUESTION, no_consent, ("sent", "")),
    (QUESTION, unsubscribed, ("sent", "")),
    (QUESTION, left_surveys, ("skipped", "unsubscribed")),
    (QUESTION, bounced, ("skipped", "address suppressed")),
    (RECEIPT, no_consent, ("sent", "")),
    (RECEIPT, unsubscribed, ("sent", "")),
    (RECEIPT, bounced, ("skipped", "address suppressed")),
    (RECEIPT, bounced_and_proven, ("sent", "")),
    (RECEIPT, no_address, ("skipped", "no address")),
]


def by_name(value: object) -> str:
    name = getattr(value, "__name__", "")
    return name or (value if isinstance(value, str) else " ".join(value))


@pytest.mark.parametrize(("mail", "about", "outcome"), WHO, ids=by_name)
def test_who_may_be_written_to(
    customer: Make, mailoutbox: Box, mail: str, about: Callable[[Customer], None], outcome: tuple[str, str]
) -> None:
    ada = customer()
    about(ada)
    message = promise(ada, mail)
    delivery.deliver(at=NOON)
    assert became(message) == outcome
    assert len(mailoutbox) == (1 if outcome[0] == "sent" else 0)


@pytest.mark.parametrize(("mail", "about", "outcome"), [who for who in WHO if who[1] is not no_address], ids=by_name)
def test_the_update_that_starts_a_mail_says_the_same(
    customer: Make,
    mailoutbox: Box,
    monkeypatch: pytest.MonkeyPatch,
    mail: str,
    about: Callable[[Customer], None],
    outcome: tuple[str, str],
) -> None:
    """As if all of it had been committed after everybody was asked."""
    monkeypatch.setattr(permission, "refusals", lambda messages, at: {})
    ada = customer()
    about(ada)
    message = promise(ada, mail)
    delivery.deliver(at=NOON)
    assert became(message) == (outcome if outcome[0] == "sent" else ("skipped", "withdrawn"))
    assert len(mailoutbox) == (1 if outcome[0] == "sent" else 0)


def test_an_unsubscribe_counts_for_whoever_else_has_the_address(customer: Make, mailoutbox: Box) -> None:
    customer("ada@example.com", kind="member", wants=("marketing",))
    other = customer("ADA@example.com", wants=("marketing",))
    consent.unsubscribe(Customer.objects.get(kind="member"), purpose="marketing", source="test", at=NOON)
    message = promise(other, NEWS)
    delivery.deliver(at=NOON)
    assert became(message) == ("skipped", "unsubscribed")
    assert mailoutbox == []


def test_marketing_refuses_to_go_without_a_postal_address(
    customer: Make, mailoutbox: Box, wiring: Callable[..., None]
) -> None:
    wiring(POSTAL_ADDRESS="")
    ada = customer(wants=("marketing",))
    news, receipt = promise(ada, NEWS), promise(ada, RECEIPT)
    delivery.deliver(at=NOON)
    assert became(news) == ("skipped", "no postal address in RETENTION")
    assert became(receipt) == ("sent", "")


def test_a_mail_for_proven_addresses_waits_for_nobody(customer: Make, mailoutbox: Box) -> None:
    make(RECEIPT, "service", unproven=False)
    message = promise(customer())
    delivery.deliver(at=NOON)
    assert became(message) == ("skipped", "address not proven")


def test_a_kind_that_is_gone_is_skipped(customer: Make, mailoutbox: Box) -> None:
    message = promise(customer())
    registry.mails.remove(RECEIPT)
    delivery.deliver(at=NOON)
    assert became(message) == ("skipped", "mail is not registered any more")


def test_an_app_may_refuse_and_is_asked_for_all_at_once(customer: Make, mailoutbox: Box) -> None:
    asked: list[int] = []

    def refuse(messages: Sequence[Message], at: datetime) -> Mapping[int, str]:
        asked.append(len(messages))
        return {message.pk: "ordered again" for message in messages if message.order == "A2"}

    make(RECEIPT, "service", refuse=refuse)
    ada = customer()
    for order in ("A1", "A2", "A3"):
        promise(ada, key=order, order=order)
    delivery.deliver(at=NOON)
    assert asked == [3]
    assert states() == {"A1": "sent", "A2": "skipped", "A3": "sent"}
    assert Message.objects.get(key="A2").reason == "ordered again"


# Between the claim and the sending


def meanwhile(mail: str, purpose: str, do: Callable[[], object], **given: Any) -> None:
    """Let something be committed after everybody was asked and before the mail is sent."""

    def build(messages: Sequence[Message], at: datetime) -> Mapping[int, Mapping[str, Any]]:
        do()
        return {}

    make(mail, purpose, build=build, **given)


@pytest.mark.parametrize(
    "do",
    [
        lambda ada: consent.withdraw(ada, purpose="marketing", source="test", at=NOON),
        lambda ada: consent.unsubscribe(ada, purpose="marketing", source="test", at=NOON),
        lambda ada: suppression.add(ada.email, scope="marketing", reason="staff", at=NOON),
        lambda ada: suppression.add(ada.email, scope="all", reason="complained", at=NOON),
    ],
    ids=["consent withdrawn", "unsubscribed", "suppressed", "complained"],
)
def test_a_no_between_claim_and_sending_is_heard(
    customer: Make, mailoutbox: Box, do: Callable[[Customer], object]
) -> None:
    ada = customer(wants=("marketing",))
    meanwhile(NEWS, "marketing", lambda: do(ada))
    message = promise(ada, NEWS)
    delivery.deliver(at=NOON)
    assert became(message) == ("skipped", "withdrawn")
    assert mailoutbox == []


def test_a_no_to_surveys_between_claim_and_sending_is_heard(customer: Make, mailoutbox: Box) -> None:
    ada = customer()
    meanwhile(QUESTION, "survey", lambda: consent.unsubscribe(ada, purpose="survey", source="test", at=NOON))
    message = promise(ada, QUESTION)
    delivery.deliver(at=NOON)
    assert became(message) == ("skipped", "withdrawn")
    assert mailoutbox == []


def test_a_bounce_between_claim_and_sending_stops_service_mail_to_an_unproven_address(
    customer: Make, mailoutbox: Box
) -> None:
    ada = customer()
    meanwhile(RECEIPT, "service", lambda: suppression.add(ada.email, scope="all", reason="bounced", at=NOON))
    message = promise(ada)
    delivery.deliver(at=NOON)
    assert became(message) == ("skipped", "withdrawn")
    assert mailoutbox == []


def test_erasure_between_claim_and_sending_stops_even_service_mail_to_a_proven_address(
    customer: Make, mailoutbox: Box
) -> None:
    ada = customer()
    customers.prove_address(ada, at=NOON)
    meanwhile(RECEIPT, "service", lambda: persons.erase_person(Customer.objects.get(), at=NOON))
    message = promise(ada)
    delivery.deliver(at=NOON)
    assert became(message) == ("skipped", "no address")
    assert mailoutbox == []


def test_a_new_address_between_claim_and_sending_gets_the_mail(customer: Make, mailoutbox: Box) -> None:
    ada = customer()
    meanwhile(RECEIPT, "service", lambda: Customer.objects.update(email="countess@example.com"))
    message = promise(ada)
    delivery.deliver(at=NOON)
    assert became(message) == ("sent", "")
    assert [mail.to for mail in mailoutbox] == [["countess@example.com"]]


def test_who_lost_the_claim_sends_nothing(customer: Make, mailoutbox: Box) -> None:
    """Its lease was over, and another worker has the mail."""
    meanwhile(RECEIPT, "service", lambda: Message.objects.update(owner="somebody else"))
    message = promise(customer())
    delivery.deliver(at=NOON)
    assert became(message) == ("claimed", "")
    assert message.owner == "somebody else"
    assert mailoutbox == []


# Pausing


def test_a_pause_stops_all_sending_and_loses_nothing(customer: Make, mailoutbox: Box) -> None:
    message = promise(customer())
    assert installation.pause(by="Ben", at=NOON)
    assert not installation.pause(by="Eve", at=NOON), "it is paused already"
    assert installation.get().paused_by == "Ben"
    assert delivery.deliver(at=NOON) == 0
    assert became(message) == ("due", "")
    assert installation.resume()
    assert not installation.resume()
    assert delivery.deliver(at=NOON + MINUTE) == 1
    assert len(mailoutbox) == 1


def test_a_pause_is_heard_between_two_batches(customer: Make, mailoutbox: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "FIRST", 2)
    meanwhile(RECEIPT, "service", lambda: installation.pause(by="Ben", at=NOON))
    ada = customer()
    for key in "abcde":
        promise(ada, key=key)
    assert delivery.deliver(at=NOON) == 2
    assert sorted(states().values()) == ["due", "due", "due", "sent", "sent"]


def test_batches_grow_where_mails_leave_quickly(
    customer: Make, mailoutbox: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "FIRST", 2)
    claimed = []
    claim = outbox.claim

    def note(**given: Any) -> list[Message]:
        claimed.append(given["limit"])
        return claim(**given)

    monkeypatch.setattr(outbox, "claim", note)
    ada = customer()
    for key in range(20):
        promise(ada, key=str(key))
    assert delivery.deliver(at=NOON, limit=20) == 20
    assert claimed == [2, 4, 8, 6]


@pytest.mark.parametrize(
    ("size", "took", "then"), [(100, 0.9, 200), (300, 0.1, 400), (400, 3.0, 400), (400, 4.1, 200), (15, 60.0, 10)]
)
def test_a_batch_takes_a_second_or_a_few_so_that_nobody_urgent_waits_long(size: int, took: float, then: int) -> None:
    assert delivery._next_size(size, took=took) == then


# Faults of apps


def test_a_mail_that_cannot_be_built_fails_alone(customer: Make, mailoutbox: Box) -> None:
    def build(messages: Sequence[Message], at: datetime) -> Mapping[int, Mapping[str, Any]]:
        if bad := [message.order for message in messages if message.order == "bad"]:
            raise LookupError(f"no order {bad}")
        return {}

    make(RECEIPT, "service", build=build)
    ada = customer()
    for order in ("A1", "A2", "bad", "A4", "A5"):
        promise(ada, key=order, order=order)
    delivery.deliver(at=NOON)
    assert states() == {"A1": "sent", "A2": "sent", "bad": "failed", "A4": "sent", "A5": "sent"}
    bad = Message.objects.get(key="bad")
    assert (bad.reason, bad.error) == ("values", "LookupError: no order ['bad']")
    assert len(mailoutbox) == 4


def test_an_app_that_cannot_say_whether_a_mail_is_wanted_holds_up_nobody(customer: Make, mailoutbox: Box) -> None:
    def refuse(messages: Sequence[Message], at: datetime) -> Mapping[int, str]:
        raise LookupError("no journey 7")

    make(QUESTION, "survey", refuse=refuse)
    ada = customer()
    question, receipt = promise(ada, QUESTION), promise(ada, RECEIPT)
    delivery.deliver(at=NOON)
    assert became(question) == ("failed", "refusal")
    assert question.error == "LookupError: no journey 7"
    assert became(receipt) == ("sent", "")


class Deadlock(Exception):
    sqlstate = "40P01"
    sqlite_errorname = "SQLITE_BUSY"


def test_what_passes_by_itself_fails_no_mail(customer: Make, mailoutbox: Box) -> None:
    tries = iter([True, False])

    def build(messages: Sequence[Message], at: datetime) -> Mapping[int, Mapping[str, Any]]:
        if next(tries):
            raise OperationalError("deadlock detected") from Deadlock()
        return {}

    make(RECEIPT, "service", build=build)
    message = promise(customer())
    delivery.deliver(at=NOON)
    assert became(message) == ("due", "")
    assert (message.due_at, message.tries) == (NOON + MINUTE, 0)
    delivery.deliver(at=NOON + MINUTE)
    assert became(message) == ("sent", "")
    assert len(mailoutbox) == 1


# Crashes


class Killed(BaseException):
    """The worker is gone in the middle of a send."""


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[EmailMessage], None]]:
    """What is done, in turn, while a mail is on the line; before it is accepted."""
    steps: list[Callable[[EmailMessage], None]] = []
    send = locmem.EmailBackend.send_messages

    def slowly(self: Any, messages: Sequence[EmailMessage]) -> int:
        if steps:
            steps.pop(0)(messages[0])
        return send(self, messages)

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", slowly)
    return steps


def kill(mail: EmailMessage) -> None:
    raise Killed


def test_while_one_mail_is_on_the_line_the_one_before_is_sent_and_the_one_after_claimed(
    customer: Make, line: list[Any], mailoutbox: Box
) -> None:
    ada = customer()
    for key in "abc":
        promise(ada, key=key)
    seen: list[list[str]] = []
    line[:] = [lambda mail: seen.append([states()[key] for key in "abc"])] * 3
    delivery.deliver(at=NOON)
    assert seen == [["sending", "claimed", "claimed"], ["sent", "sending", "claimed"], ["sent", "sent", "sending"]]


def test_a_worker_that_dies_leaves_at_most_once_mail_unknown_and_never_sends_it_again(
    customer: Make, line: list[Any], mailoutbox: Box
) -> None:
    ada = customer(wants=("marketing",))
    first, second = promise(ada, NEWS, key="a"), promise(ada, NEWS, key="b")
    line[:] = [kill]
    with pytest.raises(Killed):
        delivery.deliver(at=NOON)
    assert (became(first), became(second)) == (("sending", ""), ("claimed", ""))
    assert delivery.deliver(at=NOON + 2 * MINUTE) == 0, "the leases are not over"
    assert delivery.deliver(at=NOON + 3 * MINUTE) == 1
    assert (became(first), became(second)) == (("unknown", "sender died"), ("sent", ""))
    assert delivery.deliver(at=NOON + 9 * DAY) == 0
    assert len(mailoutbox) == 1


def test_a_worker_that_dies_sends_at_least_once_mail_again_under_the_same_message_id(
    customer: Make, line: list[Any], mailoutbox: Box
) -> None:
    message = promise(customer())
    ids: list[str] = []

    def note_and_die(mail: EmailMessage) -> None:
        ids.append(mail.extra_headers["Message-ID"])
        raise Killed

    line[:] = [note_and_die]
    with pytest.raises(Killed):
        delivery.deliver(at=NOON)
    delivery.deliver(at=NOON + 3 * MINUTE)
    assert became(message) == ("sent", "")
    assert message.tries == 2
    assert [mail.extra_headers["Message-ID"] for mail in mailoutbox] == ids == [message.header_id]


def test_who_finds_the_lease_over_when_the_mail_has_left_says_that_it_was_sent(
    customer: Make, line: list[Any], mailoutbox: Box
) -> None:
    """A slow line: the mail was given up as unknown while it was on its way."""
    message = promise(customer(wants=("marketing",)), NEWS)
    line[:] = [lambda mail: outbox.reap(at=NOON + DAY)]
    delivery.deliver(at=NOON)
    assert became(message) == ("sent", "")
    assert len(mailoutbox) == 1


# What addresses are made of


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com\nBcc: eve@example.com",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com\n\nHello",
        "ada@example.com, eve@example.com",
        "ada@example.com\x0beve@example.com",
        "ada@example.com eve@example.com",
    ],
)
def test_an_address_that_is_more_than_one_is_refused_and_reaches_nobody(
    customer: Make, mailoutbox: Box, address: str
) -> None:
    bad, good = promise(customer(address)), promise(customer("ben@example.com"))
    delivery.deliver(at=NOON)
    assert [mail.to for mail in mailoutbox] == [["ben@example.com"]]
    assert became(good) == ("sent", "")
    assert became(bad) == ("skipped", "address not valid")


def test_a_name_with_a_newline_stays_in_the_subject(customer: Make, mailoutbox: Box) -> None:
    promise(customer(first_name="Ada\nBcc: eve@example.com"))
    delivery.deliver(at=NOON)
    [mail] = mailoutbox
    assert mail.subject == "service for Ada Bcc: eve@example.com"
    assert mail.recipients() == ["ada@example.com"]
    assert mail.message()["Bcc"] is None


def test_an_address_in_another_alphabet_is_written_to(customer: Make, mailoutbox: Box) -> None:
    message = promise(customer("ada@bücher.example"))
    delivery.deliver(at=NOON)
    assert became(message) == ("sent", "")
    assert mailoutbox[0].message()["To"] == "ada@xn--bcher-kva.example"
