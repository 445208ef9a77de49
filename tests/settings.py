"""The example shop's settings for the test run.

`tests.plugin` has put the servers' URLs and a folder for files into the environment.
"""

from example.settings import *  # noqa: F403  (the tests run against the shop as it is)
from example.settings import DATA, DATABASES

# Hashing as slow as a shop needs it would be half of the run.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file: in memory, SQLite locks by table, and races would look different from a shop's.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA / "test.sqlite3")}

# Look static files up when asked for: a test client is made anew in each test.
WHITENOISE_AUTOREFRESH = True
