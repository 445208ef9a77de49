"""What a merchant without Celery runs, with the mails of the test."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.faults.ground.settings"

import django

django.setup()

from django.core.management import call_command  # noqa: E402  (models exist only now)

from tests.retention.mails import NEWS, RECEIPT, make  # noqa: E402

make(NEWS, "marketing")
make(RECEIPT, "service", at_least_once=True)

if __name__ == "__main__":
    call_command("retention_run", "--loop")
