"""Rewards: what they cost and give, said before it is saved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.admin.condition_field import ConditionField
from loyalty import reward_words
from loyalty.admin.confirming import ConfirmedAdmin
from loyalty.models import Cause, Rate, Reward
from loyalty.services import rewards

KEPT = ("kind", "cost", "offer", "cause")
"""What a reward promises. Once somebody has claimed it, it keeps these."""


class RewardForm(forms.ModelForm):
    """A reward with the condition that it asks."""

    only_for = ConditionField(
        label=gettext_lazy("only for who"), required=False, help_text=gettext_lazy("Empty: for every member.")
    )
    replaces = forms.ModelChoiceField(Reward.objects.all(), required=False, widget=forms.HiddenInput)

    class Meta:
        model = Reward
        fields = (
            "name", "words", "kind", "cost", "offer", "cause", "valid_days", "stock", "per_person", "starts_at",
            "ends_at", "active", "position",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        only_for: Any = self.fields["only_for"]
        if (cause := self.fields.get("cause")) is not None:  # kept once it was claimed: then it is no field
            there: Any = cause
            there.queryset = Cause.objects.filter(Q(active=True) | Q(pk=self.instance.cause_id)).order_by("name")
        self.initial["only_for"] = only_for.stored(self.instance.condition, self.instance.parameters)

    def clean_stock(self) -> int | None:
        stock: int | None = self.cleaned_data["stock"]
        if stock is not None and stock < self.instance.taken:
            raise forms.ValidationError(_("More than that have been claimed already."))
        return stock

    def clean(self) -> dict[str, Any] | None:
        given = super().clean() or {}
        kind = given.get("kind", self.instance.kind)
        if kind not in (Reward.Kind.COUPON, Reward.Kind.POINTS) and given.get("offer") is not None:
            self.add_error("offer", _("Only a coupon, or points off the basket, is of an offer."))
        if kind != Reward.Kind.DONATION and given.get("cause") is not None:
            self.add_error("cause", _("Only a donation goes to a cause."))
        if "only_for" in given:
            chosen = given["only_for"]
            self.instance.condition = chosen.name if chosen else ""
            self.instance.parameters = dict(chosen.parameters) if chosen else {}
        return given


@admin.register(Reward)
class RewardAdmin(ConfirmedAdmin):
    form = RewardForm
    list_display = ("name", "kind", "cost", "active", "stock", "taken", "standing", "spent")
    list_filter = ("active", "kind")
    list_select_related = ("offer",)
    fields = (
        "name", "words", "kind", "cost", "offer", "cause", "valid_days", "stock", "per_person", "starts_at",
        "ends_at", "only_for", "active", "position", "replaces", "another", "claims", "does",
    )  # fmt: skip
    readonly_fields = ("another", "claims", "does")
    autocomplete_fields = ("offer",)
    search_fields = ("name", "words")
    ordering = ("-active", "position", "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reward]:
        rows = super().get_queryset(request)
        return rows.annotate(
            n_standing=Count("claims", filter=Q(claims__state="reserved")),
            n_spent=Count("claims", filter=Q(claims__state="committed")),
        )

    @admin.display(description=gettext_lazy("claimed, not used yet"))
    def standing(self, reward: Any) -> int:
        return int(reward.n_standing)

    @admin.display(description=gettext_lazy("used"))
    def spent(self, reward: Any) -> int:
        return int(reward.n_spent)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), *(KEPT if self._is_kept(obj) else ()))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not self._is_kept(obj) and bool(super().has_delete_permission(request, obj))

    @staticmethod
    def _is_kept(reward: Reward | None) -> bool:
        return reward is not None and rewards.has_been_claimed(reward)

    @admin.display(description=gettext_lazy("other terms"))
    def another(self, reward: Reward) -> str:
        if not self._is_kept(reward):
            return "–"
        like = {
            "replaces": reward.pk, "name": reward.name, "words": reward.words, "kind": reward.kind,
            "cost": reward.cost, "offer": reward.offer_id or "", "cause": reward.cause_id or "",
            "valid_days": reward.valid_days,
        }  # fmt: skip
        return format_html(
            '{} <a href="{}?{}">{}</a>',
            _("It has been claimed, so it keeps its terms."),
            reverse("admin:retention_loyalty_reward_add"),
            urlencode(like),
            _("Make another in its place"),
        )

    @admin.display(description=gettext_lazy("who has it"))
    def claims(self, reward: Reward) -> str:
        if reward.pk is None:
            return "–"
        url = reverse("admin:retention_loyalty_claim_changelist")
        return format_html('<a href="{}?reward__id__exact={}">{}</a>', url, reward.pk, _("claims of this reward"))

    @admin.display(description=gettext_lazy("what it gives"))
    def does(self, reward: Reward) -> str:
        if reward.pk is None:
            return _("Shown before it is saved.")
        return format_html_join("", "<p>{}</p>", ((sentence,) for sentence in self.consequences(reward)))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)
        old = form.cleaned_data.get("replaces")
        vars(obj)["_replaced"] = old
        if old is not None and not change:
            Reward.objects.filter(pk=old.pk).update(active=False)
        if obj.kind == Reward.Kind.POINTS:
            rewards.offer_of(obj, at=timezone.now())

    def consequences(self, saved: Reward) -> Iterable[str]:
        rates = list(Rate.objects.current().filter(programme__active=True).order_by("pk"))
        terms = reward_words.current_terms([saved]).get(saved.offer_id)
        yield from reward_words.promise(saved, terms=terms, rates=rates, at=timezone.now())
        old = vars(saved).get("_replaced")
        if old is not None:
            yield _("“%(name)s” is switched off; what was claimed of it stays good.") % {"name": old.name}
