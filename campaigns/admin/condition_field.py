"""One field for a condition: which one, and its own questions.

Every condition's questions are on the page; a script shows those of the chosen one, and without it what is answered for
others is not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from retention import registry
from retention.registry import Condition


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A condition as it is stored."""

    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Posted:
    """A condition as it was sent: its name, and its form filled in; None for a condition that is not there."""

    name: str
    form: forms.Form | None


class Catalog:
    """The forms of all conditions. What can be chosen in them is looked up once, however many rows a page has."""

    def __init__(self) -> None:
        self._choices: dict[tuple[str, str], list[Any]] = {}

    def form(self, condition: Condition, *, prefix: str, **given: Any) -> forms.Form:
        form = condition.form(prefix=prefix, use_required_attribute=False, **given)
        for name, field in form.fields.items():
            if isinstance(field, forms.ChoiceField):
                key = (condition.name, name)
                if key not in self._choices:
                    self._choices[key] = _with_none(field)
                field.choices = self._choices[key]
        return form


def _with_none(field: forms.ChoiceField) -> list[Any]:
    """Return what can be chosen, nothing first: what nobody chose must not look chosen."""
    given: Any = field.choices
    choices = list(given)
    one_of = isinstance(field.widget, forms.Select) and not isinstance(field.widget, forms.SelectMultiple)
    named = any(value in ("", None) for value, _label in choices)
    return [("", "---------"), *choices] if one_of and not named else choices


class ConditionWidget(forms.Widget):
    """A select, and below it a fieldset for each condition that asks something."""

    template_name = "campaigns/admin/condition.html"

    class Media:
        css = {"all": ["campaigns/conditions.css"]}
        js = ["campaigns/conditions.js"]

    def __init__(self, attrs: Any = None) -> None:
        super().__init__(attrs)
        self.catalog = Catalog()
        self.absent: Chosen | None = None
        """A condition that is stored and not registered any more: its app may be away for a while."""

    def __deepcopy__(self, memo: Any) -> Any:
        """Each form of a class has a widget of its own; what can be chosen may be something else on the next page."""
        copied = super().__deepcopy__(memo)
        copied.catalog = Catalog()
        return copied

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Posted:
        chosen = data.get(name) or ""
        condition = registry.conditions.get(chosen)
        form = self.catalog.form(condition, prefix=f"{name}-{chosen}", data=data) if condition else None
        return Posted(name=chosen, form=form)

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return name not in data

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        known = [(condition.name, condition.label) for condition in registry.conditions]
        if self.absent:
            name_of = self.absent.name
            known.append((name_of, _("%(name)s (not there any more)") % {"name": name_of}))
        # in a table of rows the heading is not its label
        named = {"aria-label": _("condition"), "data-condition-name": ""}
        select = forms.Select(attrs={**named, **context["widget"]["attrs"]})
        select.choices = [("", "---------"), *known]
        context["select"] = select.render(name, value.name if value else "")
        context["parts"] = [
            {
                "name": condition.name,
                "label": condition.label,
                "form": form,
                "chosen": bool(value) and value.name == condition.name,
            }
            for condition in registry.conditions
            if (form := self._form(condition, name, value)).fields
        ]
        return context

    def _form(self, condition: Condition, name: str, value: Any) -> forms.Form:
        if value and value.name == condition.name:
            if isinstance(value, Posted) and value.form is not None:
                return value.form
            if isinstance(value, Chosen):
                return self.catalog.form(condition, prefix=f"{name}-{condition.name}", initial=dict(value.parameters))
        return self.catalog.form(condition, prefix=f"{name}-{condition.name}")

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        # a form renderer looks for templates in apps alone; ours may live in a project's folder
        return render_to_string(self.template_name, self.get_context(name, value, attrs))


class ConditionField(forms.Field):
    """Cleans to ``Chosen``."""

    widget: Any = ConditionWidget

    def stored(self, name: str, parameters: Mapping[str, Any]) -> Chosen | None:
        """Return what a row has, to be shown first; one whose app is away can be kept with its parameters."""
        chosen = Chosen(name=name, parameters=parameters) if name else None
        self.widget.absent = None if name in registry.conditions else chosen
        return chosen

    def clean(self, value: Posted) -> Any:
        if not value.name:
            if self.required:
                raise ValidationError(self.error_messages["required"], code="required")
            return None
        condition = registry.conditions.get(value.name)
        if condition is None or value.form is None:
            absent: Chosen | None = self.widget.absent
            if absent is None or value.name != absent.name:
                raise ValidationError(_("There is no such condition."))
            return absent
        return Chosen(name=value.name, parameters=_read(condition, value.form))

    def has_changed(self, initial: Any, data: Any) -> bool:
        if data is None or not data.name:
            return bool(initial)
        if not initial or initial.name != data.name:
            return True
        condition = registry.conditions.get(data.name)
        if condition is None or data.form is None:
            return False
        try:
            return _read(condition, data.form) != dict(initial.parameters)
        except ValidationError:
            return True


def _read(condition: Condition, form: forms.Form) -> dict[str, Any]:
    """Return the parameters to store. Raises ValidationError; what a question finds wrong stands beside it."""
    if not form.is_valid():
        raise ValidationError(_("Please look at what is asked below."))
    try:
        return condition.clean(form.cleaned_data)
    except ValidationError as error:
        raise ValidationError(error.messages) from error
