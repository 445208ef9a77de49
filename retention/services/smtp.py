"""A mail over a line to a mail server: its commands at once where the server takes them so (RFC 2920), which halves the
times that one waits for it."""

from __future__ import annotations

import smtplib
from smtplib import SMTP, SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused, SMTPServerDisconnected

from retention.services.letters import PLAIN

Reply = tuple[int, bytes]

YES, TAKEN, GO_ON, HANGS_UP = (250,), (250, 251), 354, 421


def send(line: SMTP, sender: str, to: str, raw: bytes) -> None:
    """Send a mail, given as bytes with CRLF, to one address. Raises what ``SMTP.sendmail`` raises."""
    line.ehlo_or_helo_if_needed()
    if not line.has_extn("pipelining"):
        line.sendmail(sender, [to], raw)
        return
    size = f" size={len(raw)}" if line.has_extn("size") else ""
    commands = [f"mail FROM:{_quoted(sender)}{size}", f"rcpt TO:{_quoted(to)}", "data"]
    if any("\r" in command or "\n" in command for command in commands):
        raise ValueError("an address holds the end of a line")
    line.send("".join(f"{command}\r\n" for command in commands).encode("ascii"))
    reply = _reply(line)
    if reply[0] not in YES:
        _leave(line, reply, unread=2)
        raise SMTPSenderRefused(*reply, sender)
    reply = _reply(line)
    if reply[0] not in TAKEN:
        _leave(line, reply, unread=1)
        raise SMTPRecipientsRefused({to: reply})
    reply = _reply(line)
    if reply[0] != GO_ON:
        _leave(line, reply)
        raise SMTPDataError(*reply)
    line.send((b"." + raw if raw.startswith(b".") else raw).replace(b"\r\n.", b"\r\n..") + b".\r\n")
    reply = _reply(line)
    if reply[0] not in YES:
        _leave(line, reply)
        raise SMTPDataError(*reply)


def _quoted(address: str) -> str:
    return f"<{address}>" if PLAIN.fullmatch(address) else smtplib.quoteaddr(address)


def _reply(line: SMTP) -> Reply:
    code, words = line.getreply()
    return code, words


def _leave(line: SMTP, reply: Reply, *, unread: int = 0) -> None:
    """Get over a no, so that the next mail can go over this line; close it where the server has done so."""
    try:
        if reply[0] == HANGS_UP:
            line.close()
            return
        replies = [_reply(line) for _ in range(unread)]
        if unread == 2 and replies[-1][0] == GO_ON:
            line.close()  # it would take a mail from nobody: whatever we said now would be one
            return
        if unread == 1 and replies[-1][0] == GO_ON:
            line.send(b".\r\n")  # it waits for a mail to nobody
            _reply(line)
        line.rset()
    except SMTPServerDisconnected:
        line.close()
