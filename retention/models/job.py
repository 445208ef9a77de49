from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Job(models.Model):
    """Long work with progress, a result and a log; stopped and started again it goes on at its cursor."""

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    kind = models.CharField(_("kind"), max_length=60)
    key = models.CharField(_("key"), max_length=200, unique=True)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.RUNNING)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    """What to do; ids and numbers, never an address."""
    cursor = models.JSONField(_("cursor"), default=dict)
    done = models.PositiveBigIntegerField(_("done"), default=0)
    total = models.PositiveBigIntegerField(_("of"), null=True, blank=True)
    log = models.TextField(_("log"), blank=True)
    started_at = models.DateTimeField(_("started"))
    moved_at = models.DateTimeField(_("last progress"))

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        indexes = [models.Index(fields=["kind"], condition=models.Q(state="running"), name="retention_job_running")]

    def __str__(self) -> str:
        return self.key

    @property
    def percent(self) -> int | None:
        """How far it is; None where nobody knows how much there is to do."""
        return 100 if self.state == Job.State.DONE else min(99, 100 * self.done // self.total) if self.total else None
