"""Recovery cases: who needs looking after, by whom, until when, and what came of it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.admin import links
from campaigns.models import CaseNote, RecoveryCase
from campaigns.services import cases
from retention import moments
from retention.admin.base import Admin, ReadOnlyInline
from retention.models import Customer


class CaseForm(forms.ModelForm):
    """What staff decide; the services write it."""

    note = forms.CharField(
        label=gettext_lazy("New note"), required=False, widget=forms.Textarea(attrs={"rows": 3, "cols": 60})
    )

    class Meta:
        model = RecoveryCase
        fields = ("owner", "outcome", "leaving")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "owner" in self.fields:
            owner: Any = self.fields["owner"]
            owner.queryset = get_user_model()._default_manager.filter(is_staff=True, is_active=True)
            self.fields["outcome"].help_text = _("With an outcome the case is solved.")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("outcome") == RecoveryCase.Outcome.LEFT and not data.get("leaving"):
            self.add_error("leaving", _("Why did the customer leave? Choose the likeliest reason."))
        return data


class NoteInline(ReadOnlyInline):
    model = CaseNote
    fields = ("at", "author", "text")
    readonly_fields = fields
    ordering = ("at", "pk")


class LateFilter(admin.SimpleListFilter):
    title = gettext_lazy("time")
    parameter_name = "late"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("1", _("overdue"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.overdue(at=timezone.now()) if self.value() else queryset


@admin.register(RecoveryCase)
class RecoveryCaseAdmin(Admin):
    form = CaseForm
    list_display = ("__str__", "who", "priority", "state", "score", "owner", "due", "opened_at", "outcome")
    list_filter = ("state", LateFilter, "priority", "outcome", "leaving", "source")
    search_fields = ("order", "=customer__pk")
    date_hierarchy = "opened_at"
    ordering = (F("solved_at").asc(nulls_first=True), "-priority", "due_at")
    list_select_related = ("customer", "owner", "answer")
    readonly_fields = ("who", "order_link", "score", "comment", "state", "priority", "due", "opened_at", "solved_at")
    actions = ("take",)
    inlines = (NoteInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a low score opens one, or the button on the customer's page

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        solved = obj is not None and obj.state == RecoveryCase.State.SOLVED
        return (*self.readonly_fields, "owner", "outcome", "leaving") if solved else self.readonly_fields

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        written = ("comment",) if request.user.has_perm("retention_campaigns.view_comment") else ()
        note = ("note",) if self.has_change_permission(request, obj) else ()
        return (
            "who", "order_link", "score", *written, "state", "priority", "due", "opened_at", "solved_at",
            "owner", "outcome", "leaving", *note,
        )  # fmt: skip

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "owner":  # a case is no place to edit the staff
            for link in ("add", "change", "delete", "view"):
                setattr(field.widget, f"can_{link}_related", False)
        return field

    @admin.display(description=gettext_lazy("customer"))
    def who(self, case: RecoveryCase) -> Any:
        return links.customer(case.customer)

    @admin.display(description=gettext_lazy("order"))
    def order_link(self, case: RecoveryCase) -> Any:
        return links.order(case.order)

    @admin.display(description=gettext_lazy("score"), ordering="answer__score")
    def score(self, case: RecoveryCase) -> str:
        return str(case.answer.score) if case.answer else ""

    @admin.display(description=gettext_lazy("comment"))
    def comment(self, case: RecoveryCase) -> str:
        return case.answer.comment if case.answer else ""

    @admin.display(description=gettext_lazy("due"), ordering="due_at")
    def due(self, case: RecoveryCase) -> Any:
        if case.state != RecoveryCase.State.SOLVED and case.due_at < timezone.now():
            return _("overdue since %s") % moments.show(case.due_at)
        return moments.show(case.due_at)

    @admin.action(description=gettext_lazy("Take"), permissions=["change"])
    def take(self, request: HttpRequest, chosen: Any) -> None:
        done = sum(cases.take(case, by=request.user) for case in chosen)
        left = len(chosen) - done
        if done:
            self.message_user(request, ngettext("%d case is yours.", "%d cases are yours.", done) % done)
        if left:
            self.message_user(
                request,
                ngettext("%d case has an owner or is solved.", "%d cases have an owner or are solved.", left) % left,
                level=messages.WARNING,
            )

    def save_model(self, request: HttpRequest, obj: RecoveryCase, form: CaseForm, change: bool) -> None:
        now, data = timezone.now(), form.cleaned_data
        if "owner" in form.changed_data and data.get("outcome", "") == "":
            cases.hand_over(obj, to=data["owner"])
        if data.get("note"):
            cases.add_note(obj, by=request.user, text=data["note"], at=now)
        if data.get("outcome"):
            try:
                cases.solve(obj, by=request.user, outcome=data["outcome"], leaving=data["leaving"], at=now)
            except cases.Solved as refusal:
                messages.warning(request, str(refusal))

    # Opening one by hand

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.open_view)
        return [
            path("open/<int:customer>/", view, name="retention_campaigns_recoverycase_open"),
            *super().get_urls(),
        ]

    def open_view(self, request: HttpRequest, customer: int) -> HttpResponse:
        """Open a case for a customer and go to it."""
        if request.method != "POST" or not request.user.has_perm("retention_campaigns.add_recoverycase"):
            raise PermissionDenied
        person = get_object_or_404(Customer, pk=customer)
        case = cases.open_by_staff(person, by=request.user, note="", at=timezone.now())
        return redirect("admin:retention_campaigns_recoverycase_change", case.pk)
