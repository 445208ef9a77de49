"""What a shopper sends from the page of a survey."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.models import Survey

LONGEST = 2000


class AnswerForm(forms.Form):
    """A score, and a comment for who has something to say."""

    score = forms.TypedChoiceField(coerce=int, error_messages={"required": _("Please choose a number.")})
    comment = forms.CharField(
        label=_("Would you like to tell us why?"),
        required=False,
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def __init__(self, *args: Any, survey: Survey, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["score"]
        field.choices = [(score, str(score)) for score in survey.scale]
        field.error_messages["invalid_choice"] = _("Please choose one of these numbers.")
