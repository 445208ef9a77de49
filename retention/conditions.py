"""Conditions on who somebody is; those on what somebody bought are beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from retention import places, purchase_conditions, registry, same_person
from retention.models import Consent, Order, Suppression
from retention.models.consent import Purpose
from retention.registry import Condition, Words


class HasAccount(Condition):
    name = "retention.member"
    label = gettext_lazy("has an account")

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        return same_person.any_row(Q(user__isnull=False))

    def reason(self, parameters: Mapping[str, Any]) -> Words:
        return _("There is no account.")

    def words(self, parameters: Mapping[str, Any]) -> str:
        return _("has an account")

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        return _("has no account")


class IsGuest(Condition):
    name = "retention.guest"
    label = gettext_lazy("has no account")

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        return ~MEMBER.where({}, at=at)

    def reason(self, parameters: Mapping[str, Any]) -> Words:
        return _("There is an account.")

    def words(self, parameters: Mapping[str, Any]) -> str:
        return MEMBER.opposite({})

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        return MEMBER.words({})

    def newcomer(self, parameters: Mapping[str, Any], *, at: datetime) -> bool:
        return True


class LanguageForm(forms.Form):
    language = forms.ChoiceField(label=gettext_lazy("language"), choices=lambda: settings.LANGUAGES)


class Language(Condition):
    """Of one of the person's rows; "en" means British English too."""

    name = "retention.language"
    label = gettext_lazy("reads a language")
    form = LanguageForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        code = self.read(parameters)["language"]
        return same_person.any_row(Q(language__iexact=code) | Q(language__istartswith=f"{code}-"))

    def words(self, parameters: Mapping[str, Any]) -> str:
        return _("reads %(language)s") % {"language": self._language(parameters)}

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        return _("does not read %(language)s") % {"language": self._language(parameters)}

    @staticmethod
    def _language(parameters: Mapping[str, Any]) -> str:
        code = str(parameters.get("language", "?"))
        return _(str(dict(settings.LANGUAGES).get(code, code)))


class CountryForm(forms.Form):
    country = forms.ChoiceField(label=gettext_lazy("country"), choices=places.countries)


class Country(Condition):
    """Known of one of the person's rows, or of an order; the shop tells us a member's country by orders alone."""

    name = "retention.country"
    label = gettext_lazy("is from a country")
    form = CountryForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        here = Q(country=self.read(parameters)["country"])
        return same_person.any_row(here) | same_person.any_of(Order.objects.filter(here))

    def words(self, parameters: Mapping[str, Any]) -> str:
        return _("is from %(country)s") % {"country": places.country(str(parameters.get("country", "?")))}

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        return _("is not from %(country)s") % {"country": places.country(str(parameters.get("country", "?")))}


class FirstSeenForm(forms.Form):
    when = forms.ChoiceField(
        label=gettext_lazy("when"),
        choices=[("since", gettext_lazy("in the last so many days")), ("before", gettext_lazy("longer ago than that"))],
    )
    days = forms.IntegerField(label=gettext_lazy("days"), min_value=1, max_value=36_500)


class FirstSeen(Condition):
    name = "retention.first_seen"
    label = gettext_lazy("came for the first time")
    form = FirstSeenForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        given = self.read(parameters)
        before = same_person.any_row(Q(created_at__lt=at - timedelta(days=given["days"])))
        return before if given["when"] == "before" else ~before

    def words(self, parameters: Mapping[str, Any]) -> str:
        return self._say(parameters, before=parameters.get("when") == "before")

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        return self._say(parameters, before=parameters.get("when") != "before")

    def newcomer(self, parameters: Mapping[str, Any], *, at: datetime) -> bool:
        return parameters.get("when") == "since"

    @staticmethod
    def _say(parameters: Mapping[str, Any], *, before: bool) -> str:
        days = parameters.get("days", "?")
        count = days if isinstance(days, int) else 2
        if before:
            said = ngettext("came first more than %(n)s day ago", "came first more than %(n)s days ago", count)
        else:
            said = ngettext("came first in the last %(n)s day", "came first in the last %(n)s days", count)
        return said % {"n": days}


class MayGetMarketing(Condition):
    """As delivery means it: a yes, no later no of the same address, and no suppression."""

    name = "retention.marketing"
    label = gettext_lazy("may get marketing mail")

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        answers = Consent.objects.filter(purpose=Purpose.MARKETING, channel="email")
        later_no = answers.filter(
            granted=False,
            customer__address=OuterRef("customer__address"),
            changed_at__gte=OuterRef("changed_at"),
        )
        yes = answers.filter(
            ~Exists(later_no), granted=True, customer__address=OuterRef("address"), customer__erased_at=None
        )
        stops = Suppression.objects.filter(
            address_hash=OuterRef("address_hash"), scope__in=[Suppression.Scope.ALL, Suppression.Scope.MARKETING]
        )
        # an address without its hash cannot be looked up, so it counts as suppressed; who has none gets no mail
        return ~Q(address="") & ~Q(address_hash="") & Q(Exists(yes)) & ~Q(Exists(stops))

    def reason(self, parameters: Mapping[str, Any]) -> Words:
        return _("May not get marketing mail.")

    def words(self, parameters: Mapping[str, Any]) -> str:
        return _("may get marketing mail")

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        return _("may not get marketing mail")


MEMBER, GUEST, LANGUAGE, COUNTRY = HasAccount(), IsGuest(), Language(), Country()
FIRST_SEEN, MARKETING = FirstSeen(), MayGetMarketing()


def load() -> None:
    """Register the ground's conditions."""
    for condition in (MEMBER, GUEST, LANGUAGE, COUNTRY, FIRST_SEEN, MARKETING, *purchase_conditions.ALL):
        registry.conditions.add(condition.name, condition)
