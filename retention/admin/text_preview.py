"""What staff see of a text before it is saved: a preview, hints, and a test mail. Each is a POST of the form.

The answers are pages of their own, without a script and under a policy that lets none run; the mail in them is in a
sandboxed frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils import timezone
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

from retention import registry
from retention.admin.text_form import TextForm
from retention.mail import Mail
from retention.models import Customer, Text
from retention.services import hints, link_check, previewing, texts, trial
from retention.services.rendering import CannotRender, Rendered

SEES = "retention.view_personal_data"
SENDS = "retention.send_test"
STYLE = "retention/preview.css"


@dataclass(kw_only=True)
class Page:
    """What an answer says."""

    title: str
    faults: list[str] = field(default_factory=list)
    done: str = ""
    written: Rendered | None = None
    gets: str = ""
    """Whose words they are."""
    whose: str = ""
    hints: list[hints.Hint] = field(default_factory=list)
    asked_links: bool = False
    images: bool = True


def preview(request: HttpRequest) -> HttpResponse:
    """Show the mail as a customer would get it."""
    mail, text, faults = _read(request)
    page = Page(title=_("Preview"), faults=faults, images=request.POST.get("preview-images") != "off")
    customer, refusal = _customer(request)
    if refusal:
        page.faults.append(refusal)
    if mail and not page.faults:
        wanted = request.POST.get("preview-language") or (customer.language if customer else "") or text.language
        try:
            written = previewing.preview(mail, text, language=wanted, customer=customer, at=timezone.now())
            page.written = previewing.in_colors(written, dark=request.POST.get("preview-colors") == "dark")
            page.hints = hints.of_text(mail, text)
        except CannotRender as error:
            page.faults.append(error.fault)
        page.gets = gets(mail, wanted, text)
        page.whose = str(customer) if customer else _("a sample person")
    return _answer(request, page)


def look(request: HttpRequest) -> HttpResponse:
    """Say what could be better, and ask the links whether their pages are there."""
    mail, text, faults = _read(request)
    page = Page(title=_("What could be better"), faults=faults, asked_links=True)
    if mail and not faults:
        try:
            page.hints = [*hints.of_text(mail, text), *link_check.of_text(mail, text)]
        except CannotRender as error:
            page.faults.append(error.fault)
    return _answer(request, page)


def send(request: HttpRequest) -> HttpResponse:
    """Send a test to the member of staff, or, where they may, to an address that they typed."""
    mail, text, faults = _read(request)
    page = Page(title=_("Test mail"), faults=faults)
    own = own_address(request)
    to = request.POST.get("preview-to", "").strip() or own
    if to.lower() != own.lower() and not request.user.has_perm(SENDS):
        page.faults.append(_("You may send a test to your own address only."))
    elif not to:
        page.faults.append(_("Your user has no e-mail address. Enter it at your user first."))
    if mail and not page.faults:
        try:
            trial.send(mail, text, to=to, staff=int(request.user.pk or 0), at=timezone.now())
        except (trial.NotSent, CannotRender) as error:
            page.faults.append(getattr(error, "fault", "") or str(error))
        else:
            page.done = _("The test was sent to %(to)s. Its links open nothing.") % {"to": to}
            _log(request, text, own=to.lower() == own.lower())
    return _answer(request, page)


def gets(mail: Mail, wanted: str, draft: Text | None = None) -> str:
    """Return whose words a customer who wants this language gets, a sentence for staff."""
    own = {row.language: row for row in Text.objects.filter(mail=mail.name)}
    return said(texts.pick(wanted, {**own, **({draft.language: draft} if draft else {})}), wanted)


def said(choice: texts.Choice, wanted: str) -> str:
    if choice.text is None:
        return _("the shipped words")
    if choice.language == wanted:
        return _("your own words")
    return _("your own words in %(language)s") % {"language": name_of(choice.language)}


def name_of(language: str) -> str:
    try:
        return str(get_language_info(language)["name_translated"])
    except KeyError:
        return str(dict(settings.LANGUAGES).get(language, language))


def own_address(request: HttpRequest) -> str:
    user: Any = request.user
    return str(getattr(user, user.get_email_field_name(), "") or "").strip()


def _read(request: HttpRequest) -> tuple[Mail | None, Text, list[str]]:
    """Return the mail, the text as it was posted, and what is wrong with it."""
    form = TextForm(request.POST)
    form.is_valid()
    faults = []
    for name, errors in form.errors.items():
        label = form.fields[name].label if name in form.fields else ""
        # that the text is saved already is no fault of a preview
        told = [error for error in errors.as_data() if error.code != "unique_together"]
        faults += [f"{label}: {message}" if label else message for error in told for message in error.messages]
    text = form.draft()
    return registry.mails.get(text.mail), text, faults


def _customer(request: HttpRequest) -> tuple[Customer | None, str]:
    """Return the customer that was asked for, or why there is none."""
    named = request.POST.get("preview-customer", "").strip()
    if not named:
        return None, ""
    if not request.user.has_perm(SEES):
        return None, _("You may not see customers' personal data, so the preview is for a sample person only.")
    customer = previewing.find(named)
    return customer, "" if customer else _("There is no customer with this number or address.")


def _log(request: HttpRequest, text: Text, *, own: bool) -> None:
    """Write down who sent a test of what; the address itself is nobody's business later."""
    saved = Text.objects.filter(mail=text.mail, language=text.language).values_list("pk", flat=True).first()
    LogEntry.objects.create(
        user_id=int(request.user.pk or 0),
        content_type_id=ContentType.objects.get_for_model(Text).pk,
        object_id=str(saved) if saved else None,
        object_repr=str(text)[:200],
        action_flag=CHANGE,
        change_message="Test mail to own address." if own else "Test mail to another address.",
    )


def _answer(request: HttpRequest, page: Page) -> HttpResponse:
    """Return the page. Its policy holds in the frames within it too: no script, no form, and no picture where off."""
    size = len(page.written.html.encode()) // 1024 + 1 if page.written else 0
    answer = render(
        request,
        "retention/admin/text_preview.html",
        {"page": page, "size": size, "style": STYLE},
        status=422 if page.faults else 200,
    )
    styles = urlsplit(static(STYLE)).netloc or "'self'"
    pictures = "http: https: data:" if page.images else "'none'"
    answer["Content-Security-Policy"] = (
        f"sandbox; default-src 'none'; style-src {styles} 'unsafe-inline'; img-src {pictures}; "
        "font-src http: https: data:; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    )
    answer["X-Frame-Options"] = "SAMEORIGIN"
    answer["Referrer-Policy"] = "no-referrer"
    return answer
