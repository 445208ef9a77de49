"""A mail made ready for the line: whatever can be done before its turn is done before its turn."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend

from retention.services import letters, smtp
from retention.services.starting import Wish
from retention.services.writing import Ready


class Parcel:
    """One mail for one open line. ``item``: the claimed mail."""

    def __init__(self, item: Ready, line: BaseEmailBackend) -> None:
        self.item = item
        self.wish: Wish | None = None
        """To start, which it has once it is packed."""
        self._line = line
        self._packed: tuple[EmailMultiAlternatives, Callable[[], object]] | Exception | None = None

    def pack(self) -> Exception | None:
        """Write it and make of it what goes over the line, once; there is time for it while the database notes what
        came of the mail before. Returns what is wrong with it, if anything is."""
        if self._packed is None:
            try:
                email = self.item.compose()
                self._packed = email, self._way(email)
                self.wish = Wish.of(self.item.message)
            except Exception as error:  # noqa: BLE001  (told to who wants to send it)
                self._packed = error
        return self._packed if isinstance(self._packed, Exception) else None

    def send(self) -> str:
        """Hand it to the line, packed. Returns the id that a provider gave it. Raises what the line raises."""
        assert isinstance(self._packed, tuple)
        email, leave = self._packed
        leave()
        return _provider_id(email)

    def _way(self, email: EmailMultiAlternatives) -> Callable[[], object]:
        """Return what sends it: over plain SMTP as bytes of our own making, else as the backend does it."""
        if type(self._line) is EmailBackend and self._line.connection:
            try:
                raw = letters.as_bytes(email)
            except letters.NotOurs:
                pass
            else:
                sender, to = letters.address_of(email.from_email), letters.route(email.to[0])
                return partial(smtp.send, self._line.connection, sender, to, raw)
        return partial(self._line.send_messages, [email])


def _provider_id(email: EmailMultiAlternatives) -> str:
    """Return the id that a provider gave the mail, as django-anymail leaves it there; empty for none that is one."""
    given = getattr(getattr(email, "anymail_status", None), "message_id", None)
    return str(given).replace("\0", "")[:200] if isinstance(given, str | int) else ""
