"""What the mail server says, and what becomes of the mail: a real socket on the loopback."""

import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from retention.models import Customer, Message, Sending, SendTally
from retention.services import delivery
from tests.retention.ground import promise
from tests.retention.mails import NEWS, RECEIPT
from tests.retention.postoffice import HANG_UP, PostOffice
from tests.retention.shop import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails")]

MINUTE = timedelta(minutes=1)
Make = Callable[..., Customer]


@pytest.fixture(autouse=True, params=["each command alone", "commands at once", "at once and patient"])
def manner(request: pytest.FixtureRequest, office: PostOffice) -> None:
    """Servers of each kind, and the same becomes of every mail."""
    office.at_once = request.param != "each command alone"
    office.patient = request.param == "at once and patient"


@pytest.fixture
def three(customer: Make) -> dict[str, Message]:
    """News for three people, in this order."""
    return {name: promise(customer(f"{name}@example.com", wants=("marketing",)), NEWS) for name in ("ada", "ben", "cy")}


def states(messages: dict[str, Message]) -> dict[str, str]:
    for message in messages.values():
        message.refresh_from_db()
    return {name: message.state for name, message in messages.items()}


def took(office: PostOffice) -> list[str]:
    return [mail["To"] for mail in office.taken]


def test_a_batch_goes_over_one_line(office: PostOffice, three: dict[str, Message]) -> None:
    assert delivery.deliver(at=NOON) == 3
    assert states(three) == {"ada": "sent", "ben": "sent", "cy": "sent"}
    assert took(office) == ["ada@example.com", "ben@example.com", "cy@example.com"]
    assert office.lines == 1
    ids = [mail["Message-ID"] for mail in office.taken]
    assert ids == [message.header_id for message in three.values()]
    assert len(set(ids)) == 3


def test_what_arrives_has_text_html_and_headers(office: PostOffice, three: dict[str, Message]) -> None:
    delivery.deliver(at=NOON)
    mail = office.taken[0]
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail["Reply-To"] == "people@shop.example.com"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Auto-Submitted"] == "auto-generated"


