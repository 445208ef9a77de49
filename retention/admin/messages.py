"""The outbox: read-only, with actions for a person's word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet, Value
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from retention import registry
from retention.admin.base import ReadOnlyAdmin, ReadOnlyInline, may
from retention.models import MailEvent, Message
from retention.services import holding, outbox, rates, sending

State = Message.State

OFFERED = {
    State.PLANNED: ("cancel",),
    State.DUE: ("cancel",),
    State.FAILED: ("send_again",),
    State.SKIPPED: ("send_again",),
    State.CANCELLED: ("send_again",),
    State.UNKNOWN: ("it_left", "it_did_not_leave", "send_again"),
}
"""What staff may do to a message in each state."""


WAITS = {
    holding.QUIET: _("quiet hours of the recipient"),
    holding.CAP: _("the frequency cap"),
    rates.WHY: _("room under the rate"),
}
"""Words for ``Message.deferred``."""


class EventInline(ReadOnlyInline):
    model = MailEvent
    fields = ("at", "kind", "provider", "detail", "received_at")
    ordering = ("at", "pk")


@admin.register(MailEvent)
class MailEventAdmin(ReadOnlyAdmin):
    """What the provider told, that of mails we do not know included."""

    list_display = ("at", "kind", "message", "provider", "detail", "received_at")
    list_filter = ("kind", "provider", ("message", admin.EmptyFieldListFilter))
    search_fields = ("=message__pk", "message__header_id", "message__provider_id")
    date_hierarchy = "at"
    ordering = ("-at", "-pk")
    list_select_related = ("message",)


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("pk", "label", "customer", "purpose", "state", "reason", "due_at", "waits_for", "sent_at", "source")
    list_filter = ("state", "purpose", "deferred", "mail")
    search_fields = ("order", "source", "key", "header_id", "provider_id", "=customer__pk")
    inlines = (EventInline,)
    date_hierarchy = "due_at"
    ordering = ("-due_at", "-pk")
    list_select_related = ("customer",)
    actions = ("send_again", "cancel", "it_left", "it_did_not_leave")
    has_send_permission = may("retention.send_message")
    change_form_template = "retention/admin/message.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        choices, now = sending.get(), timezone.now()
        return (
            super()
            .get_queryset(request)
            .annotate(
                is_stopped=Value(choices.stopped_at is not None),
                is_full=Value(rates.room(rates.common(choices, at=now)) == 0),
                is_over=ExpressionWrapper(Q(due_at__lte=now), output_field=BooleanField()),
            )
        )

    def get_urls(self) -> list[URLPattern]:
        return [
            path("<int:pk>/do/<slug:action>/", self.admin_site.admin_view(self.act), name="retention_message_act"),
            *super().get_urls(),
        ]

    def act(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        """Do one of the actions to one message, from its own page."""
        if request.method != "POST" or action not in self.actions or not self.has_send_permission(request):
            raise PermissionDenied
        getattr(self, action)(request, Message.objects.filter(pk=pk))
        return redirect("admin:retention_message_change", pk)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **options: Any) -> HttpResponse:
        """Offer what this message's state allows."""
        message = context["original"]
        offered = OFFERED.get(Message.State(message.state), ())
        context["offered"] = [
            (name, getattr(self, name).short_description) for name in offered if self.has_send_permission(request)
        ]
        return super().render_change_form(request, context, *args, **options)

    @admin.display(description=_("mail"), ordering="mail")
    def label(self, message: Message) -> str:
        mail = registry.mails.get(message.mail)
        return str(mail.label) if mail else message.mail

    @admin.display(description=_("waits for"), ordering="deferred")
    def waits_for(self, message: Any) -> str:
        """Why a mail that is due has not left yet."""
        if message.state != State.DUE:
            return ""
        if message.is_stopped and message.purpose == Message.Purpose.MARKETING:
            return gettext("somebody: marketing has stopped by itself")
        if message.is_over and message.is_full:
            return str(WAITS[rates.WHY])
        return str(WAITS.get(message.deferred, message.deferred))

    @admin.action(description=_("Send again"), permissions=["send"])
    def send_again(self, request: HttpRequest, chosen: Any) -> None:
        self._do(request, chosen, lambda message: outbox.resend(message, at=timezone.now()))

    @admin.action(description=_("Cancel"), permissions=["send"])
    def cancel(self, request: HttpRequest, chosen: Any) -> None:
        reason = f"cancelled by staff {request.user.pk}"
        self._do(request, chosen, lambda message: outbox.cancel(message, reason=reason, at=timezone.now()))

    @admin.action(description=_("It left (for unknown messages)"), permissions=["send"])
    def it_left(self, request: HttpRequest, chosen: Any) -> None:
        self._do(request, chosen, lambda message: outbox.resolve_unknown(message, left=True, at=timezone.now()))

    @admin.action(description=_("It did not leave (for unknown messages)"), permissions=["send"])
    def it_did_not_leave(self, request: HttpRequest, chosen: Any) -> None:
        self._do(request, chosen, lambda message: outbox.resolve_unknown(message, left=False, at=timezone.now()))

    def _do(self, request: HttpRequest, chosen: Any, act: Callable[[Message], bool]) -> None:
        done = sum(act(message) for message in chosen)
        left = len(chosen) - done
        if done:
            self.message_user(request, ngettext("%d message done.", "%d messages done.", done) % done)
        if left:
            self.message_user(
                request,
                ngettext(
                    "%d message was left as it is: its state does not allow it.",
                    "%d messages were left as they are: their state does not allow it.",
                    left,
                )
                % left,
                level=messages.WARNING,
            )
