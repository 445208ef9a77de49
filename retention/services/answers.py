"""What an error of the line means: whether the mail left, and whether the next can still go over it."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator

from retention.redaction import without_addresses

SMTP = (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError)
"""The mail server's own no: the mail did not leave."""

NOT_REACHED = (ConnectionRefusedError, socket.gaierror)
"""Nobody was there to take anything, however deep below the error of a provider's client."""


TOO_LARGE = 552


def words(error: BaseException) -> str:
    """Return what to keep of an error: its kind and its words without addresses."""
    return without_addresses(f"{type(error).__name__}: {error}".replace("\0", ""))[:500]


def not_reached(error: BaseException) -> bool:
    """Whether nothing was sent because nobody answered: there is no line at all."""
    return any(isinstance(one, NOT_REACHED) for one in _chain(error))


def in_doubt(error: BaseException) -> bool:
    """Whether the mail may have left: the line broke, or a provider answered that it has a fault of its own."""
    status = _status(error)
    if status:
        return not 400 <= status < 500
    return isinstance(error, OSError) and not isinstance(error, SMTP)


def of_the_sender(error: BaseException) -> bool:
    """Whether a provider refuses us and not this mail: a wrong key, too many requests. Others would fare the same."""
    return _status(error) in (401, 403, 407, 429)


def refuses_us(error: BaseException) -> bool:
    """Whether the mail server does not let us in or takes nothing from our address for now: no mail would fare better.

    A mail that is too large is told so (552) before it is said whom it is for, too.
    """
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return True
    return isinstance(error, smtplib.SMTPSenderRefused) and error.smtp_code != TOO_LARGE


def hung_up(error: BaseException) -> bool:
    """Whether the server closed the line with its answer; the next mail would seem to be in doubt."""
    return 421 in _codes(error)


def for_good(error: BaseException) -> bool:
    """Whether the mail server refuses this mail for ever (5xx), or it is no mail at all."""
    return all(code >= 500 for code in _codes(error))


def _codes(error: BaseException) -> list[int]:
    """Return what the mail server answered: one code, or one for each recipient it refused."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return [code for code, _ in error.recipients.values()]
    return [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []


def _status(error: BaseException) -> int:
    """Return the HTTP status that a provider answered with, as django-anymail keeps it; 0 for none."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else 0


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
