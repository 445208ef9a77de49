"""A Celery task for each mail, as many shops have it: read the row, write the mail, send it, note it."""

from __future__ import annotations

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.mail.settings"

import django

django.setup()

from celery import Celery  # noqa: E402
from django.core.mail import EmailMultiAlternatives  # noqa: E402
from post_office.models import STATUS, Email  # noqa: E402

app = Celery("bench", broker=os.environ.get("REDIS_URL"))
app.conf.task_ignore_result = True
app.conf.worker_prefetch_multiplier = 50


@app.task(name="bench.send")
def send(pk: int) -> None:
    row = Email.objects.get(pk=pk)
    mail = EmailMultiAlternatives(row.subject, row.message, row.from_email, row.to, headers=row.headers)
    mail.attach_alternative(row.html_message, "text/html")
    mail.send()
    Email.objects.filter(pk=pk).update(status=STATUS.sent)
