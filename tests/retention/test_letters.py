"""Our own bytes of a mail say what Python's e-mail package would have said."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable
from email.message import EmailMessage as Parsed
from typing import Any

import pytest
from django.core.mail import BadHeaderError, EmailMultiAlternatives

from retention.models import Customer, Message
from retention.services import delivery, letters
from tests.retention.ground import promise
from tests.retention.mails import NEWS, RECEIPT
from tests.retention.postoffice import PostOffice
from tests.retention.shop import NOON

HEADERS = {"Message-ID": "<1.2@shop.example.com>", "List-Id": "Paper & Clay <marketing.shop.example.com>"}


def letter(**given: Any) -> EmailMultiAlternatives:
    mail = EmailMultiAlternatives(
        **{
            "subject": "Hello Ada",
            "body": "Hello Ada\n\nYour order is safe.\n",
            "from_email": "Paper & Clay <hello@shop.example.com>",
            "to": ["ada@example.com"],
            "reply_to": ["people@shop.example.com"],
            "headers": HEADERS,
            **{name: value for name, value in given.items() if name != "html"},
        }
    )
    mail.attach_alternative(given.get("html", "<p>Hello Ada</p>\n"), "text/html")
    return mail


def parsed(raw: bytes) -> Parsed:
    made = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(made, Parsed)
    return made


def headers(mail: Parsed) -> dict[str, str]:
    """What the headers say, wherever they are folded."""
    return {name: " ".join(str(value).split()) for name, value in mail.items() if name not in ("Content-Type", "Date")}


def parts(mail: Parsed) -> list[tuple[str, str]]:
    return [
        (part.get_content_type(), part.get_content().replace("\r\n", "\n").rstrip("\n")) for part in mail.iter_parts()
    ]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"subject": "Привет, Ада: новые миски для вашего стола, и их сорок, и двух одинаковых среди них нет"},
        {"subject": "x" * 300},
        {"subject": "a word and " * 30},
        {"subject": ""},
        {"from_email": "Бумага и глина <hello@shop.example.com>"},
        {"from_email": '"Clay, Paper; and \\"Co\\"" <hello@shop.example.com>'},
        {"from_email": "hello@bücher.example"},
        {"to": ["ada@bücher.example"]},
        {"to": ['"a.b"@example.com']},
        {"to": [f"{'a' * 64}@{'b' * 60}.{'c' * 60}.example"]},
        {"reply_to": []},
        {"body": "你好\n" * 3, "html": "<p>你好</p>" * 30},
        {"body": "long " * 900, "html": "<p>ü</p>" * 900},
        {"body": "one\r\ntwo\rthree\n.\n..\nFrom here\n\n\n"},
        {"html": ""},
        {"headers": {**HEADERS, "List-Id": "Бумага <m.example.com>", "X-Long": "word " * 60}},
    ],
    ids=str,
)
def test_it_says_what_the_package_says(given: dict[str, Any]) -> None:
    mail = letter(**given)
    ours, theirs = parsed(letters.as_bytes(mail)), parsed(mail.message().as_bytes(linesep="\r\n"))
    assert not ours.defects
    assert headers(ours) == headers(theirs)
    assert ours.get_content_type() == "multipart/alternative"
    assert parts(ours) == parts(theirs)
    assert [part["Content-Transfer-Encoding"] for part in ours.iter_parts()] == [
        part["Content-Transfer-Encoding"] for part in theirs.iter_parts()
    ]


def test_lines_end_as_smtp_wants_and_are_never_too_long() -> None:
    raw = letters.as_bytes(letter(subject="ü" * 400, body="x" * 5000 + "\nü\n", html="ü" * 5000))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


@pytest.mark.parametrize(
    "given",
    [{"subject": "a\nBcc: eve@example.com"}, {"headers": {"X": "a\r\nBcc: eve@example.com"}}],
    ids=str,
)
def test_no_value_makes_a_header_of_its_own(given: dict[str, Any]) -> None:
    with pytest.raises(BadHeaderError):
        letters.as_bytes(letter(**given))


@pytest.mark.parametrize(
    "given", [{"body": ""}, {"cc": ["b@example.com"]}, {"bcc": ["b@example.com"]}, {"to": ["a@x.de", "b@x.de"]}]
)
def test_what_is_not_ours_is_left_to_the_package(given: dict[str, Any]) -> None:
    with pytest.raises(letters.NotOurs):
        letters.as_bytes(letter(**given))


LONG = "Бумага, глина и всё остальное, что делают руками в нашей мастерской на Васильевском острове"


@pytest.mark.django_db
@pytest.mark.usefixtures("mails")
@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("Paper & Clay", "Paper & Clay <"),
        ("Clay, Ltd.", '"Clay, Ltd." <'),
        ('The "Cup"', '"The \\"Cup\\"" <'),
        ("Бумага и глина", "=?utf-8?"),
        ("Café, Ltd.", "=?utf-8?"),
        (LONG, "=?utf-8?"),
        ("", "Shop <"),
    ],
)
def test_the_list_is_named_literally_whatever_the_shop_is_called(
    customer: Callable[..., Customer], wiring: Callable[..., None], mailoutbox: Any, name: str, begins: str
) -> None:
    wiring(SHOP_NAME=name)
    promise(customer(wants=("marketing",)), NEWS)
    delivery.deliver(at=NOON)
    [mail] = mailoutbox
    for raw in (letters.as_bytes(mail), mail.message().as_bytes(linesep="\r\n")):
        written = email.message_from_bytes(raw, policy=email.policy.compat32)["List-Id"]
        words = " ".join(written.split())
        assert words.startswith(begins)
        assert words.endswith(" <marketing.shop.example.com>")
        assert all(len(line) <= 78 for line in written.splitlines())
        assert " ".join(str(parsed(raw)["List-Id"]).split()).replace("\\", "").replace('"', "") == (
            f"{name or 'Shop'} <marketing.shop.example.com>".replace('"', "")
        )


@pytest.mark.django_db
@pytest.mark.usefixtures("mails")
def test_the_list_is_named_as_dns_knows_the_domain(
    customer: Callable[..., Customer], wiring: Callable[..., None], mailoutbox: Any
) -> None:
    wiring(FROM_EMAIL="Bücher <hallo@bücher.example>", SHOP_NAME="Bücher")
    promise(customer(wants=("marketing",)), NEWS)
    delivery.deliver(at=NOON)
    assert mailoutbox[0].extra_headers["List-Id"].endswith(" <marketing.xn--bcher-kva.example>")
    assert mailoutbox[0].extra_headers["Message-ID"].endswith("@xn--bcher-kva.example>")


# What addresses are made of, through a real socket


@pytest.mark.django_db
@pytest.mark.usefixtures("mails")
@pytest.mark.parametrize(
    ("address", "outcome", "arrives"),
    [
        ("ada@bücher.example", ("sent", ""), "ada@xn--bcher-kva.example"),
        ('"a.b"@x.example', ("sent", ""), '"a.b"@x.example'),
        ('"a b"@x.example', ("sent", ""), '"a b"@x.example'),
        ('"a@b"@x.example', ("sent", ""), '"a@b"@x.example'),
        ("ädä@example.com", ("skipped", "address not valid"), ""),
        ("ada@", ("skipped", "address not valid"), ""),
        ('"a b" c@x.example', ("skipped", "address not valid"), ""),
        ('"a"b"@x.example', ("skipped", "address not valid"), ""),
    ],
)
def test_which_addresses_are_written_to(
    customer: Callable[..., Customer], office: PostOffice, address: str, outcome: tuple[str, str], arrives: str
) -> None:
    message = promise(customer(address))
    other = promise(customer("ben@example.com"))
    delivery.deliver(at=NOON)
    message.refresh_from_db()
    assert (message.state, message.reason) == outcome
    assert office.rcpt == [one for one in (arrives, "ben@example.com") if one]
    other.refresh_from_db()
    assert other.state == "sent"


@pytest.mark.django_db
@pytest.mark.usefixtures("mails")
@pytest.mark.parametrize("mail", [NEWS, RECEIPT])
def test_who_has_neither_name_nor_language_nor_zone_is_written_to(
    customer: Callable[..., Customer], office: PostOffice, mail: str
) -> None:
    nobody = customer(first_name="", last_name="", language="", zone="", wants=("marketing",))
    promise(nobody, mail)
    delivery.deliver(at=NOON)
    assert list(Message.objects.values_list("state", "reason", "error")) == [("sent", "", "")]
    [taken] = office.taken
    assert taken["Subject"].startswith(("marketing for", "service for"))
