"""Secrets in mails: minted when a mail is written, stored as a hash, used up once by a POST."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from retention.models import Token


class Invalid(Exception):
    """No token of ours, or for something else."""


class Expired(Exception):
    """Its time is over; another can be asked for."""

    def __init__(self, token: Token) -> None:
        super().__init__("expired")
        self.token = token


class Used(Expired):
    """It, or another of the same kind, has been used."""


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def mint(*, purpose: str, about: Sequence[tuple[int, str]], lasts: timedelta, at: datetime) -> list[str]:
    """Return one new secret for each (customer id, subject). Earlier ones stay valid until one is used."""
    minted = [secrets.token_urlsafe(24) for _ in about]
    Token.objects.bulk_create(
        [
            Token(
                digest=_digest(secret),
                purpose=purpose,
                customer_id=customer,
                subject=subject,
                created_at=at,
                expires_at=at + lasts,
            )
            for secret, (customer, subject) in zip(minted, about, strict=True)
        ]
    )
    return minted


def read(secret: str, *, purpose: str, at: datetime) -> Token:
    """Return the token without using it. Raises Invalid, Used, Expired."""
    token = Token.objects.select_related("customer").filter(digest=_digest(secret[:200]), purpose=purpose).first()
    if token is None:
        raise Invalid
    if token.used_at:
        raise Used(token)
    if token.expires_at <= at:
        raise Expired(token)
    return token


def use(secret: str, *, purpose: str, at: datetime) -> Token:
    """Use a token up, and with it all of the same customer, purpose and subject. Raises Invalid, Used, Expired.

    Of two requests at the same time one wins; the other gets Used. Call it in the transaction of what it grants.
    """
    token = read(secret, purpose=purpose, at=at)
    unused = Token.objects.filter(customer=token.customer_id, purpose=purpose, subject=token.subject, used_at=None)
    if not unused.update(used_at=at):
        raise Used(token)
    return token


def end(customers: Collection[int], *, at: datetime) -> None:
    """End the links that were mailed to an address which these customers have no more: they prove the old mailbox."""
    Token.objects.filter(
        customer__in=customers,
        purpose__in=[Token.Purpose.CLAIM, Token.Purpose.SIGN_IN, Token.Purpose.CONFIRM],
        used_at=None,
        expires_at__gt=at,
    ).update(expires_at=at)


def prune(*, at: datetime) -> int:
    """Delete tokens that ended more than 90 days ago. Returns how many."""
    return Token.objects.filter(expires_at__lt=at - timedelta(days=90)).delete()[0]
