"""Gets ready, and sends so many mails for each line that comes in: `python -m benchmarks.mail.worker ours`."""

from __future__ import annotations

import logging
import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.mail.settings"

import django

django.setup()

from django.db import connection  # noqa: E402  (models exist only now)
from django.utils import timezone  # noqa: E402
from post_office.mail import send_queued  # noqa: E402

from benchmarks.mail import letter  # noqa: E402
from retention.services import delivery  # noqa: E402


def ours(count: int) -> int:
    """Send so many of our mails, with everything that a tick does."""
    return delivery.deliver(at=timezone.now(), limit=count)


def post_office(processes: int) -> int:
    """Send everything that django-post_office has, in so many processes."""
    return send_queued(processes)[0]


if __name__ == "__main__":
    letter.load()
    logging.getLogger("post_office").setLevel(logging.ERROR)  # it makes a handler of its own
    work = {"ours": ours, "post_office": post_office}[sys.argv[1]]
    print("ready", flush=True)
    for line in sys.stdin:
        if sys.argv[1] == "post_office":
            connection.close()  # it forks
        print(work(int(line)), flush=True)