def test_a_refused_connection_leaves_everything_due(
    office: PostOffice, three: dict[str, Message], settings: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()[1]
    settings.EMAIL_PORT = closed
    assert delivery.deliver(at=NOON) == 3
    assert states(three) == {"ada": "due", "ben": "due", "cy": "due"}
    ada = three["ada"]
    assert (ada.due_at, ada.tries, ada.error) == (NOON + MINUTE, 0, "ConnectionRefusedError")
    settings.EMAIL_PORT = office.port
    delivery.deliver(at=NOON + MINUTE)
    assert states(three) == {"ada": "sent", "ben": "sent", "cy": "sent"}
    assert len(office.taken) == 3


@pytest.mark.parametrize("stage", ["RCPT", "DATA"])
def test_a_no_for_ever_fails_that_mail_alone(office: PostOffice, three: dict[str, Message], stage: str) -> None:
    office.answers["ben@example.com"] = (stage, "550 5.1.1 <ben@example.com>: no such mailbox")
    delivery.deliver(at=NOON)
    assert states(three) == {"ada": "sent", "ben": "failed", "cy": "sent"}
    assert took(office) == ["ada@example.com", "cy@example.com"]
    ben = three["ben"]
    assert ben.reason == "refused"
    assert "no such mailbox" in ben.error
    assert "@" not in ben.error, "what the server repeats is not kept"
    assert delivery.deliver(at=NOON + timedelta(days=9)) == 0


@pytest.mark.parametrize("stage", ["RCPT", "DATA"])
def test_a_no_for_now_is_tried_again_later(office: PostOffice, three: dict[str, Message], stage: str) -> None:
    office.answers["ben@example.com"] = (stage, "451 4.7.1 greylisted")
    delivery.deliver(at=NOON)
    assert states(three) == {"ada": "sent", "ben": "due", "cy": "sent"}
    assert three["ben"].due_at == NOON + 2 * MINUTE
    office.answers.clear()
    assert delivery.deliver(at=NOON + MINUTE) == 0
    assert delivery.deliver(at=NOON + 2 * MINUTE) == 1
    assert states(three)["ben"] == "sent"
    assert took(office) == ["ada@example.com", "cy@example.com", "ben@example.com"]


def test_a_no_for_now_that_stays_is_given_up_after_six_tries(office: PostOffice, customer: Make) -> None:
    office.answers["ada@example.com"] = ("RCPT", "450 mailbox busy")
    message = promise(customer())
    waits = []
    at = NOON
    for _ in range(5):
        delivery.deliver(at=at)
        message.refresh_from_db()
        assert message.state == "due"
        waits.append((message.due_at - at) // MINUTE)
        at = message.due_at
    delivery.deliver(at=at)
    message.refresh_from_db()
    assert waits == [2, 4, 8, 16, 32]
    assert (message.state, message.reason, message.tries) == ("failed", "gave up", 6)
    assert office.taken == []


@pytest.mark.parametrize("stage", ["RCPT", "DATA"])
def test_a_server_that_hangs_up_with_its_answer_leaves_no_doubt_about_the_others(
    office: PostOffice, three: dict[str, Message], stage: str
) -> None:
    """421: the line is over, and nothing of this mail or of the next has left."""
    office.answers["ada@example.com"] = (stage, "421 4.7.0 too many mails over one line")
    delivery.deliver(at=NOON)
    assert states(three) == {"ada": "due", "ben": "due", "cy": "due"}
    office.answers.clear()
    delivery.deliver(at=NOON + 2 * MINUTE)
    assert states(three) == {"ada": "sent", "ben": "sent", "cy": "sent"}
    assert len(office.taken) == 3


def test_a_line_that_breaks_in_mid_send_leaves_that_mail_unknown_and_the_rest_due(
    office: PostOffice, three: dict[str, Message]
) -> None:
    office.answers["ben@example.com"] = ("DATA", HANG_UP)
    delivery.deliver(at=NOON)
    assert states(three) == {"ada": "sent", "ben": "unknown", "cy": "due"}
    assert three["ben"].reason == "line broke"
    office.answers.clear()
    delivery.deliver(at=NOON + timedelta(days=1))
    assert states(three) == {"ada": "sent", "ben": "unknown", "cy": "sent"}, "at most once"
    assert [mail["To"] for mail in office.seen].count("ben@example.com") == 1


def test_an_at_least_once_mail_whose_line_breaks_is_sent_again_under_its_message_id(
    office: PostOffice, customer: Make
) -> None:
    office.answers["ada@example.com"] = ("DATA", HANG_UP)
    message = promise(customer(), RECEIPT)
    delivery.deliver(at=NOON)
    message.refresh_from_db()
    assert (message.state, message.due_at) == ("due", NOON + 2 * MINUTE)
    office.answers.clear()
    delivery.deliver(at=NOON + 2 * MINUTE)
    message.refresh_from_db()
    assert message.state == "sent"
    assert [mail["Message-ID"] for mail in office.seen] == [message.header_id] * 2


def test_an_at_least_once_mail_whose_line_breaks_each_time_is_unknown_in_the_end(
    office: PostOffice, customer: Make
) -> None:
    office.answers["ada@example.com"] = ("DATA", HANG_UP)
    message = promise(customer(), RECEIPT)
    at = NOON
    for _ in range(6):
        delivery.deliver(at=at)
        message.refresh_from_db()
        at = message.due_at
    assert (message.state, message.tries) == ("unknown", 6)
    assert delivery.deliver(at=at + timedelta(days=9)) == 0
    assert len(office.seen) == 6


def test_an_address_with_a_newline_reaches_no_line(office: PostOffice, customer: Make) -> None:
    bad, good = promise(customer("ada@example.com\nRCPT TO:<eve@example.com>")), promise(customer("ben@example.com"))
    delivery.deliver(at=NOON)
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.state, bad.reason, good.state) == ("skipped", "address not valid", "sent")
    assert took(office) == ["ben@example.com"]
    assert len(office.seen) == 1


@pytest.mark.parametrize("manner", ["commands at once"], indirect=True)
@pytest.mark.parametrize(
    "words",
    [
        "530 5.7.0 authentication required",
        "550 5.4.5 daily quota of <shop@example.com> exceeded",
        "450 4.2.1 too many mails within this hour",
        "421 4.7.0 come back later",
    ],
)
def test_a_server_that_refuses_the_sender_fails_no_mail_however_long_it_lasts(
    office: PostOffice, three: dict[str, Message], words: str
) -> None:
    office.sender = words
    for minutes in range(0, 60, 2):
        delivery.deliver(at=NOON + minutes * MINUTE)
        assert states(three) == {"ada": "due", "ben": "due", "cy": "due"}
    assert office.lines == 30, "one mail a round finds out"
    assert {(message.tries, message.started_at) for message in three.values()} == {(0, None)}
    assert "SMTPSenderRefused" in three["ada"].error
    assert "@" not in three["ada"].error
    office.sender = ""
    delivery.deliver(at=NOON + 62 * MINUTE)
    assert states(three) == {"ada": "sent", "ben": "sent", "cy": "sent"}
    assert len(office.seen) == 3


def test_a_refused_sender_uses_up_no_try_of_a_mail(office: PostOffice, customer: Make) -> None:
    office.answers["ada@example.com"] = ("RCPT", "450 mailbox busy")
    message = promise(customer())
    delivery.deliver(at=NOON)
    office.sender = "450 4.2.1 too many mails within this hour"
    delivery.deliver(at=NOON + 2 * MINUTE)
    message.refresh_from_db()
    assert (message.state, message.tries, message.started_at) == ("due", 1, NOON + 2 * MINUTE)


def test_a_refused_sender_uses_up_no_place_of_a_rate(office: PostOffice, three: dict[str, Message]) -> None:
    Sending.objects.create(pk=1, per_hour=5)
    office.sender = "450 4.2.1 too many mails within this hour"
    for minutes in range(0, 20, 2):
        delivery.deliver(at=NOON + minutes * MINUTE)
    assert SendTally.objects.get(scope="hour").taken == 0
    office.sender = ""
    delivery.deliver(at=NOON + 22 * MINUTE)
    assert states(three) == {"ada": "sent", "ben": "sent", "cy": "sent"}
    assert SendTally.objects.get(scope="hour").taken == 3


def test_a_mail_too_large_for_the_server_fails_alone(office: PostOffice, customer: Make) -> None:
    office.sender = "552 5.3.4 message size exceeds fixed limit"
    message = promise(customer())
    delivery.deliver(at=NOON)
    message.refresh_from_db()
    assert (message.state, message.reason) == ("failed", "refused")
