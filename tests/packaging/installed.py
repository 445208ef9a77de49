"""Run by test_wheel in an environment that holds the wheel, away from the project's tree.

Prints as JSON what a shop that is not Oscar finds there; the arguments name templates to render.
"""

import json
import sys
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings
from django.template.loader import get_template, render_to_string

OURS = ["retention", "campaigns", "loyalty"]


def main(rendered: list[str]) -> None:
    """Set up Django with our apps, read every template of theirs, render the named ones."""
    settings.configure(
        SECRET_KEY="only-for-tests",
        INSTALLED_APPS=[
            *OURS,
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.sessions",
            "rest_framework",
        ],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        STATIC_URL="/static/",
        USE_TZ=True,
    )
    django.setup()
    ours = [config for config in apps.get_app_configs() if config.name in OURS]
    templates = {config.name: sorted(names(Path(config.path, "templates"))) for config in ours}
    for name in [name for found in templates.values() for name in found if name.endswith(".html")]:
        get_template(name)
    answer = {
        "labels": {config.name: config.label for config in ours},
        "places": {config.name: config.path for config in ours},
        "templates": templates,
        "rendered": {name: render_to_string(name) for name in rendered},
    }
    print(json.dumps(answer))


def names(folder: Path) -> list[str]:
    """Names of the templates in a folder, as a loader knows them."""
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


if __name__ == "__main__":
    main(sys.argv[1:])
