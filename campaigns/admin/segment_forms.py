"""Forms of a segment: rules that fit together, and a file for a list."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from campaigns import address_file
from campaigns.admin.condition_forms import ConditionForm, ConditionFormSet
from campaigns.models import Segment
from campaigns.services import segment_book

MOST_BYTES = 20 * 1024 * 1024


class RuleForm(ConditionForm):
    negated = forms.BooleanField(
        label=_("not"), required=False, widget=forms.CheckboxInput(attrs={"aria-label": _("not")})
    )


class RuleFormSet(ConditionFormSet):
    def clean(self) -> None:
        super().clean()
        if any(self.errors) or not self.instance.slug:
            return
        kept = [row for row in self.forms if row.cleaned_data.get("condition") and not row.cleaned_data.get("DELETE")]
        definition = segment_book.Definition(
            pk=self.instance.pk,
            slug=self.instance.slug,
            name=self.instance.name,
            kind=self.instance.kind,
            match=self.instance.match,
            rules=tuple(
                segment_book.Rule(
                    name=row.instance.name,
                    parameters=row.instance.parameters,
                    negated=row.cleaned_data["negated"],
                )
                for row in kept
            ),
        )
        if definition.kind == Segment.Kind.LIST:
            if kept:
                raise ValidationError(_("A list has no rules: choose the other kind, or take the rules out."))
            return
        if not kept:
            raise ValidationError(_("Add a rule: without one it means nobody."))
        try:
            segment_book.check(definition)
        except (segment_book.InACircle, segment_book.TooLarge) as error:
            raise ValidationError(str(error)) from error


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("CSV file"),
        required=False,
        help_text=_(
            "One e-mail address a line, or a column called “customer” with our numbers; with commas or semicolons, "
            "in UTF-8."
        ),
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
    )
    pasted = forms.CharField(
        label=_("Or addresses pasted in"), required=False, widget=forms.Textarea(attrs={"rows": 4, "cols": 60})
    )
    only = forms.BooleanField(
        label=_("take everybody off the list who is not in the file"),
        required=False,
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file and file.size > MOST_BYTES:
            raise ValidationError(
                _("The file is larger than %(most)s: split it, and upload one part after the other.")
                % {"most": filesizeformat(MOST_BYTES)}
            )
        return file

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        file, pasted = data["file"], data["pasted"].strip()
        if bool(file) == bool(pasted):
            raise ValidationError(_("Choose a file, or paste addresses."))
        try:
            data["reading"] = address_file.read(file.read() if file else pasted.encode())
        except address_file.NotReadable as error:
            self.add_error("file" if file else "pasted", str(error))
        return data
