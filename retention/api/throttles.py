"""Limits per minute, counted exactly in the database (DRF's own count in the cache, where two at once are one)."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from retention import origin
from retention.conf import conf
from retention.services import throttle

MINUTE = 60


class PerMinute(BaseThrottle):
    """A limit of a scope; subclasses say whose attempts are counted and how many are allowed."""

    scope = ""

    def who(self, request: Request) -> str:
        raise NotImplementedError

    def limit(self) -> int:
        raise NotImplementedError

    def allow_request(self, request: Request, view: Any) -> bool:
        now = timezone.now()
        self.left = MINUTE - int(now.timestamp()) % MINUTE
        return throttle.hit(scope=self.scope, who=self.who(request), limit=self.limit(), seconds=MINUTE, at=now)

    def wait(self) -> float:
        return self.left


class Writes(PerMinute):
    """What changes something, per account. Reading is not counted: counting costs more than most reads."""

    scope = "api.write"

    def who(self, request: Request) -> str:
        return f"user:{request.user.pk}"

    def limit(self) -> int:
        return conf.API_WRITES_PER_MINUTE

    def allow_request(self, request: Request, view: Any) -> bool:
        return request.method in SAFE_METHODS or super().allow_request(request, view)


class Events(Writes):
    """What a shop or a provider reports, per account; there are many on a good day."""

    scope = "api.event"

    def limit(self) -> int:
        return conf.API_EVENTS_PER_MINUTE


class PerOrigin(PerMinute):
    """What anybody may ask for, per network address as ``NUM_PROXIES`` says."""

    scope = "api.open"

    def who(self, request: Request) -> str:
        return f"origin:{origin.of(request._request)}"

    def limit(self) -> int:
        return conf.API_OPEN_PER_MINUTE
