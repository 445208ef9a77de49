"""Doors for Celery; what they open is in ``services``."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from retention.services import ticks


@shared_task(name="retention.tick", ignore_result=True)
def tick(**_newer: object) -> None:
    """Do what is due."""
    ticks.run_due(at=timezone.now())
