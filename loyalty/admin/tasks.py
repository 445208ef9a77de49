"""What staff see to: benefits that no machine can give."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy, ngettext

from loyalty.models import Task
from loyalty.services import tasks
from retention.admin.base import ReadOnlyAdmin, may


@admin.register(Task)
class TaskAdmin(ReadOnlyAdmin):
    list_display = ("what", "whose", "kind", "order", "made_at", "due_at", "state", "by")
    list_filter = ("state", "kind")
    list_select_related = ("customer",)
    fields = ("what", "whose", "kind", "order", "source", "state", "made_at", "due_at", "closed_at", "by", "note")
    readonly_fields = ("whose",)
    search_fields = ("what", "=order", "=customer__id")
    date_hierarchy = "made_at"
    ordering = ("closed_at", "due_at", "pk")
    actions = ("done", "decline")
    has_close_permission = may("retention_loyalty.close_task")

    @admin.display(description=gettext_lazy("customer"))
    def whose(self, task: Task) -> str:
        url = reverse("admin:retention_customer_change", args=[task.customer_id])
        return format_html('<a href="{}">{}</a>', url, task.customer)

    @admin.action(description=gettext_lazy("Done"), permissions=["close"])
    def done(self, request: HttpRequest, chosen: QuerySet[Task]) -> None:
        """Note that these were given; points that were set aside for one are spent."""
        self._close(request, chosen, Task.State.DONE)

    @admin.action(description=gettext_lazy("Not given: points that were set aside go back"), permissions=["close"])
    def decline(self, request: HttpRequest, chosen: QuerySet[Task]) -> None:
        """Note that these cannot be given."""
        self._close(request, chosen, Task.State.DECLINED)

    def _close(self, request: HttpRequest, chosen: QuerySet[Task], state: str) -> None:
        done = late = 0
        for task in chosen.order_by("pk")[:200]:
            try:
                tasks.close(task, state=state, by=request.user.get_username(), at=timezone.now())
            except tasks.Closed:
                late += 1
            else:
                done += 1
        self._say(request, messages.success, done, ngettext("%(n)s task is closed.", "%(n)s tasks are closed.", done))
        words = ngettext("%(n)s task was closed before.", "%(n)s tasks were closed before.", late)
        self._say(request, messages.warning, late, words)

    @staticmethod
    def _say(request: HttpRequest, say: Any, number: int, words: str) -> None:
        if number:
            say(request, words % {"n": number})
