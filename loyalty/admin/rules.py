"""Earning rules: said in words before they are saved; a changed one gets a successor."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.admin.condition_field import ConditionField
from loyalty import queries, rule_words
from loyalty.admin.confirming import ConfirmedAdmin
from loyalty.models import EarningRule, Programme, Rate
from loyalty.services import rules

When, Effect, Scope = EarningRule.When, EarningRule.Effect, EarningRule.Goods


class References(forms.CharField):
    """Names of goods, one a line or with commas between them; cleans to a list without doubles."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 40})

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        found = [part.strip().strip("/") for part in re.split(r"[\n,]", value or "")]
        return list(dict.fromkeys(part for part in found if part))

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != self.to_python(data))


class RuleForm(forms.ModelForm):
    """What a rule says from now on."""

    products = References(
        label=gettext_lazy("Products"),
        required=False,
        help_text=gettext_lazy("As the shop names them, one a line; in Oscar a product’s number."),
    )
    categories = References(
        label=gettext_lazy("Categories"),
        required=False,
        help_text=gettext_lazy("With those above them, e.g. clay/cups; what lies below is meant, too."),
    )
    asked = ConditionField(label=gettext_lazy("Condition"), required=False)

    class Meta:
        model = EarningRule
        fields = (
            "programme", "name", "effect", "times", "points", "goods", "products", "categories", "when", "nth", "tier",
            "placed_from", "placed_until",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rule = self.instance
        asked: Any = self.fields["asked"]
        self.initial["asked"] = asked.stored(rule.condition, rule.parameters)
        if rule.pk is None and "programme" in self.fields:
            self.initial.setdefault("programme", Programme.objects.filter(active=True).first())

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        self._clean_effect(data)
        self._clean_goods(data)
        self._clean_when(data)
        return data

    def _clean_effect(self, data: dict[str, Any]) -> None:
        effect = data.get("effect")
        if effect == Effect.TIMES:
            data["points"] = None
            if (data.get("times") or 0) <= 0 and "times" not in self.errors:
                self.add_error("times", _("Say how many times, above zero; for none at all choose “earn nothing”."))
        else:
            data["times"] = None
            if effect == Effect.NOTHING:
                data["points"] = None
            elif not data.get("points") and "points" not in self.errors:
                self.add_error("points", _("Say how many extra points, at least 1."))

    def _clean_goods(self, data: dict[str, Any]) -> None:
        if data.get("goods") == Scope.ALL:
            data["products"], data["categories"] = [], []
            if data.get("effect") == Effect.NOTHING:
                self.add_error("goods", _("Then no order would earn anything: name the goods that earn nothing."))
        elif not data.get("products") and not data.get("categories"):
            self.add_error("products", _("Name at least one product or category."))

    def _clean_when(self, data: dict[str, Any]) -> None:
        when = data.get("when")
        if when in (When.NTH, When.EVERY):
            if not data.get("nth") and "nth" not in self.errors:
                self.add_error("nth", _("Say which order it is, counted from 1."))
        else:
            data["nth"] = None
        data["tier"] = (data.get("tier") or "").strip() if when == When.TIER else ""
        if when == When.TIER and data["tier"].casefold() not in queries.tier_names():
            self.add_error("tier", _("There is no such tier in the table that is in force."))
        chosen = data.get("asked") if when == When.CONDITION else None
        if when == When.CONDITION and chosen is None and "asked" not in self.errors:
            self.add_error("asked", _("Choose the condition."))
        self.instance.condition = chosen.name if chosen else ""
        self.instance.parameters = dict(chosen.parameters) if chosen else {}

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # the stubs leave it out
        if self.errors:
            return
        rule = self.instance
        others = EarningRule.objects.of(rule.programme).current().exclude(pk=rule.pk)
        for other in others:
            if rules.contradict(rule, other):
                self.add_error(None, contradiction(other))


def contradiction(other: EarningRule) -> ValidationError:
    """Return the sentence about a rule of which one could never count."""
    return ValidationError(
        _(
            "“%(name)s” says something else of the same goods and orders at the same time, so that one of the two "
            "could never count. Change or end that one first."
        )
        % {"name": other.name}
    )


class InForce(admin.SimpleListFilter):
    title = gettext_lazy("in force")
    parameter_name = "force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", _("also earlier versions"))]

    def choices(self, changelist: Any) -> Iterator[Any]:
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": _("only what is in force"),
        }
        yield from list(super().choices(changelist))[1:]

    def queryset(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows if self.value() == "all" else rows.filter(superseded_at=None)


@admin.register(EarningRule)
class EarningRuleAdmin(ConfirmedAdmin):
    form = RuleForm
    list_display = ("name", "what", "programme", "starts_at", "superseded_at")
    list_filter = (InForce, "effect", "programme")
    list_select_related = ("programme",)
    search_fields = ("name",)
    ordering = ("-pk",)
    actions = ("end",)
    fieldsets = (
        (None, {"fields": ("programme", "name", "effect", "times", "points")}),
        (gettext_lazy("For which goods"), {"fields": ("goods", "products", "categories")}),
        (
            gettext_lazy("For which orders"),
            {"fields": ("when", "nth", "tier", "asked", "placed_from", "placed_until")},
        ),
        (None, {"fields": ("does",)}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: EarningRule | None = None) -> Any:
        return ("programme", "does") if obj else ("does",)

    def has_change_permission(self, request: HttpRequest, obj: EarningRule | None = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or obj.superseded_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("what it does"))
    def what(self, rule: EarningRule) -> str:
        return rule_words.of_rule(rule, {}, staff=True, called={})  # the list asks nothing for each row

    @admin.display(description=gettext_lazy("what it does"))
    def does(self, rule: EarningRule) -> str:
        if rule.pk is None:
            return _("Shown before it is saved.")
        return format_html_join("", "<p>{}</p>", ((sentence,) for sentence in self.consequences(rule)))

    def consequences(self, saved: EarningRule) -> Iterable[str]:
        rates = list(Rate.objects.current().filter(programme=saved.programme).order_by("pk"))
        known = rule_words.titles([saved])
        yield rule_words.of_rule(saved, known, staff=True) + "."
        for rate in rates:
            yield rule_words.example(saved, rate, known)
        others = EarningRule.objects.of(saved.programme).current().order_by("pk")
        yield from rule_words.together(saved, others, rates)
        if not saved.programme.active:
            yield _("Its programme is not active: nothing earns by it.")
        yield _("It holds for orders placed from now on. Orders that have been awarded keep what they were awarded.")

    def save_model(self, request: HttpRequest, obj: EarningRule, form: Any, change: bool) -> None:
        """Save through the service: what is there already is superseded, never edited."""
        said = {field: getattr(obj, field) for field in rules.SAID}
        replaces = EarningRule.objects.get(pk=obj.pk) if change else None
        saved = rules.set_rule(obj.programme, at=timezone.now(), replaces=replaces, **said)
        vars(obj).update(vars(saved))
        vars(request)["_loyalty_saved"] = obj

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except rules.ChangedMeanwhile:
            messages.error(request, _("Somebody else has changed or ended this rule meanwhile. Look at it again."))
        except rules.Contradiction as found:
            messages.error(request, " ".join(contradiction(found.other).messages))
        return redirect("admin:retention_loyalty_earningrule_changelist")

    @admin.action(description=gettext_lazy("End these rules now"), permissions=["change"])
    def end(self, request: HttpRequest, rows: QuerySet[EarningRule]) -> None:
        ended = rules.end(rows, at=timezone.now())
        text = ngettext(
            "%(n)s rule has ended. Orders placed before keep it.",
            "%(n)s rules have ended. Orders placed before keep them.",
            ended,
        )
        messages.success(request, text % {"n": ended})
