"""A worker process of a test: the ground alone, over the test's database and mail server."""

from tests.retention.keys import RETENTION as KEYS
from tests.settings import *  # noqa: F403  (the same servers)

INSTALLED_APPS = [
    "retention",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.admin",
    "django.contrib.sites",
]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "tests.retention.urls"
# A killed worker's mails are taken over soon.
RETENTION = {**KEYS, "SEND_LEASE_SECONDS": 3}
