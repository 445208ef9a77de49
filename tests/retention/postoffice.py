"""A mail server on the loopback that takes mail, or answers as a test says."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any, ClassVar

import pytest

HANG_UP = "hang up"
"""Close the line without an answer."""


class PostOffice:
    """Answers by recipient: ``office.answers["a@b"] = ("RCPT", "550 no")``. What it took is in ``taken``."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[str, str]] = {}
        self.sender = ""
        """What is said to every sender at ``MAIL``; empty for yes."""
        self.taken: list[EmailMessage] = []
        self.seen: list[EmailMessage] = []
        """Also what was received and answered by a no or by nothing."""
        self.rcpt: list[str] = []
        """Every recipient that was named, as it was written."""
        self.lines = 0
        """How many connections were made."""
        self.at_once = False
        """Whether commands may come together, as most servers of today have it."""
        self.patient = False
        """Whether it asks for the mail, too, when it has refused whom it is for."""
        self.watch: Callable[[str], None] = lambda stage: None
        """Called at ``MAIL``, and at ``DATA`` when a mail is taken and its sender not yet told."""
        office = self

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A sender that was killed needs no answer."""

        class Handler(_Handler):
            post_office = office

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, stage: str, recipients: list[str]) -> str:
        """Return what a test wants to be said at ``RCPT`` or ``DATA``; empty for yes."""
        for recipient in recipients:
            at, words = self.answers.get(recipient, ("", ""))
            if at == stage:
                return words
        return ""


class _Handler(socketserver.StreamRequestHandler):
    post_office: ClassVar[PostOffice]

    def say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())

    def handle(self) -> None:
        office = self.post_office
        office.lines += 1
        recipients: list[str] = []
        begun = False
        self.say("220 loopback")
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            words = "250 yes"
            match verb.upper():
                case "EHLO" if office.at_once:
                    words = "250-loopback\r\n250-SIZE 1000000\r\n250 PIPELINING"
                case "RCPT" | "DATA" if not begun:
                    words = "503 MAIL first"
                case "RCPT":
                    recipients.append(rest.partition("<")[2].partition(">")[0])
                    office.rcpt.append(recipients[-1])
                    if refusal := office.answer("RCPT", recipients[-1:]):
                        words, _ = refusal, recipients.pop()
                case "DATA" if not recipients and not office.patient:
                    words = "554 no valid recipients"
                case "DATA" if not recipients:
                    self.say("354 go on")
                    self.read()
                    words = "554 no valid recipients"
                case "DATA":
                    self.say("354 go on")
                    office.seen.append(self.read())
                    words = office.answer("DATA", recipients) or words
                    if words.startswith("250"):
                        office.taken.append(office.seen[-1])
                    recipients = []
                    office.watch("DATA")
                case "RSET":
                    recipients = []
                case "MAIL":
                    recipients = []
                    words = office.sender or words
                    begun = not office.sender
                    office.watch("MAIL")
                case "QUIT":
                    self.say("221 bye")
                    return
            if words == HANG_UP:
                return
            self.say(words)
            if words.startswith("421"):
                return

    def read(self) -> EmailMessage:
        body = b""
        while (line := self.rfile.readline()) != b".\r\n":
            body += line[1:] if line.startswith(b"..") else line
        message = email.message_from_bytes(body, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message


@pytest.fixture
def office(settings: Any) -> Iterator[PostOffice]:
    """A mail server, and the shop sends over it."""
    server = PostOffice()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, 10
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    yield server
    server.close()
