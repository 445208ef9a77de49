"""What the page of a job says while it runs."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from retention.models import Job

STILL = timedelta(minutes=2)
"""After so long without progress nobody seems to be working."""


def still(job: Job, *, at: datetime) -> str:
    """Return a question to staff where a job runs and has not moved for a while; else empty."""
    if job.state != Job.State.RUNNING or at - job.moved_at <= STILL:
        return ""
    return _("Nothing has moved for some minutes: is Celery, or “manage.py retention_run”, running?")
