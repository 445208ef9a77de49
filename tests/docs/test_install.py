"""The install guide, followed to the letter on a bare Oscar shop."""

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.docs.tables import described

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "how-to" / "install-oscar.md"
OURS = ("retention", "campaigns", "loyalty", "rest_framework", "drf_spectacular", "django_filters")

SETTINGS = """
from example.settings import *
from example.settings import env
for name in {{"RETENTION", "CAMPAIGNS", "LOYALTY", "REST_FRAMEWORK", "SPECTACULAR_SETTINGS"}} & globals().keys():
    del globals()[name]
env = {{"RETENTION_HASH_KEY": "h" * 40, "RETENTION_SUPPRESSION_KEY": "s" * 40, "RETENTION_LINK_KEY": "l" * 40}}.get
BARE_APPS = [name for name in INSTALLED_APPS if not name.startswith({ours!r})]
BARE_MIDDLEWARE = [name for name in MIDDLEWARE if not name.startswith("retention")]
{apps}
INSTALLED_APPS = [*INSTALLED_APPS, *BARE_APPS]
{middleware}
{retention}
ROOT_URLCONF = "guide_urls"
"""

URLS = """
from django.apps import apps
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
    {paths}
    path("", include(apps.get_app_config("oscar").urls[0])),
]
"""


def blocks() -> list[str]:
    return [re.sub(r"(?m)^   ", "", block) for block in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S)]


def test_the_guide_has_ten_steps_or_fewer() -> None:
    steps = [int(number) for number in re.findall(r"(?m)^(\d+)\. \*\*", GUIDE.read_text())]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) <= 10


@pytest.fixture
def shop(tmp_path: Path) -> dict[str, str]:
    """A bare shop with what the guide says typed in; returns the environment of its commands."""
    apps, middleware, retention, paths, celery = blocks()
    (tmp_path / "guide_settings.py").write_text(
        SETTINGS.format(
            ours=OURS, apps=apps, middleware=middleware.replace("...", "*BARE_MIDDLEWARE"), retention=retention
        )
    )
    (tmp_path / "guide_urls.py").write_text(URLS.format(paths=paths))
    (tmp_path / "guide_celery.py").write_text(celery.replace("# celery.py\n", ""))
    return {
        **os.environ,
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        "DJANGO_SETTINGS_MODULE": "guide_settings",
        "DEMO_DATA": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path}/shop.sqlite3",
    }


def run(shop: dict[str, str], *commands: str) -> str:
    """Run management commands one after another in one process of that shop; returns what they print."""
    script = f"""
import django
from django.core.management import call_command
django.setup()
for command in {commands!r}:
    call_command(*command.split())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=shop, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.sqlite  # it has a database of its own, so once is enough
def test_a_bare_shop_follows_the_guide_in_and_out(shop: dict[str, str], tmp_path: Path, db: None) -> None:
    told = run(
        shop,
        "check --fail-level WARNING",
        "migrate --verbosity 0",
        "retention_import --from-shop",
        "retention_run --once",
        "retention_go_live",
    )
    with closing(sqlite3.connect(tmp_path / "shop.sqlite3")) as migrated:
        # Tests on SQLite run on tables that were made from the models, to the last index the same.
        assert described(migrated.execute) == described(ask)
    told += run(
        shop,
        "retention_uninstall --yes",
        "migrate retention_loyalty zero --verbosity 0",
        "migrate retention_campaigns zero --verbosity 0",
        "migrate retention_oscar zero --verbosity 0",
        "migrate retention zero --verbosity 0",
    )
    for words in ("Done: 0 orders.", "items done.", "Live since", "Now remove the apps"):
        assert words in told


def ask(query: str) -> list[Any]:
    """Run a query on the database of the tests."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()
