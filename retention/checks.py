"""What can be misconfigured and be seen at start-up, each with an id, never reused, and a cure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import get_template
from django.urls import NoReverseMatch

from retention import links
from retention.broker import find_app
from retention.conf import conf
from retention.shop import Shop, get_shop

LONGEST_LINK = 60
"""Characters of a List-Unsubscribe URI, host included."""

SETTING_OF_TIMES = ("paid", "fulfilled", "delivered", "cancelled")


def _keys() -> Iterator[CheckMessage]:
    for mistake in conf.mistakes():
        yield Error(mistake, hint="docs/reference/settings.md lists every key.", id="retention.E001")


def _shop() -> Iterator[CheckMessage]:
    try:
        shop = get_shop()
    except (ImproperlyConfigured, ImportError) as error:
        yield Error(
            f"The shop cannot be spoken to: {error}",
            hint='e.g. RETENTION = {"SHOP": "retention.contrib.oscar.shop.OscarShop"}',
            id="retention.E002",
        )
        return
    yield from _statuses(shop)


def _statuses(shop: Shop) -> Iterator[CheckMessage]:
    for status, time in conf.STATUS_TIMES.items():
        if time not in SETTING_OF_TIMES:
            yield Error(
                f'RETENTION["STATUS_TIMES"] maps {status!r} to {time!r}.',
                hint=f"One of {', '.join(SETTING_OF_TIMES)}.",
                id="retention.E003",
            )
    known = shop.statuses()
    if known is None:
        return
    for key in ("STATUS_TIMES", "FINAL_STATUSES", "PLAIN_STATUSES"):
        for status in getattr(conf, key):
            if status not in known:
                yield Warning(
                    f'RETENTION["{key}"] names the status {status!r}, which the shop does not have.',
                    hint=f"The shop's statuses: {', '.join(sorted(known))}.",
                    id="retention.W004",
                )


def _templates() -> Iterator[CheckMessage]:
    for name in ("retention/email/layout.html", "retention/prompt.html"):
        try:
            get_template(name)
        except TemplateDoesNotExist:
            yield Error(
                f"The template {name} cannot be found.",
                hint="Switch APP_DIRS on, or put the folder with our templates into DIRS.",
                id="retention.E005",
            )
        except TemplateSyntaxError:
            continue  # it was found; the layout is Liquid, which Django's engine does not read


def _database() -> Iterator[CheckMessage]:
    database = settings.DATABASES.get("default", {})
    if "sqlite" not in database.get("ENGINE", ""):
        return
    if database.get("OPTIONS", {}).get("transaction_mode") != "IMMEDIATE":
        yield Error(
            "SQLite runs without transaction_mode IMMEDIATE: two that read and then write at once fail.",
            hint='DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20, '
            '"init_command": "PRAGMA journal_mode=WAL;"}',
            id="retention.E006",
        )
    if database.get("ATOMIC_REQUESTS"):
        yield Warning(
            "SQLite runs with ATOMIC_REQUESTS: each page view holds the write lock.",
            hint='Set DATABASES["default"]["ATOMIC_REQUESTS"] to False.',
            id="retention.W007",
        )


def _links() -> Iterator[CheckMessage]:
    base = urlsplit(conf.BASE_URL)
    if not base.scheme or not base.netloc:
        yield Error(
            'RETENTION["BASE_URL"] is missing: links in mails need the scheme and host of the shop.',
            hint='e.g. "https://shop.example.com"',
            id="retention.E008",
        )
        return
    if base.scheme != "https" and base.hostname not in ("localhost", "127.0.0.1"):
        yield Warning(
            'RETENTION["BASE_URL"] is not https: one-click unsubscribe (RFC 8058) needs it.',
            id="retention.W009",
        )
    if not conf.LINK_KEYS:
        return
    try:
        longest = links.unsubscribe_url(customer=2**31, purpose="marketing")
    except NoReverseMatch:
        yield Error(
            "Our URLs are not included in the shop's.",
            hint='path("retention/", include("retention.urls")) in the root URLconf.',
            id="retention.E011",
        )
        return
    if len(longest) > LONGEST_LINK:
        yield Error(
            f"An unsubscribe link has {len(longest)} characters; mail programs take {LONGEST_LINK}.",
            hint='Shorten RETENTION["BASE_URL"] or the prefix under which our URLs are included.',
            id="retention.E010",
        )


def _sender() -> Iterator[CheckMessage]:
    if "@" not in parseaddr(conf.FROM_EMAIL)[1]:
        yield Error(
            'RETENTION["FROM_EMAIL"] is no address: no mail can be sent.',
            hint='e.g. "Shop <hello@shop.example.com>"',
            id="retention.E012",
        )
    if not conf.POSTAL_ADDRESS:
        yield Warning(
            'RETENTION["POSTAL_ADDRESS"] is empty: marketing mail is skipped.',
            hint="The law of most countries wants the shop's postal address in it.",
            id="retention.W013",
        )
    if not conf.SHOP_NAME:
        yield Warning('RETENTION["SHOP_NAME"] is empty: mails have no name to sign with.', id="retention.W014")


def _secrets() -> Iterator[CheckMessage]:
    for key in ("HASH_KEY", "SUPPRESSION_KEY", "LINK_KEYS"):
        value: Any = getattr(conf, key)
        if not value:
            yield Error(
                f'RETENTION["{key}"] is empty.',
                hint="A long random string of its own, kept for ever: "
                '`python -c "import secrets; print(secrets.token_urlsafe(48))"`.'
                + (" It is a list: the first signs, all verify." if key == "LINK_KEYS" else ""),
                id="retention.E015",
            )
        elif settings.SECRET_KEY in ([value] if isinstance(value, str) else value):
            yield Warning(
                f'RETENTION["{key}"] is SECRET_KEY: when that is changed, who said no would be forgotten.',
                id="retention.W016",
            )
    if isinstance(conf.LINK_KEYS, str):
        yield Error('RETENTION["LINK_KEYS"] is a string.', hint="A list of strings.", id="retention.E017")


def _zone() -> Iterator[CheckMessage]:
    try:
        ZoneInfo(conf.TIME_ZONE or settings.TIME_ZONE)
    except (ZoneInfoNotFoundError, ValueError):
        yield Error(
            f'RETENTION["TIME_ZONE"] = {conf.TIME_ZONE!r} is no time zone.',
            hint='e.g. "Europe/Berlin"',
            id="retention.E018",
        )
    if not settings.USE_TZ:
        yield Error("USE_TZ is off: times would be lost twice a year.", id="retention.E019")


def _celery() -> Iterator[CheckMessage]:
    app = find_app()
    if app is None:
        yield Warning(
            "There is no Celery app.",
            hint="docs/how-to/install-oscar.md has the celery.py; or run `manage.py retention_run --loop` instead.",
            id="retention.W020",
        )
    elif not any(entry.get("task") == "retention.tick" for entry in app.conf.beat_schedule.values()):
        yield Warning(
            "Celery's beat schedule has no tick of ours: nothing would be sent.",
            hint="app.conf.beat_schedule = {**retention.schedule.BEAT, ...}",
            id="retention.W021",
        )


def _proxies() -> Iterator[CheckMessage]:
    given = getattr(settings, "REST_FRAMEWORK", {}).get("NUM_PROXIES")
    behind = getattr(settings, "SECURE_PROXY_SSL_HEADER", None) or getattr(settings, "USE_X_FORWARDED_HOST", False)
    if behind and conf.NUM_PROXIES is None and given is None:
        yield Warning(
            "The shop stands behind a proxy and NUM_PROXIES is not set: every visitor could name an address of "
            "their own choice, and limits per address would not hold.",
            hint='RETENTION["NUM_PROXIES"] = 1',
            id="retention.W022",
        )


CHECKS: Sequence[Callable[[], Iterator[CheckMessage]]] = (
    _keys, _shop, _templates, _database, _links, _sender, _secrets, _zone, _celery, _proxies,
)  # fmt: skip


def load() -> None:
    """Register the checks with Django. Called once, when the apps are ready."""
    register(run, "retention")


def run(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """Run every check of the ground."""
    return [message for check in CHECKS for message in check()]
