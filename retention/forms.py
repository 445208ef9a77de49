"""What shoppers fill in: one question a form."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _


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
