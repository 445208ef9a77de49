"""Rows of conditions in admin: of offers, journeys and segments."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from campaigns.admin.condition_field import Catalog, ConditionField
from retention import registry
from retention.admin.base import INLINE


class ConditionForm(forms.ModelForm):
    """For any model with a ``name`` and ``parameters``."""

    condition = ConditionField(label=_("condition"))

    def __init__(self, *args: Any, catalog: Catalog | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["condition"]
        field.widget.catalog = catalog or field.widget.catalog
        self.initial["condition"] = field.stored(self.instance.name, self.instance.parameters)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        chosen = data.get("condition")
        if chosen is not None:
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
