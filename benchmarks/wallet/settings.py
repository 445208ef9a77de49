"""The example shop's apps, without what its pages need of middleware: what is measured is the API."""

from example.settings import *  # noqa: F403
from example.settings import DATABASES

ROOT_URLCONF = "benchmarks.wallet.urls"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
DATABASES = {"default": {**DATABASES["default"], "CONN_MAX_AGE": 60}}
