"""Something that the programme promised and that staff see to."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from retention.models import Customer


class Task(models.Model):
    """What no machine can give: a thing for the parcel, a partner's benefit, an event. One for each promise."""

    class State(models.TextChoices):
        OPEN = "open", _("to be done")
        DONE = "done", _("done")
        DECLINED = "declined", _("declined")
        WITHDRAWN = "withdrawn", _("no longer needed")

    key = models.CharField(_("key"), max_length=200, editable=False)
    """Name of the promise, e.g. ``claim:7``; the same promise twice is one task."""
    kind = models.CharField(_("kind"), max_length=30)
    """What asked for it, e.g. ``reward``."""
    customer = models.ForeignKey(
        Customer,
        verbose_name=_("customer"),
        on_delete=models.PROTECT,  # what was promised is kept
        related_name="staff_tasks",
    )
    what = models.CharField(_("what to do"), max_length=200)
    order = models.CharField(_("order"), max_length=128, blank=True)
    source = models.CharField(_("source"), max_length=120, blank=True)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.OPEN)
    made_at = models.DateTimeField(_("asked for"))
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    by = models.CharField(_("closed by"), max_length=150, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("task for staff")
        verbose_name_plural = _("tasks for staff")
        constraints = [
            models.UniqueConstraint(fields=["key"], name="loyalty_task_once_per_key"),
            models.CheckConstraint(
                condition=Q(state="open", closed_at=None) | (~Q(state="open") & Q(closed_at__isnull=False)),
                name="loyalty_task_closed_has_a_time",
            ),
            models.CheckConstraint(condition=~Q(what=""), name="loyalty_task_says_what"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="open"), name="loyalty_task_open"),
            models.Index(fields=["customer", "-made_at"], name="loyalty_task_customer"),
        ]
        permissions = [("close_task", _("Can close tasks of loyalty"))]

    def __str__(self) -> str:
        return self.what
