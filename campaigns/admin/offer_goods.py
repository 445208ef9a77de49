"""Which products and categories an offer is only, or never, for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import goods_words
from campaigns.goods_words import Titles
from campaigns.models import OfferGoods
from campaigns.terms import Kind
from retention.admin.base import INLINE


class GoodsForm(forms.ModelForm):
    class Meta:
        model = OfferGoods
        fields = ("rule", "kind", "reference")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("kind") == OfferGoods.Kind.CATEGORY and "reference" in data:
            data["reference"] = data["reference"].strip("/")
        return data


class GoodsFormSet(forms.BaseInlineFormSet):
    """Asks the shop once for all products that are named."""

    def get_queryset(self) -> Any:
        fresh = not hasattr(self, "_queryset")
        rows = super().get_queryset()
        if fresh:
            titles = goods_words.titles_of({row.reference for row in rows if row.kind == OfferGoods.Kind.PRODUCT})
            for row in rows:
                row.title = _title(row.reference, titles)
        return rows

    def get_unique_error_message(self, unique_check: Sequence[str]) -> Any:
        return _("The same goods cannot be both in and out, nor named twice.")

    def clean(self) -> None:
        super().clean()
        kept = [form for form in self.forms if getattr(form, "cleaned_data", {}).get("reference")]
        kept = [form for form in kept if not form.cleaned_data.get("DELETE")]
        self._look_up(
            [form for form in kept if form.has_changed() and form.cleaned_data.get("kind") == OfferGoods.Kind.PRODUCT]
        )
        free = self.instance.kind == Kind.FREE_PRODUCT
        if free and not any(form.cleaned_data.get("rule") == OfferGoods.Rule.ONLY for form in kept):
            raise ValidationError(_("Say which products or categories are free: name them here, “only these”."))

    def _look_up(self, forms: list[Any]) -> None:
        titles = goods_words.titles_of({form.cleaned_data["reference"] for form in forms})
        for form in forms:
            reference = form.cleaned_data["reference"]
            form.instance.title = _title(reference, titles)
            if titles is not None and reference not in titles:
                form.add_error("reference", _("The shop has no product with this reference."))


def _title(reference: str, titles: Titles | None) -> str:
    return "" if titles is None else titles.get(reference) or gettext("not in the shop")


class GoodsInline(INLINE):
    model = OfferGoods
    form = GoodsForm
    formset = GoodsFormSet
    fields = ("rule", "kind", "reference", "title")
    readonly_fields = ("title",)
    extra = 1
    verbose_name = _("product or category")
    verbose_name_plural = _("Goods that it is only, or never, for")

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "reference":
            field.help_text = _(
                "As the shop names it. In Oscar: a product’s number, as in the address of its page in the dashboard; "
                "a category with those above it, e.g. clay/cups. What lies below a category is meant, too."
            )
        return field

    @admin.display(description=_("title"))
    def title(self, row: OfferGoods) -> str:
        return getattr(row, "title", "") if row.kind == OfferGoods.Kind.PRODUCT else ""
