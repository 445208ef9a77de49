"""The form of a gift plan: its own columns, and those of the version in force."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from babel.numbers import list_currencies
from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.admin.money_fields import minor
from campaigns.models import Offer
from loyalty.admin import moment_labels
from loyalty.models import GiftPlan, GiftVersion
from loyalty.models.gift import Gives
from loyalty.services import gift_plans
from loyalty.services.gift_plans import Promise
from retention.money import to_decimal


class GiftForm(forms.ModelForm):
    on = forms.BooleanField(
        label=gettext_lazy("on"),
        required=False,
        initial=True,
        help_text=gettext_lazy("Off: orders placed from then on do not count. Gifts that were given stay."),
    )
    every = forms.IntegerField(
        label=gettext_lazy("a gift every so many orders"), min_value=1, max_value=1000, initial=5
    )
    gives = forms.ChoiceField(label=gettext_lazy("what it is"), choices=Gives.choices)
    offer = forms.ModelChoiceField(
        label=gettext_lazy("offer"),
        queryset=Offer.objects.filter(active=True).order_by("name", "pk"),
        required=False,
        help_text=gettext_lazy("For a coupon: a free product, or any other offer."),
    )
    points = forms.IntegerField(
        label=gettext_lazy("points"), min_value=1, max_value=1_000_000, required=False,
        help_text=gettext_lazy("Only where it gives points."),
    )  # fmt: skip
    thing = forms.CharField(
        label=gettext_lazy("what staff put into the parcel"), max_length=150, required=False,
        help_text=gettext_lazy("For a task: what somebody has to do. Shoppers see it, but for a surprise."),
    )  # fmt: skip
    minimums = forms.CharField(
        label=gettext_lazy("an order counts from goods for"), max_length=200, required=False,
        help_text=gettext_lazy("E.g. “20 EUR, 25 USD”; other currencies do not count then. Empty: every order counts."),
    )  # fmt: skip
    begins = forms.SplitDateTimeField(
        label=gettext_lazy("begins"), required=False, widget=AdminSplitDateTime(),
        help_text=gettext_lazy("Orders placed from then on count. Empty: from now on."),
    )  # fmt: skip

    class Meta:
        model = GiftPlan
        fields = ("name", "surprise", "count_before")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        moment_labels.name(self, "begins")
        # the one that has no end; of a plan that is off, what was said last
        last = (F("ends_at").desc(nulls_first=True), "-starts_at", "-pk")
        version = GiftVersion.objects.filter(plan=self.instance.pk).order_by(*last).first()
        if self.instance.pk and version is not None:
            self.initial = {
                **self.initial,
                "on": version.ends_at is None,
                "every": version.every,
                "gives": version.gives,
                "offer": version.offer_id,
                "points": version.points,
                "thing": version.thing,
                "minimums": ", ".join(
                    f"{to_decimal(row.minimum_minor, row.currency)} {row.currency}"
                    for row in version.minimums.order_by("currency")
                ),
            }
            if version.offer_id:
                # one that is off may stay chosen; that nobody would get a coupon of it is said below
                kept = Offer.objects.filter(pk=version.offer_id) | Offer.objects.filter(active=True)
                self.fields["offer"].queryset = kept.order_by("name", "pk")  # type: ignore[attr-defined]

    def clean_minimums(self) -> dict[str, int]:
        """Return currency → minor units."""
        found: dict[str, int] = {}
        for part in filter(None, (one.strip() for one in self.cleaned_data["minimums"].split(","))):
            amount, _space, currency = part.rpartition(" ")
            currency = currency.upper()
            try:
                value = Decimal(amount)
            except InvalidOperation:
                value = Decimal(-1)
            if value < 0 or not value.is_finite() or value > 10**9 or currency not in list_currencies():
                raise ValidationError(_("“%(part)s” cannot be read. Write e.g. 20 EUR.") % {"part": part})
            if currency in found:
                raise ValidationError(_("%(currency)s stands there twice.") % {"currency": currency})
            found[currency] = minor(value, currency)
        return found

    def clean_begins(self) -> datetime | None:
        begins: datetime | None = self.cleaned_data["begins"]
        if begins is not None and begins < timezone.now():
            raise ValidationError(_("Give a time to come. Orders of before can count by the box for them."))
        return begins

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        gives = data.get("gives")
        for name, kind, missing in (
            ("offer", Gives.COUPON, _("Say of which offer the coupon is.")),
            ("points", Gives.POINTS, _("Say how many points.")),
            ("thing", Gives.TASK, _("Say what goes into the parcel.")),
        ):
            if gives != kind:
                data[name] = "" if name == "thing" else None
            elif not data.get(name) and name not in self.errors:
                self.add_error(name, missing)
        if data.get("offer") and data.get("on"):
            try:
                gift_plans.check_offer(data["offer"], at=timezone.now())
            except gift_plans.OfferClosed:
                self.add_error("offer", _("This offer is off, over, or for first orders: nobody would get its coupon."))
        return data

    def said(self) -> Promise:
        """Return what was filled in."""
        data = self.cleaned_data
        return Promise(
            every=data["every"], gives=data["gives"], offer=data["offer"], points=data["points"],
            thing=data["thing"], minimums=data["minimums"],
        )  # fmt: skip
