"""Every way to misconfigure loyalty that can be seen at start-up, each with an id and a cure. Ids are never reused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.template import TemplateDoesNotExist
from django.template.loader import get_template

from loyalty.conf import conf


def _keys() -> Iterator[CheckMessage]:
    for mistake in conf.mistakes():
        yield Error(mistake, hint="docs/reference/settings.md lists every key.", id="loyalty.E001")
    for key in ("ADJUST_MAX", "OPEN_AT_ONCE", "HISTORY_ROWS"):
        value = getattr(conf, key)
        if not isinstance(value, int) or value < 1:
            yield Error(f'LOYALTY["{key}"] = {value!r}.', hint="A whole number above zero.", id="loyalty.E002")


def _templates() -> Iterator[CheckMessage]:
    try:
        get_template("loyalty/account.html")
    except TemplateDoesNotExist:
        yield Error(
            "The template loyalty/account.html cannot be found.",
            hint="Switch APP_DIRS on, or put the folder with our templates into DIRS.",
            id="loyalty.E003",
        )


def load() -> None:
    """Register the checks with Django. Called once, when the apps are ready."""
    register(run, "loyalty")


def run(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """Run every check of loyalty."""
    return [message for check in (_keys, _templates) for message in check()]
