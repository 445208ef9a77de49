"""Commands of a mail at once: as many turns, the same bytes and the same errors as one by one."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from retention.services import smtp
from tests.retention.postoffice import PostOffice

RAW = b"Subject: dots\r\n\r\n.\r\n..\r\n.one\r\ntwo.\r\n"
ADA = "ada@example.com"


@pytest.fixture
def office() -> Iterator[PostOffice]:
    server = PostOffice()
    yield server
    server.close()


@pytest.fixture
def line(office: PostOffice) -> Iterator[smtplib.SMTP]:
    office.at_once = True
    with smtplib.SMTP("127.0.0.1", office.port, timeout=10) as line:
        yield line


def body(mail: EmailMessage) -> str:
    return str(mail.get_payload()).replace("\r\n", "\n")


def error(line: smtplib.SMTP, *, at_once: bool) -> tuple[str, tuple[object, ...]]:
    send = smtp.send if at_once else smtplib.SMTP.sendmail
    with pytest.raises(smtplib.SMTPException) as found:
        send(line, "shop@example.com", ADA, RAW)
    return type(found.value).__name__, found.value.args


def test_lines_that_begin_with_a_dot_arrive_as_they_are(line: smtplib.SMTP, office: PostOffice) -> None:
    smtp.send(line, "shop@example.com", ADA, RAW)
    smtp.send(line, "shop@example.com", ADA, b".\r\n")
    line.sendmail("shop@example.com", [ADA], RAW)
    assert [body(mail) for mail in office.taken] == [".\n..\n.one\ntwo.\n", ".\n", ".\n..\n.one\ntwo.\n"]


def test_a_mail_takes_two_turns_where_it_took_four(line: smtplib.SMTP, monkeypatch: pytest.MonkeyPatch) -> None:
    line.ehlo()
    sent: list[bytes] = []
    send = line.send

    def note(words: bytes) -> None:
        sent.append(words)
        send(words)

    monkeypatch.setattr(line, "send", note)
    smtp.send(line, "shop@example.com", ADA, RAW)
    assert sent == [
        b"mail FROM:<shop@example.com> size=36\r\nrcpt TO:<ada@example.com>\r\ndata\r\n",
        b"Subject: dots\r\n\r\n..\r\n...\r\n..one\r\ntwo.\r\n.\r\n",
    ]
    sent.clear()
    line.sendmail("shop@example.com", [ADA], RAW)
    assert len(sent) == 4


@pytest.mark.parametrize("patient", [False, True])
@pytest.mark.parametrize("words", ["550 no such mailbox", "450 busy", "421 go away"])
@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_a_no_is_the_error_it_is_one_by_one_and_the_line_goes_on(
    office: PostOffice, stage: str, words: str, patient: bool
) -> None:
    office.at_once, office.patient = True, patient
    office.answers[ADA] = (stage, words)
    office.sender = words if stage == "MAIL" else ""
    found = []
    for at_once in (True, False):
        with smtplib.SMTP("127.0.0.1", office.port, timeout=10) as line:
            found.append(error(line, at_once=at_once))
            assert (line.sock is None) == words.startswith("421")
            office.sender = ""
            if line.sock:
                smtp.send(line, "shop@example.com", "ben@example.com", RAW)
            office.sender = words if stage == "MAIL" else ""
    assert found[0] == found[1]
    assert {mail["Subject"] for mail in office.taken} <= {"dots"}
    assert len(office.taken) == (0 if words.startswith("421") else 2)


@pytest.mark.parametrize("to", ["<@>\nDATA"])
def test_an_address_with_the_end_of_a_line_reaches_no_server(line: smtplib.SMTP, office: PostOffice, to: str) -> None:
    with pytest.raises(ValueError, match="end of a line"):
        smtp.send(line, "shop@example.com", to, RAW)
    smtp.send(line, "shop@example.com", ADA, RAW)
    assert office.rcpt == [ADA]


def test_letters_that_a_command_cannot_have_reach_no_server(line: smtplib.SMTP, office: PostOffice) -> None:
    with pytest.raises(UnicodeEncodeError):
        smtp.send(line, "shop@example.com", "ädа@example.com", RAW)
    smtp.send(line, "shop@example.com", ADA, RAW)
    assert len(office.taken) == 1


def test_a_server_without_the_extension_is_told_one_by_one(office: PostOffice) -> None:
    with smtplib.SMTP("127.0.0.1", office.port, timeout=10) as line:
        smtp.send(line, "shop@example.com", ADA, RAW)
    assert len(office.taken) == 1
