"""Rows of one page that trade what is unique among them: a name, a place, a beginning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat

NOBODY_TYPES = "\x1f"
"""Fields strip it off what is typed."""


def a_name_of_its_own() -> Concat:
    """Return a text that no other row has, and that no form can hold."""
    return Concat(Value(NOBODY_TYPES), Cast("pk", CharField()), output_field=CharField())


class TradingFormSet(forms.BaseInlineFormSet):
    """Rows are saved one after the other, so one would meet what the next has not given up yet.

    So all that change, or go, are first set to values that nobody types, in one statement of the same transaction.
    """

    aside: ClassVar[Mapping[str, Any]]
    """Field → what it is meanwhile."""

    def save_existing_objects(self, commit: bool = True) -> Any:
        if commit:
            moving = [form.instance.pk for form in self.initial_forms if form.has_changed()]
            rows: Any = self.get_queryset().model
            rows._default_manager.filter(pk__in=moving).update(**self.aside)
        return super().save_existing_objects(commit)
