"""Who asks: a session of the shop, or a token; a merchant may name classes of their own."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.utils.module_loading import import_string
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from retention.api.errors import CsrfFailed
from retention.conf import conf


class Token(authentication.TokenAuthentication):
    """``Authorization: Token <key>``, a row of rest_framework.authtoken."""

    def authenticate_credentials(self, key: str) -> Any:
        if not key.isalnum():  # a database refuses some of what a header can carry
            raise AuthenticationFailed()
        return super().authenticate_credentials(key)


class Session(authentication.SessionAuthentication):
    """The shop's own session cookie. What is not safe needs the CSRF token."""

    def authenticate_header(self, request: Request) -> str:
        return "Session"  # who is not signed in is told so by 401, whichever class is asked first

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied:
            raise CsrfFailed from None


class SessionScheme(OpenApiAuthenticationExtension):
    """Tells the schema that our class is the session cookie."""

    target_class = Session
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


def authenticators() -> list[authentication.BaseAuthentication]:
    """Return what ``API_AUTHENTICATION`` names; else tokens, where their app is installed, and sessions.

    ``REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"]`` is the merchant's and is not read.
    """
    if conf.API_AUTHENTICATION:
        return [import_string(path)() for path in conf.API_AUTHENTICATION]
    tokens = [Token()] if apps.is_installed("rest_framework.authtoken") else []
    return [*tokens, Session()]
