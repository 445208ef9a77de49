"""Points for actions: what is worth how much, and what waits for somebody's yes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty import deeds, earning_words, queries
from loyalty.admin.confirming import ConfirmedAdmin
from loyalty.admin.rules import InForce
from loyalty.models import ActionAward, ActionRule, Programme
from loyalty.services import actions
from retention.admin.base import ReadOnlyAdmin


def _deeds() -> list[tuple[str, Any]]:
    return [(deed.name, deed.label) for deed in deeds.deeds]


class ActionRuleForm(forms.ModelForm):
    """What an action is worth from now on."""

    action = forms.ChoiceField(label=gettext_lazy("Somebody"), choices=_deeds)

    class Meta:
        model = ActionRule
        fields = ("programme", "action", "points", "often", "approval")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            del self.fields["action"]
        elif "programme" in self.fields:
            self.initial.setdefault("programme", Programme.objects.filter(active=True).first())

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        deed = deeds.deeds.get(data.get("action", self.instance.action))
        if deed and data.get("often") and data["often"] not in deed.often:
            known = ", ".join(str(choice.label) for choice in deed.often)
            self.add_error("often", _("This can be worth points so often: %(known)s.") % {"known": known})
        return data

    def validate_constraints(self) -> None:
        """A second rule for an action is no mistake here: it supersedes the first."""


@admin.register(ActionRule)
class ActionRuleAdmin(ConfirmedAdmin):
    form = ActionRuleForm
    list_display = ("what", "points", "often", "approval", "programme", "starts_at", "superseded_at")
    list_filter = (InForce, "programme")
    list_select_related = ("programme",)
    ordering = ("-pk",)
    readonly_fields = ("does",)
    actions = ("end",)

    def get_fields(self, request: HttpRequest, obj: ActionRule | None = None) -> Any:
        return ("programme", "what" if obj else "action", "points", "often", "approval", "does")

    def get_readonly_fields(self, request: HttpRequest, obj: ActionRule | None = None) -> Any:
        return ("programme", "what", "does") if obj else ("does",)

    def has_change_permission(self, request: HttpRequest, obj: ActionRule | None = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or obj.superseded_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("somebody"))
    def what(self, rule: ActionRule) -> str:
        deed = deeds.deeds.get(rule.action)
        return str(deed.label) if deed else rule.action

    @admin.display(description=gettext_lazy("what it does"))
    def does(self, rule: ActionRule) -> str:
        if rule.pk is None:
            return _("Shown before it is saved.")
        return format_html_join("", "<p>{}</p>", ((sentence,) for sentence in self.consequences(rule)))

    def consequences(self, saved: ActionRule) -> Iterable[str]:
        if promise := earning_words.of_action(saved, queries.worth_rates()):
            yield _("Shoppers read: “%(promise)s.”") % {"promise": promise}
        before = ActionRule.objects.filter(programme=saved.programme, action=saved.action).exclude(pk=saved.pk)
        if (last := before.order_by("-pk").first()) and last.superseded_at == saved.starts_at:
            yield _("Until now it was worth %(points)s points; who got those keeps them.") % {"points": last.points}
        yield _("Guests hold no points: what they do waits for their account.")
        yield from earning_words.of_caps(saved.programme)
        if not saved.programme.active:
            yield _("Its programme is not active: nothing earns by it.")

    def save_model(self, request: HttpRequest, obj: ActionRule, form: Any, change: bool) -> None:
        """Save through the service: what is there already is superseded, never edited."""
        saved = actions.set_rule(
            obj.programme,
            action=obj.action,
            points=obj.points,
            often=obj.often,
            approval=obj.approval,
            at=timezone.now(),
        )
        vars(obj).update(vars(saved))
        vars(request)["_loyalty_saved"] = obj

    @admin.action(description=gettext_lazy("End these now"), permissions=["change"])
    def end(self, request: HttpRequest, rows: QuerySet[ActionRule]) -> None:
        ended = actions.end(rows, at=timezone.now())
        text = ngettext(
            "%(n)s action is worth nothing from now on.", "%(n)s actions are worth nothing from now on.", ended
        )
        messages.success(request, text % {"n": ended})


class ReasonForm(ActionForm):
    reason = forms.CharField(
        label=gettext_lazy("Reason, for a no"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


@admin.register(ActionAward)
class ActionAwardAdmin(ReadOnlyAdmin):
    list_display = ("at", "what", "whose", "subject", "state", "points", "stopped", "decided_by")
    list_filter = ("state", "rule__action")
    list_select_related = ("rule", "customer")
    search_fields = ("=customer__id", "=subject")
    date_hierarchy = "at"
    ordering = ("-pk",)
    fields = (
        "whose", "what", "subject", "at", "state", "points", "stopped", "came_of_it", "decided_by", "decided_at",
        "why_not",
    )  # fmt: skip
    readonly_fields = ("whose", "what", "came_of_it", "why_not")
    action_form = ReasonForm
    actions = ("approve", "decline")

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("retention_loyalty.approve_actions"))

    @admin.display(description=gettext_lazy("somebody"))
    def what(self, award: ActionAward) -> str:
        deed = deeds.deeds.get(award.rule.action)
        return str(deed.label) if deed else award.rule.action

    @admin.display(description=gettext_lazy("customer"))
    def whose(self, award: ActionAward) -> str:
        url = reverse("admin:retention_customer_change", args=[award.customer_id])
        return format_html('<a href="{}">{}</a>', url, award.customer)

    @admin.display(description=gettext_lazy("reason"))
    def why_not(self, award: ActionAward) -> str:
        return _(award.reason) if award.reason == actions.OUT else award.reason

    @admin.display(description=gettext_lazy("entry"))
    def came_of_it(self, award: ActionAward) -> str:
        if award.entry_id is None:
            return "–"
        url = reverse("admin:retention_loyalty_entry_change", args=[award.entry_id])
        return format_html('<a href="{}">{}</a>', url, award.entry)

    @admin.action(description=gettext_lazy("Approve: give the points"), permissions=["approve"])
    def approve(self, request: HttpRequest, rows: QuerySet[ActionAward]) -> None:
        given = actions.approve(rows, by=request.user.get_username(), at=timezone.now())
        text = ngettext("%(n)s person’s action was given its points.", "%(n)s actions were given their points.", given)
        messages.success(request, text % {"n": given})

    @admin.action(description=gettext_lazy("Decline: give none"), permissions=["approve"])
    def decline(self, request: HttpRequest, rows: QuerySet[ActionAward]) -> None:
        reason = request.POST.get("reason", "").strip()
        if not reason:
            messages.error(request, _("Say why not, in the field beside the button; the customer can ask for it."))
            return
        declined = actions.decline(rows, by=request.user.get_username(), reason=reason, at=timezone.now())
        text = ngettext("%(n)s action was declined.", "%(n)s actions were declined.", declined)
        messages.success(request, text % {"n": declined})
