"""Answering the same API write once: the answer is kept under the key that the client chose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from retention.conf import conf
from retention.locks import one_at_a_time
from retention.models import IdempotentRequest


class InProgress(Exception):
    """The first request with this key has not been answered yet."""


class KeyReused(Exception):
    """The key came before with another request."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    body: Any
    replayed: bool = False


def once(*, user: Any, key: str, fingerprint: str, do: Callable[[], Answer], at: datetime) -> Answer:
    """Return what ``do`` answers, or what it answered to the same request before.

    ``user`` is the primary key of the account. The work and its answer are one transaction: a process that dies
    leaves neither, and an exception out of
    ``do`` leaves no answer. Raises InProgress, KeyReused.
    """
    with one_at_a_time(f"retention.request:{user}:{key}") as mine:
        if not mine:
            raise InProgress
        known = IdempotentRequest.objects.filter(user_id=user, key=key).first()
        if known is not None:
            if known.fingerprint != fingerprint:
                raise KeyReused
            return Answer(status=known.status or 200, body=known.body, replayed=True)
        answer = do()
        IdempotentRequest.objects.create(
            user_id=user, key=key, fingerprint=fingerprint, status=answer.status, body=answer.body, created_at=at
        )
    return answer


def prune(*, at: datetime) -> int:
    """Forget answers older than ``API_KEY_HOURS``. Returns how many."""
    return IdempotentRequest.objects.filter(created_at__lt=at - timedelta(hours=conf.API_KEY_HOURS)).delete()[0]
