"""Rows of conditions in admin: of offers, journeys and segments."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from campaigns.admin.condition_field import Catalog, Chosen, ConditionField
from retention import registry
from retention.admin.base import INLINE


class ConditionForm(forms.ModelForm):
    """For any model with a ``name`` and ``parameters``."""

    condition = ConditionField(label=_("condition"))

    def __init__(self, *args: Any, catalog: Catalog | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row, widget = self.instance, self.fields["condition"].widget
        widget.catalog = catalog or widget.catalog
        if row.name:
            self.initial["condition"] = Chosen(name=row.name, parameters=row.parameters)
            widget.absent = "" if row.name in registry.conditions else row.name

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        chosen = data.get("condition")
        # one whose app is away keeps what was stored with it
        if chosen is not None and chosen.name in registry.conditions:
            self.instance.name, self.instance.parameters = chosen.name, dict(chosen.parameters)
        return data


class ConditionFormSet(forms.BaseInlineFormSet):
    """Looks up once, for all rows, what can be chosen in them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.catalog = Catalog()
        super().__init__(*args, **kwargs)

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        return {**super().get_form_kwargs(index), "catalog": self.catalog}


class ConditionInline(INLINE):
    """Give it a model with a ``name`` and ``parameters``."""

    form = ConditionForm
    formset = ConditionFormSet
    fields: Any = ("condition",)
    extra = 0

    @admin.display(description=_("condition"))
    def condition(self, row: Any) -> str:
        """For who may only look."""
        known = registry.conditions.get(row.name)
        return known.words(row.parameters) if known else row.name
