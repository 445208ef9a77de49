"""The shop's Celery app: the project's tasks, and our ticks merged into its schedule."""

import os

from celery import Celery

from retention.schedule import BEAT

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example.settings")

app = Celery("example")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {**BEAT}
