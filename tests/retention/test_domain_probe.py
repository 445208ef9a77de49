"""A mail of the shop's that was sent, read again as receivers read it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from retention.services import probe
from tests.retention import nameserver
from tests.retention.nameserver import NameServer

SIGNED = "list-unsubscribe:list-unsubscribe-post:from:to:subject"
WAY_OUT = "List-Unsubscribe: <https://shop.clay.dk/u/1>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n"


@pytest.fixture
def dns(wiring: Callable[..., None]) -> Iterator[NameServer]:
    with nameserver.running() as server:
        server.put("s1._domainkey.shop.clay.dk", "TXT", f"v=DKIM1; p={base64.b64encode(bytes(294)).decode()}")
        wiring(NAME_SERVERS=[server.address], FROM_EMAIL="Clay <hello@shop.clay.dk>")
        yield server


def eml(*, d: str = "shop.clay.dk", h: str = SIGNED, way_out: str = WAY_OUT, more: str = "") -> bytes:
    signature = f"DKIM-Signature: v=1; a=rsa-sha256; d={d};\n s=s1; h={h};\n bh=x; b=y\n" if d else ""
    return f"{more}{signature}From: Clay <hello@shop.clay.dk>\nTo: a@b.dk\nSubject: Hi\n{way_out}\nHello\n".encode()


def told(content: bytes) -> list[str]:
    return [f"{'well' if one.well else 'ill'} {one.what}" for one in probe.read(content)]


def test_a_mail_that_is_signed_with_its_way_out_is_well(dns: NameServer) -> None:
    assert told(eml()) == [
        "well the mail has List-Unsubscribe and List-Unsubscribe-Post",
        "well the mail is signed by shop.clay.dk with the selector s1, which goes with shop.clay.dk",
        "well the signature covers List-Unsubscribe and List-Unsubscribe-Post",
        "well DKIM: the key s1._domainkey.shop.clay.dk is there",
    ]
    hints = [one.hint for one in probe.read(eml())]
    assert hints[1] == 'Set RETENTION["DKIM_SELECTORS"] = ["s1"].'


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (eml(h="from:to:subject"), "does not cover list-unsubscribe and list-unsubscribe-post: mail programs show no"),
        (eml(h="From : List-Unsubscribe"), "does not cover list-unsubscribe-post"),
        (eml(d=""), "the mail is not signed"),
        (eml(d="sendgrid.net"), "signed by sendgrid.net, and it is from shop.clay.dk: DMARC does not count that"),
        (eml(way_out=""), "has no List-Unsubscribe with an https address"),
        (eml(way_out="List-Unsubscribe: <mailto:a@b.dk>\n"), "an https address (mailto:a@b.dk)"),
        (eml(way_out="List-Unsubscribe: <https://a.dk/>\n"), "has no List-Unsubscribe-Post"),
        (
            eml(more="Authentication-Results: mx.b.dk; spf=softfail smtp.mailfrom=x; dkim=pass; dmarc=fail\n"),
            "who got the mail says spf=softfail",
        ),
    ],
)
def test_what_is_wrong_with_a_mail_is_told(content: bytes, what: str, dns: NameServer) -> None:
    assert [line for line in told(content) if line.startswith("ill") and what in line]


@pytest.mark.parametrize(
    ("signer", "sender", "goes"),
    [
        ("clay.dk", "shop.clay.dk", True),
        ("mail.clay.dk", "clay.dk", True),
        ("mail.clay.dk", "shop.clay.dk", True),
        ("mail.co.uk", "clay.co.uk", False),
        ("clay.dk", "notclay.dk", False),
        ("dk", "clay.dk", False),
    ],
)
def test_a_signature_of_the_same_house_counts(signer: str, sender: str, goes: bool, dns: NameServer) -> None:
    content = eml(d=signer).replace(b"hello@shop.clay.dk", f"hello@{sender}".encode())
    assert ("DMARC does not count that" not in " ".join(told(content))) is goes


def test_the_command_sends_one_mail_and_reads_it_back_where_it_is_kept(dns: NameServer, db: None) -> None:
    out = StringIO()
    with pytest.raises(CommandError, match="1 of 2 things need a hand"):
        call_command("retention_doctor", "--probe", "me@clay.dk", stdout=out)
    assert [sent.to for sent in mail.outbox] == [["me@clay.dk"]]
    assert mail.outbox[0].extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "well  the mail has List-Unsubscribe and List-Unsubscribe-Post" in out.getvalue()
    assert "A mail that has not left this machine is often not signed yet" in out.getvalue()


def test_a_folder_of_mails_is_read_back_too(dns: NameServer, db: None, settings: Any, tmp_path: Path) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path)
    out = StringIO()
    with pytest.raises(CommandError, match="1 of 2"):
        call_command("retention_doctor", "--probe", "me@clay.dk", stdout=out)
    assert "well  the mail has List-Unsubscribe" in out.getvalue()


def test_where_it_cannot_be_read_back_the_next_step_is_told(dns: NameServer, db: None, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    out = StringIO()
    call_command("retention_doctor", "--probe", "me@clay.dk", stdout=out)
    assert "retention_doctor --read mail.eml" in out.getvalue()


def test_a_mail_server_that_does_not_take_it_is_told(dns: NameServer, db: None, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 1, 2
    with pytest.raises(CommandError, match="The mail server did not take it: ConnectionRefusedError"):
        call_command("retention_doctor", "--probe", "me@clay.dk")
    with pytest.raises(CommandError, match="is no e-mail address"):
        call_command("retention_doctor", "--probe", "me")


def test_the_command_reads_a_saved_mail(dns: NameServer, tmp_path: Path) -> None:
    path = tmp_path / "mail.eml"
    path.write_bytes(eml().replace(b"\n", b"\r\n"))
    out = StringIO()
    call_command("retention_doctor", "--read", str(path), stdout=out)
    assert "well  the signature covers" in out.getvalue()


@pytest.mark.parametrize("content", [b"", b"Hello", b"\x00\xff" * 50, b"From: nobody\n\n", b"From: <>\nTo: x\n\n"])
def test_what_is_no_mail_is_told_so(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mail.eml"
    path.write_bytes(content)
    with pytest.raises(CommandError, match="this is no mail with its headers"):
        call_command("retention_doctor", "--read", str(path))
    with pytest.raises(CommandError, match=r"none.eml cannot be opened: No such file or directory\."):
        call_command("retention_doctor", "--read", str(tmp_path / "none.eml"))
