"""The merchant's own words for mails, in Liquid: what there is, writing them, and looking before they go out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from retention import registry
from retention.admin import text_preview, text_values
from retention.admin.base import Admin
from retention.admin.text_form import TextForm
from retention.mail import Mail
from retention.mail_parts import PRODUCTS
from retention.models import Text
from retention.services import hints, texts

View = Callable[[HttpRequest], HttpResponse]


@admin.register(Text)
class TextAdmin(Admin):
    form = TextForm
    list_display = ("label", "language", "subject", "changed_at")
    list_filter = ("mail", "language")
    search_fields = ("subject", "html", "text")
    ordering = ("mail", "language")
    change_form_template = "retention/admin/text_form.html"
    change_list_template = "retention/admin/text_list.html"

    @admin.display(description=gettext_lazy("mail"), ordering="mail")
    def label(self, text: Text) -> str:
        mail = registry.mails.get(text.mail)
        return str(mail.label) if mail else text.mail

    def get_urls(self) -> list[URLPattern]:
        posts = (
            ("preview", text_preview.preview, False),
            ("look", text_preview.look, True),
            ("send", text_preview.send, True),
        )
        wrap = self.admin_site.admin_view
        return [
            path("mails/", wrap(self.mails), name="retention_text_mails"),
            *(
                path(f"{name}/", wrap(self._posted(view, sends=sends)), name=f"retention_text_{name}")
                for name, view, sends in posts
            ),
            *super().get_urls(),
        ]

    def _posted(self, view: View, *, sends: bool) -> View:
        """Let who may see texts do this by POST; what reaches others, who may write them."""

        def check(request: HttpRequest) -> HttpResponse:
            writes = self.has_add_permission(request) or self.has_change_permission(request)
            if request.method != "POST" or not (writes or (self.has_view_permission(request) and not sends)):
                raise PermissionDenied
            return view(request)

        return check

    def mails(self, request: HttpRequest) -> HttpResponse:
        """List all mails, and in which languages there are words of the shop's own."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        own: dict[str, dict[str, Text]] = {}
        for text in Text.objects.defer("html", "text"):
            own.setdefault(text.mail, {})[text.language] = text
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Mails and their words"),
            "mails": [(mail, list(self._languages(request, mail, own.get(mail.name, {})))) for mail in registry.mails],
        }
        return TemplateResponse(request, "retention/admin/text_mails.html", context)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Write words for one mail in one language; which, is chosen on the page of all mails."""
        if request.method == "GET" and not (
            request.GET.get("mail", "") in registry.mails and request.GET.get("language") in dict(settings.LANGUAGES)
        ):
            return redirect("admin:retention_text_mails")
        response: HttpResponse = super().add_view(request, form_url, extra_context)
        return response

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.from_shipped = request.method == "GET" and "shipped" in request.GET
        return form

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave out what this mail cannot show."""
        name = obj.mail if obj else request.POST.get("mail") or request.GET.get("mail", "")
        mail = registry.mails.get(name)
        fields = TextForm.Meta.fields
        return fields if mail and PRODUCTS.name in mail.parts else fields[:-1]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **options: Any) -> HttpResponse:
        """Say which mail and language these are, what can be put in, and who gets what."""
        form = context["adminform"].form
        name = form.instance.mail or form["mail"].value()
        language = form.instance.language or form["language"].value()
        writes = self.has_change_permission(request, form.instance) if form.instance.pk else True
        if mail := registry.mails.get(name or ""):
            own = {text.language: text for text in Text.objects.filter(mail=mail.name).defer("html", "text")}
            context.update(
                mail=mail,
                language=text_preview.name_of(language),
                groups=list(text_values.groups(mail, language)),
                languages=list(self._languages(request, mail, own)),
                choices=settings.LANGUAGES,
                text_language=language,
                sees_personal_data=request.user.has_perm(text_preview.SEES),
                sends_anywhere=request.user.has_perm(text_preview.SENDS),
                own_address=text_preview.own_address(request),
                saved=None if writes else [(part, getattr(form.instance, part)) for part in TextForm.Meta.fields[:-1]],
                saved_products="" if writes else "\n".join(form.instance.products),
                may_send=self.has_add_permission(request) or self.has_change_permission(request),
            )
        return super().render_change_form(request, context, *args, **options)

    def save_model(self, request: HttpRequest, obj: Text, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        mail = registry.mails.get(obj.mail)
        for hint in hints.of_text(mail, obj) if mail else ():
            messages.warning(request, f"{form.fields[hint.part].label}: {hint}")

    def _languages(self, request: HttpRequest, mail: Mail, own: dict[str, Text]) -> Iterator[dict[str, Any]]:
        """Yield each language of the shop with whose words its customers get."""
        for language, _name in settings.LANGUAGES:
            choice = texts.pick(language, own)
            mine = choice.text is not None and choice.language == language
            url = ""
            if mine and choice.text:
                url = reverse("admin:retention_text_change", args=[choice.text.pk])
            elif self.has_add_permission(request):
                url = f"{reverse('admin:retention_text_add')}?mail={mail.name}&language={language}"
            yield {
                "name": text_preview.name_of(language),
                "gets": text_preview.said(choice, language),
                "mine": mine,
                "url": url,
            }
