"""What a merchant with Celery runs, with the mails of the test: the app for worker and beat."""

from celery import Celery

from retention.schedule import BEAT
from tests.faults.ground import worker  # noqa: F401  (sets Django up)

app = Celery("faults")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = BEAT
app.autodiscover_tasks(["retention"])
