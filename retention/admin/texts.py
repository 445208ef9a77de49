"""The merchant's own words for mails, in Liquid."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from retention import registry
from retention.admin.base import Admin
from retention.models import Text
from retention.services import samples, texts


class TextForm(forms.ModelForm):
    """A text is taken only when it can be written with the values that its mail declares."""

    class Meta:
        model = Text
        fields = ("mail", "language", "subject", "preheader", "html", "text")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["mail"] = forms.ChoiceField(
            label=_("Mail"), choices=[(mail.name, mail.label) for mail in registry.mails]
        )
        self.fields["language"] = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
        mail = registry.mails.get(self.initial.get("mail", ""))
        if mail:
            names = ", ".join(f"{{{{ {name} }}}}" for name in mail.values)
            self.fields["html"].help_text = _("Values: %(names)s") % {"names": names}

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        mail = registry.mails.get(data.get("mail", ""))
        if mail and {"subject", "html", "text", "language"} <= data.keys():
            own = Text(**{key: data[key] for key in self.Meta.fields})
            try:
                texts.render(mail, language=data["language"], values=samples.values(mail), own={data["language"]: own})
            except texts.CannotRender as error:
                raise ValidationError(str(error)) from error
        return data


@admin.register(Text)
class TextAdmin(Admin):
    form = TextForm
    list_display = ("mail", "language", "subject", "changed_at")
    list_filter = ("mail", "language")
    search_fields = ("subject", "html", "text")
    ordering = ("mail", "language")
