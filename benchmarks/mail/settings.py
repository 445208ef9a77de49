"""The example shop over a mail server, and django-post_office in it as its handbook tunes it."""

from example.settings import *  # noqa: F403
from example.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "post_office"]
POST_OFFICE = {
    "BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"},
    "BATCH_SIZE": 5000,  # all of a round at once, so that each process opens one line
    "THREADS_PER_PROCESS": 1,  # more of them only wait for each other
    "LOG_LEVEL": 0,
}
