"""One page: is it live, is sending paused, does it tick, and what is broken with its cure."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from retention import registry
from retention.admin.base import ReadOnlyAdmin
from retention.models import Heartbeat, Installation
from retention.services import installation


@admin.register(Installation)
class InstallationAdmin(ReadOnlyAdmin):
    def get_urls(self) -> list[URLPattern]:
        return [
            path("go-live/", self.admin_site.admin_view(self.go_live), name="retention_installation_go_live"),
            path("pause/", self.admin_site.admin_view(self.pause), name="retention_installation_pause"),
            path("resume/", self.admin_site.admin_view(self.resume), name="retention_installation_resume"),
            path("settle/", self.admin_site.admin_view(self.settle), name="retention_installation_settle"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the state of the installation and everything that is broken."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = timezone.now()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Is everything well?"),
            "installation": installation.get(),
            "may_pause": request.user.has_perm("retention.pause_sending"),
            "may_go_live": request.user.has_perm("retention.go_live"),
            "may_import": request.user.has_perm("retention.add_consentimport"),
            "troubles": [
                {
                    "trouble": trouble,
                    "actions": [
                        one for one in trouble.actions if not one.permission or request.user.has_perm(one.permission)
                    ],
                }
                for find in registry.troubles
                for trouble in find(now)
            ],
            "lookups": [one for one in registry.lookups if not one.permission or request.user.has_perm(one.permission)],
            "beats": Heartbeat.objects.order_by("name"),
        }
        return TemplateResponse(request, "retention/admin/status.html", context)

    def go_live(self, request: HttpRequest) -> HttpResponse:
        """Stamp since when orders are news."""
        self._only(request, "retention.go_live")
        installation.go_live(at=timezone.now())
        messages.success(request, _("Live: orders from now on are news."))
        return redirect("admin:retention_installation_changelist")

    def settle(self, request: HttpRequest) -> HttpResponse:
        """Note that nobody has said no elsewhere, or that it is all taken in."""
        self._only(request, "retention.go_live")
        installation.settle_consents(by=request.user.get_username(), at=timezone.now())
        messages.success(request, _("Noted. News to people of before goes out now, to those who want it."))
        return redirect("admin:retention_installation_changelist")

    def pause(self, request: HttpRequest) -> HttpResponse:
        """Stop all sending."""
        self._only(request, "retention.pause_sending")
        installation.pause(by=request.user.get_username(), at=timezone.now())
        messages.warning(request, _("All sending is paused. Mails wait; nothing is lost."))
        return redirect("admin:retention_installation_changelist")

    def resume(self, request: HttpRequest) -> HttpResponse:
        """Let mail go out again."""
        self._only(request, "retention.pause_sending")
        installation.resume()
        messages.success(request, _("Sending goes on."))
        return redirect("admin:retention_installation_changelist")

    def _only(self, request: HttpRequest, permission: str) -> None:
        if request.method != "POST" or not request.user.has_perm(permission):
            raise PermissionDenied
