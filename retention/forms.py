"""What shoppers fill in: one question a form."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.utils.dates import MONTHS
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from retention.models import Preference
from retention.services.profile import LEAP_YEAR
from retention.services.topics import Offered, offered


class PasswordForm(forms.Form):
    """One password, for an account whose address is known."""

    password = forms.CharField(
        label=_("Choose a password"),
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean_password(self) -> str:
        """Hold the password to the shop's own rules, as if the account existed."""
        password: str = self.cleaned_data["password"]
        user_model = get_user_model()
        validate_password(password, user_model(**{user_model.get_email_field_name(): self.email}))
        return password


class SignupForm(forms.Form):
    """An address, and a field that only machines fill in."""

    email = forms.EmailField(
        label=_("Your e-mail address"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    website = forms.CharField(required=False, widget=forms.TextInput(attrs={"tabindex": "-1", "autocomplete": "off"}))
    source = forms.SlugField(required=False, max_length=60, widget=forms.HiddenInput)
    topic = forms.SlugField(required=False, max_length=40, widget=forms.HiddenInput)


class PreferenceForm(forms.Form):
    """Which mail a person wants. Boxes stand as things stand; nothing is ticked for anybody."""

    marketing = forms.BooleanField(required=False)
    topics = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    survey = forms.BooleanField(required=False)
    every_days = forms.TypedChoiceField(
        label=_("How often at most?"),
        coerce=int,
        choices=[
            (Preference.Every.ANY, _("Whenever there is something")),
            (Preference.Every.WEEK, _("Once a week")),
            (Preference.Every.MONTH, _("Once a month")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose how often."), "invalid_choice": _("Please choose how often.")},
    )
    offered = forms.CharField(required=False, max_length=4000, widget=forms.HiddenInput)
    """The topics that stood on the page: of any other nothing was said."""
    language = forms.CharField(required=False, max_length=16, widget=forms.HiddenInput)
    """The language of the words on the page, for the evidence."""

    def __init__(self, *args: Any, topics: Sequence[Offered], texts: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["marketing"].label = texts["marketing"]
        self.fields["survey"].label = texts["survey"]
        self.fields["topics"].choices = [(topic.slug, topic.name) for topic in topics]  # type: ignore[attr-defined]
        # a topic that went away while the page was open is no mistake of who reads it
        self.fields["topics"].valid_value = lambda value: True  # type: ignore[attr-defined]
        self.fields["language"].initial = get_language()
        self.fields["offered"].initial = ",".join(topic.slug for topic in topics)

    def said_of_topics(self) -> dict[str, bool]:
        """Return slug → wanted, of the topics that were on the page."""
        shown = [slug for slug in self.cleaned_data["offered"].split(",") if slug]
        return {slug: slug in self.cleaned_data["topics"] for slug in shown}


class BirthdayForm(forms.Form):
    """A month and a day. The year is nobody's business."""

    month = forms.TypedChoiceField(
        label=_("Month"),
        coerce=int,
        choices=lambda: [("", "—"), *MONTHS.items()],
        error_messages={"required": _("Please choose a month."), "invalid_choice": _("Please choose a month.")},
    )
    day = forms.IntegerField(
        label=_("Day"),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "size": 3, "maxlength": 4}),
        error_messages={
            "required": _("Please write the day, a number like 7."),
            "invalid": _("Please write the day as a number, like 7."),
        },
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        month, day = data.get("month"), data.get("day")
        if month and day is not None and not 1 <= day <= monthrange(LEAP_YEAR, month)[1]:
            self.add_error(
                "day", _("%(month)s has no day %(day)s. Please look again.") % {"month": MONTHS[month], "day": day}
            )
        return data


class TopicsForm(forms.Form):
    """The topics that somebody likes; the others they do not get."""

    topics = forms.MultipleChoiceField(
        label=_("Topics"),
        widget=forms.CheckboxSelectMultiple,
        choices=lambda: [(topic.slug, topic.name) for topic in offered(get_language() or "")],
        error_messages={"required": _("Please tick at least one, or say “not now”.")},
    )
