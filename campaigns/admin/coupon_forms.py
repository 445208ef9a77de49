"""Forms of the pages about codes: in bulk, shared, a new last day, and why one was refused."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any

from babel.numbers import list_currencies
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from campaigns.models import Offer
from campaigns.services import batches, offers
from retention import counts, enumeration, typed
from retention.admin.base import widget
from retention.models import Customer, Order

MOST_SHARED = 10_000_000


TEXT = widget("UnfoldAdminTextInputWidget", forms.TextInput)
NUMBER = widget("UnfoldAdminIntegerFieldWidget", forms.NumberInput)
AMOUNT = widget("UnfoldAdminDecimalFieldWidget", forms.NumberInput)
CHOICE = widget("UnfoldAdminSelectWidget", forms.Select)


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self, attrs: Any = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class OnceForm(forms.Form):
    """A form that does its work once, however often it is sent."""

    once = forms.CharField(widget=forms.HiddenInput, max_length=40, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["once"].initial = secrets.token_urlsafe(12)

    def clean_once(self) -> str:
        return str(self.cleaned_data["once"]) or secrets.token_urlsafe(12)


class CurrencyField(forms.CharField):
    """One of an offer's; empty: the offer's only one, or its first."""

    def __init__(self, **given: Any) -> None:
        super().__init__(
            label=gettext_lazy("currency"),
            required=False,
            max_length=3,
            widget=TEXT(attrs={"size": 4, "autocapitalize": "characters", "spellcheck": "false"}),
            help_text=gettext_lazy("Where the offer has several: for which these are. Empty: its first."),
            **given,
        )

    def clean(self, value: Any) -> str:
        return str(super().clean(value)).upper()


def check_currency(offer: Offer, currency: str) -> None:
    """Raise ValidationError for a currency that an offer says nothing in."""
    allowed = [money.currency for money in offers.current(offer).terms.money]
    if currency and currency not in allowed:
        raise ValidationError(
            _("The offer has: %(currencies)s.") % {"currencies": enumeration.listed(allowed)}
            if allowed
            else _("The offer is good in every currency: leave this empty.")
        )


class BatchForm(OnceForm):
    offer = forms.ModelChoiceField(
        Offer.objects.none(),
        widget=CHOICE,
        label=gettext_lazy("offer"),
        help_text=gettext_lazy("Offers that are switched on."),
    )
    name = forms.CharField(
        label=gettext_lazy("what for"),
        widget=TEXT,
        max_length=100,
        help_text=gettext_lazy("For you: e.g. “leaflet in parcels, spring”."),
    )
    count = forms.IntegerField(
        label=gettext_lazy("how many"),
        widget=NUMBER,
        min_value=1,
        max_value=batches.MOST,
        initial=10_000,
        help_text=ngettext_lazy("Up to %(n)s.", "Up to %(n)s.", batches.MOST) % {"n": counts.show(batches.MOST)},
    )
    code_prefix = forms.CharField(
        label=gettext_lazy("prefix of codes"),
        widget=TEXT,
        max_length=12,
        required=False,
        validators=[RegexValidator(r"^[A-Za-z0-9]*$", gettext_lazy("Letters from A to Z and digits only."))],
        help_text=gettext_lazy("Stands before each code. Empty: the offer's."),
    )
    currency = CurrencyField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["offer"]
        field.queryset = Offer.objects.filter(active=True).order_by("name")

    def clean_code_prefix(self) -> str:
        return str(self.cleaned_data["code_prefix"]).upper()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("offer"):
            try:
                check_currency(data["offer"], data.get("currency", ""))
            except ValidationError as error:
                self.add_error("currency", error)
        return data


class ShareForm(OnceForm):
    code = forms.CharField(
        label=gettext_lazy("code"),
        widget=TEXT,
        max_length=typed.LONGEST,
        help_text=gettext_lazy("A word that people remember, with some digits. Letter case and spaces do not matter."),
    )
    cap = forms.IntegerField(
        label=gettext_lazy("uses in all"),
        widget=NUMBER,
        min_value=1,
        max_value=MOST_SHARED,
        help_text=gettext_lazy("After so many uses, of all people together, it ends."),
    )
    starts_on = forms.DateField(
        label=gettext_lazy("good from"), required=False, widget=DayInput, help_text=gettext_lazy("Empty: at once.")
    )
    ends_on = forms.DateField(
        label=gettext_lazy("good until"),
        required=False,
        widget=DayInput,
        help_text=gettext_lazy("The last day. Empty: as the offer says."),
    )
    currency = forms.ChoiceField(
        label=gettext_lazy("currency"), widget=CHOICE, help_text=gettext_lazy("The code is good in this one only.")
    )

    def __init__(self, *args: Any, offer: Offer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        currencies = [money.currency for money in offer.money.order_by("pk")]
        if len(currencies) < 2:
            del self.fields["currency"]
        else:
            field: Any = self.fields["currency"]
            field.choices = [(currency, currency) for currency in currencies]


class UntilForm(forms.Form):
    until = forms.DateField(
        label=gettext_lazy("new last day"), widget=DayInput, help_text=gettext_lazy("They are good to the end of it.")
    )


class WhyForm(forms.Form):
    """What a shopper says when a code did not work. ``may_see``: whether staff may look addresses up."""

    code = forms.CharField(
        label=gettext_lazy("code"),
        widget=TEXT,
        max_length=typed.LONGEST,
        help_text=gettext_lazy("As the shopper typed it."),
    )
    who = forms.CharField(
        label=gettext_lazy("who shops"),
        widget=TEXT,
        required=False,
        max_length=254,
        help_text=gettext_lazy("An order number, an e-mail address, or # and the customer's number, e.g. #7."),
    )
    worth = forms.DecimalField(
        label=gettext_lazy("worth of the basket"),
        widget=AMOUNT(attrs={"step": "any"}),
        required=False,
        min_value=Decimal(0),
        max_digits=14,
        decimal_places=3,
        help_text=gettext_lazy("Before discounts."),
    )
    currency = forms.CharField(
        label=gettext_lazy("currency"),
        widget=TEXT,
        required=False,
        max_length=3,
        help_text=gettext_lazy("Empty: the coupon's."),
    )
    products = forms.CharField(
        label=gettext_lazy("products in it"),
        widget=TEXT,
        required=False,
        max_length=500,
        help_text=gettext_lazy("Their references in the shop, with commas between them."),
    )
    others = forms.CharField(
        label=gettext_lazy("other codes in it"),
        widget=TEXT,
        required=False,
        max_length=500,
        help_text=gettext_lazy("With commas between them."),
    )

    def __init__(self, *args: Any, may_see: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.may_see = may_see
        if not may_see:
            self.fields["who"].help_text = _("An order number, or # and the customer's number, e.g. #7.")

    def clean_currency(self) -> str:
        currency = str(self.cleaned_data["currency"]).upper()
        if currency and currency not in list_currencies():
            raise ValidationError(_("There is no such currency."))
        return currency

    def clean_who(self) -> Customer | None:
        """Return the customer who is meant; None where nobody was named."""
        said = str(self.cleaned_data["who"]).strip()
        if not said:
            return None
        found = self._by_number(said) if "@" not in said else self._by_address(said)
        if found is None:
            raise ValidationError(_("Nobody is known by that. Look again, or leave it empty."))
        return found.absorbed_into or found

    def _by_number(self, said: str) -> Customer | None:
        people = Customer.objects.select_related("absorbed_into")
        if said.startswith("#"):
            number = said[1:].strip()
            return people.filter(pk=number).first() if number.isdecimal() and len(number) < 19 else None
        order = Order.objects.filter(number=said).order_by("-placed_at").first()
        return people.get(pk=order.customer_id) if order else None

    def _by_address(self, said: str) -> Customer | None:
        if not self.may_see:
            raise ValidationError(_("You may not look customers up by their address. An order number does."))
        # of several with one address, the one with an account
        people = Customer.objects.at_address(said).select_related("absorbed_into")
        return people.order_by(F("user").asc(nulls_last=True), "pk").first()


def split(text: str) -> list[str]:
    """Return what stands between commas."""
    return [part for part in (one.strip() for one in text.replace("\n", ",").split(",")) if part]
