"""Saying what a change will do before it is saved."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib.messages.storage import default_storage
from django.core.validators import MaxValueValidator
from django.db import transaction
from django.db.models import Field
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from retention.admin.base import Admin

Sentence = str | Callable[[], str]
"""One that has to count a lot is a function, which is called when nothing is locked any more."""


LARGEST = {
    "PositiveSmallIntegerField": 2**15 - 1,
    "PositiveIntegerField": 2**31 - 1,
    "PositiveBigIntegerField": 10**12,
}
"""What such a column holds where it has a size; of points, more than any shop means."""


def told(sentences: Iterable[Sentence]) -> list[str]:
    """Return sentences with those that had to be counted first."""
    return [str(one() if callable(one) else one) for one in sentences]


class ConfirmedAdmin(Admin):
    """A page whose Save first shows, in words, what the saved thing would do; a second button saves it.

    The words come from the very rows: they are saved, read, and rolled back. What takes long is counted after that:
    while the rows are there, checkouts wait for them (on SQLite for anything).
    """

    def consequences(self, saved: Any) -> Iterable[Sentence]:
        """Return sentences about a saved object, while it is in the database.

        A function among them reads of the saved rows before it is returned, and counts when it is called.
        """
        raise NotImplementedError

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **given: Any) -> Any:
        """Let no number be larger than on any database: SQLite takes all, and days become dates that do not exist."""
        field = super().formfield_for_dbfield(db_field, request, **given)
        most = LARGEST.get(db_field.get_internal_type())
        if most is not None and isinstance(field, forms.IntegerField):
            field.validators.append(MaxValueValidator(most))
        return field

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        vars(request)["_loyalty_saved"] = obj  # not on self: one page object serves all threads

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if request.method != "POST" or "_confirmed" in request.POST:
            return super().changeform_view(request, object_id, form_url, extra_context)
        with transaction.atomic():
            response: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
            if response.status_code != 302:
                return response  # there are mistakes to mend
            saved = vars(request)["_loyalty_saved"]
            sentences = list(self.consequences(saved))
            transaction.set_rollback(True)
        words = told(sentences)
        vars(request)["_messages"] = default_storage(request)  # drops "was saved": it was not
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Save this?"),
            "object": saved,
            "words": words,
            "given": [
                (name, value)
                for name, values in request.POST.lists()
                if name != "csrfmiddlewaretoken"
                for value in values
            ],
        }
        return TemplateResponse(request, "loyalty/admin/confirm.html", context)
