"""Settings of the test run; `tests.plugin` has put the servers' URLs into the environment."""

import os

import environ

env = environ.Env()
SECRET_KEY = "only-for-tests"
USE_TZ = True
DATABASES = {"default": env.db("DATABASE_URL")}
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"]

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # In memory, Django's test database locks by table and not by file: races look different.
    DATABASES["default"]["TEST"] = {"NAME": os.environ["TEST_FOLDER"] + "/test.sqlite3"}
