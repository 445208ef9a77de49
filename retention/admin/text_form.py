"""The form of a text: taken only when it can be written for everybody, with each fault at its field."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from retention import registry
from retention.admin.base import widget
from retention.mail_parts import PRODUCTS
from retention.models import Text
from retention.services import proofreading, shipped
from retention.shop import get_shop

MOST_PRODUCTS = 12
WRITTEN = ("subject", "preheader", "html", "text")


class ProductsField(forms.Field):
    """References of the shop's goods, one a line or with commas between."""

    widget = widget("UnfoldAdminTextareaWidget", forms.Textarea)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else "\n".join(value or ())

    def to_python(self, value: Any) -> list[str]:
        given = value if isinstance(value, str) else "\n".join(value or ())
        return list(dict.fromkeys(one for one in re.split(r"[\s,;]+", given) if one))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.to_python(initial) != self.to_python(data)

    def validate(self, value: Sequence[str]) -> None:
        super().validate(value)
        if len(value) > MOST_PRODUCTS:
            raise ValidationError(_("A mail shows at most %(most)d goods.") % {"most": MOST_PRODUCTS})
        known = get_shop().get_products(value) if value else {}
        unknown = [one for one in value if one not in known]
        if unknown:
            words = ngettext(
                "The shop has no product %(named)s.", "The shop does not have these products: %(named)s.", len(unknown)
            )
            raise ValidationError(words % {"named": ", ".join(unknown)})


class TextForm(forms.ModelForm):
    """A text is taken only when it can be written with the values that its mail declares."""

    from_shipped = False
    """Begin with the shipped words in place of what is saved."""

    products = ProductsField(
        label=gettext_lazy("Goods"),
        required=False,
        help_text=gettext_lazy(
            "Numbers of products of your shop, one a line. “products_block” shows those that are in stock when the "
            "mail goes out."
        ),
    )

    class Meta:
        model = Text
        fields = ("mail", "language", *WRITTEN, "products")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "html" not in self.fields:  # for who may only look
            return
        mail = registry.mails.get(self.instance.mail or str(self.initial.get("mail", "")) or self.data.get("mail", ""))
        language = self.instance.language or str(self.initial.get("language", "")) or self.data.get("language", "")
        self.fields["mail"] = forms.ChoiceField(
            label=_("Mail"), choices=[(one.name, one.label) for one in registry.mails], widget=forms.HiddenInput
        )
        languages = dict(settings.LANGUAGES)
        if self.instance.language:  # the shop may have dropped it since
            languages.setdefault(self.instance.language, self.instance.language)
        self.fields["language"] = forms.ChoiceField(
            label=_("Language"), choices=list(languages.items()), widget=forms.HiddenInput
        )
        for name in WRITTEN:
            attrs = self.fields[name].widget.attrs
            attrs.update({"data-liquid": name, "dir": "auto", "spellcheck": "true"})
            if language:
                attrs["lang"] = language
        self.fields["html"].widget.attrs.update(rows=18)
        self.fields["text"].widget.attrs.update(rows=14)
        self.fields["products"].widget.attrs.update(rows=3)
        if mail is None or PRODUCTS.name not in mail.parts:
            del self.fields["products"]
        if mail and language and (self.from_shipped or self.instance.pk is None):
            words = shipped.words(mail, language)
            for name in WRITTEN:
                if self.from_shipped or not self.initial.get(name):
                    self.initial[name] = getattr(words, name)

    def clean_mail(self) -> str:
        """A text stays the text of its mail."""
        return self.instance.mail if self.instance.pk else str(self.cleaned_data["mail"])

    def clean_language(self) -> str:
        return self.instance.language if self.instance.pk else str(self.cleaned_data["language"])

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        mail = registry.mails.get(data.get("mail", ""))
        if mail and {"mail", "language", *WRITTEN} <= data.keys():
            for fault in proofreading.faults(mail, self.draft()):
                self.add_error(fault.part if fault.part in self.fields else None, str(fault))
        return data

    def draft(self) -> Text:
        """Return the text as it was cleaned, not saved; what is missing is empty."""
        data = self.cleaned_data
        given = {name: data.get(name) or "" for name in ("mail", "language", *WRITTEN)}
        return Text(**given, products=data.get("products") or [])
