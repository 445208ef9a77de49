"""Something that the programme promised and staff see to."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from retention.models import Customer


class Task(models.Model):
    """A benefit that no machine can give: a partner's, an event, a thing. One for each promise."""

    class State(models.TextChoices):
        OPEN = "open", _("to do")
        DONE = "done", _("done")
        DECLINED = "declined", _("not given")

    key = models.CharField(_("key"), max_length=120, editable=False)
    """Name of the promise, e.g. ``claim:7``; the same promise twice is one task."""
    customer = models.ForeignKey(
        Customer,
        verbose_name=_("customer"),
        on_delete=models.PROTECT,  # what was promised is kept
        related_name="loyalty_tasks",
    )
    what = models.CharField(_("what"), max_length=200)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.OPEN)
    note = models.CharField(_("note"), max_length=200, blank=True, help_text=_("For your colleagues."))
    opened_at = models.DateTimeField(_("since"))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    closed_by = models.CharField(_("closed by"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("task for staff")
        verbose_name_plural = _("tasks for staff")
        constraints = [
            models.UniqueConstraint(fields=["key"], name="loyalty_task_once_per_key"),
            models.CheckConstraint(
                condition=Q(state="open", closed_at=None) | (~Q(state="open") & Q(closed_at__isnull=False)),
                name="loyalty_task_closed_has_time",
            ),
        ]
        indexes = [models.Index(fields=["opened_at"], condition=Q(state="open"), name="loyalty_task_open")]

    def __str__(self) -> str:
        return self.what
