"""One page about sending: quiet hours, caps, rates, warm-up, and what stops marketing. Said in words, then saved."""

from __future__ import annotations

import hashlib
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import DomainNameValidator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from retention import sending_words
from retention.admin.base import ReadOnlyAdmin
from retention.models import DomainRate, MailCap, Message, Sending
from retention.services import rates, sending, stopping

HERE = "admin:retention_sending_changelist"


class SendingForm(forms.ModelForm):
    """The choices that there is one of."""

    class Meta:
        model = Sending
        fields = (
            "quiet_from", "quiet_until", "per_hour", "warm_up_from", "warm_up_first", "complaint_limit", "bounce_limit",
            "judged_days", "judged_least", "utm_source", "utm_medium", "utm_campaign",
        )  # fmt: skip
        widgets = {
            "quiet_from": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "quiet_until": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "warm_up_from": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        }
        help_texts = {
            "quiet_until": gettext_lazy("By the recipient's own clock; from 21:00 until 08:00 goes over midnight."),
            "per_hour": gettext_lazy("Empty: as many as the mail server takes."),
            "warm_up_from": gettext_lazy("First day of a new sending domain. Empty: no warm-up."),
            "utm_campaign": gettext_lazy("Empty: the name of the mail."),
        }

    GROUPS = (
        (gettext_lazy("Quiet hours"), ("quiet_from", "quiet_until")),
        (gettext_lazy("How fast"), ("per_hour", "warm_up_from", "warm_up_first")),
        (
            gettext_lazy("When marketing stops by itself"),
            ("complaint_limit", "bounce_limit", "judged_days", "judged_least"),
        ),
        (gettext_lazy("Tags on links"), ("utm_source", "utm_medium", "utm_campaign")),
    )

    def groups(self) -> list[tuple[Any, list[forms.BoundField]]]:
        return [(title, [self[name] for name in names]) for title, names in self.GROUPS]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if {"quiet_from", "quiet_until"} <= data.keys():
            start, end = data["quiet_from"], data["quiet_until"]
            if (start is None) != (end is None):
                raise ValidationError({"quiet_until": _("Quiet hours need both ends, or neither.")})
            if start is not None and start == end:
                raise ValidationError(
                    {"quiet_until": _("Quiet hours that end when they begin are none: leave both out.")}
                )
        return data


class DomainForm(forms.ModelForm):
    class Meta:
        model = DomainRate
        fields = ("domain", "per_hour")

    def clean_domain(self) -> str:
        """Take a domain, or an address at it, in any alphabet, and keep it as DNS knows it."""
        domain = rates.domain_of(self.cleaned_data["domain"])
        DomainNameValidator()(domain)
        return domain


CAPS: Any = forms.modelformset_factory(MailCap, fields=("most", "days"), extra=1, can_delete=True)
DOMAINS: Any = forms.modelformset_factory(DomainRate, form=DomainForm, extra=1, can_delete=True)


@admin.register(Sending)
class SendingAdmin(ReadOnlyAdmin):
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("retention.change_sending")

    def get_urls(self) -> list[URLPattern]:
        return [
            path("go-on/", self.admin_site.admin_view(self.go_on), name="retention_sending_go_on"),
            *super().get_urls(),
        ]

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return redirect(HERE)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the choices; a POST says what they will do, and saves them when that has been read."""
        if not self.has_view_permission(request) and not self.has_change_permission(request):
            raise PermissionDenied
        posted = request.POST if request.method == "POST" else None
        if posted is not None and not self.has_change_permission(request):
            raise PermissionDenied
        form = SendingForm(posted, instance=sending.get())
        caps = CAPS(posted, queryset=MailCap.objects.order_by("days"), prefix="caps")
        domains = DOMAINS(posted, queryset=DomainRate.objects.order_by("domain"), prefix="domains")
        words: list[str] = []
        read = ""
        if posted is None:
            words, _digest = _words(
                sending.get(), _kept(MailCap, "days", "most"), _kept(DomainRate, "domain", "per_hour")
            )
        elif all([form.is_valid(), caps.is_valid(), domains.is_valid()]):
            words, read = _words(form.instance, _given(caps, "days", "most"), _given(domains, "domain", "per_hour"))
            if posted.get("read") == read and "look" not in posted:
                with transaction.atomic():
                    # what the form does not hold, watching may have written since the row was read
                    form.instance.save(update_fields=form.Meta.fields)
                    for formset in (caps, domains):
                        formset.save()
                self.log_change(request, form.instance, [{"changed": {"fields": form.changed_data}}])
                messages.success(request, _("Saved. It holds for every mail that starts from now on."))
                return redirect(HERE)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Sending"),
            "form": form,
            "sets": [
                (_("How often one person gets marketing mail"), caps, _("Each line holds on its own; none: no limit.")),
                (_("How fast to one domain"), domains, _("For mail services that take only so many, e.g. gmail.com.")),
            ],
            "words": words,
            "read": read,
            "may_change": self.has_change_permission(request),
            "may_go_on": request.user.has_perm("retention.pause_sending"),
            "stopped": sending.get().stopped_at,
        }
        return TemplateResponse(request, "retention/admin/sending.html", context)

    def go_on(self, request: HttpRequest) -> HttpResponse:
        """Let marketing go out again after it stopped by itself."""
        if request.method != "POST" or not request.user.has_perm("retention.pause_sending"):
            raise PermissionDenied
        if stopping.go_on(at=timezone.now()):
            self.log_change(request, sending.get(), _("Let marketing go on"))
            messages.success(request, _("Marketing goes on. What was sent until now is not judged again."))
        else:
            messages.info(request, _("Marketing was not stopped."))
        return redirect("admin:retention_installation_changelist")


def _words(choices: Sending, caps: dict[Any, int], domains: dict[Any, int]) -> tuple[list[str], str]:
    """Return what these choices do, and a name for it: other words have to be read first."""
    now = timezone.now()
    waiting = Message.objects.due(at=now).count() if choices.per_hour else 0
    said = sending_words.say(choices, caps=caps, domains=domains, waiting=waiting, at=now)
    # how many are due changes by itself
    lasting = sending_words.say(choices, caps=caps, domains=domains, waiting=0, at=now)
    return said, hashlib.sha256("\n".join(lasting).encode()).hexdigest()[:16]


def _kept(model: Any, key: str, value: str) -> dict[Any, int]:
    return dict(model.objects.values_list(key, value))


def _given(formset: Any, key: str, value: str) -> dict[Any, int]:
    """Return the rows of a valid formset as they will be saved."""
    rows = [form.cleaned_data for form in formset.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
    return {row[key]: row[value] for row in rows if key in row}
