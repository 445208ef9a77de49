"""The prompt on the thank-you page, and the shopper's own page."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from retention import pages, registry
from retention.forms import PasswordForm
from retention.registry import Question
from retention.services import accounts, customers, prompts, questions
from retention.services.profile import Erased
from retention.shop import OrderData, get_shop


def _open_order(request: HttpRequest) -> OrderData | None:
    """Return the guest's order that this session has just placed."""
    if request.user.is_authenticated:
        return None
    order = get_shop().get_request_order(request)
    return order if order and order.user_id is None and order.email else None


@require_POST
@never_cache
@sensitive_post_parameters("password")
def open_account(request: HttpRequest) -> HttpResponse:
    """Make the account for the session's order. The answer is the same whether the address has one already."""
    order = _open_order(request)
    if order is None:
        return redirect("retention:account_done")
    form = PasswordForm(request.POST, email=order.email)
    if not form.is_valid():
        return pages.show(
            request,
            "retention/open_account.html",
            {"form": form, "gains": gains(order), "thank_you_url": get_shop().thank_you_url()},
            status=422,
        )
    user = accounts.open_with_password(request, order=order, password=form.cleaned_data["password"], at=timezone.now())
    if user is not None:
        login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return redirect("retention:account_done")


@require_POST
def dismiss(request: HttpRequest) -> HttpResponse:
    """Remember a no, and go back to the order."""
    order = _open_order(request)
    if order is not None:
        prompts.dismiss(name=prompts.ACCOUNT, order=order.reference, email=order.email, at=timezone.now())
    return redirect(get_shop().thank_you_url())


@require_POST
def mail_link(request: HttpRequest) -> HttpResponse:
    """Mail a link in place of a password."""
    order = _open_order(request)
    if order is not None:
        try:
            accounts.ask_link(order=order, at=timezone.now())
        except accounts.TooMany:
            return too_many(request)
    return redirect("retention:account_done")


@login_required
@require_POST
def ask_proof(request: HttpRequest) -> HttpResponse:
    """Mail the link that proves a member's address once more."""
    now = timezone.now()
    try:
        accounts.ask_proof(customers.for_user(request.user, at=now), at=now)
    except accounts.TooMany:
        return too_many(request)
    messages.success(request, _("We have sent the link. Please look into your mailbox."))
    return redirect("retention:account")


@never_cache
@require_GET
def done(request: HttpRequest) -> HttpResponse:
    """Say what happens next, in the same words to everybody."""
    return pages.show(request, "retention/account_done.html")


@login_required
@never_cache
def answer_question(request: HttpRequest, name: str) -> HttpResponse:
    """Show one question on a page of its own; a POST writes the answer down."""
    question, now = _question(name), timezone.now()
    form = question.form(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        status = 422 if form.is_bound else 200
        return pages.show(request, "retention/question_page.html", {"asked": _asked(question, form)}, status=status)
    try:
        questions.answer(customers.for_user(request.user, at=now), question, data=form.cleaned_data, at=now)
    except Erased:
        raise Http404 from None
    messages.success(request, _("Thank you, we have written it down."))
    return redirect("retention:account")


@login_required
@require_POST
def skip_question(request: HttpRequest, name: str) -> HttpResponse:
    """Remember a "not now"."""
    now = timezone.now()
    questions.skip(customers.for_user(request.user, at=now), _question(name), at=now)
    messages.success(request, _("All right, not now."))
    return redirect("retention:account")


def _question(name: str) -> Question:
    question = registry.questions.get(name)
    if question is None:
        raise Http404
    return question


def _asked(question: Question, form: Form) -> dict[str, Any]:
    return {"name": question.name, "label": question.label, "why": question.why, "form": form}


@login_required
@never_cache
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The shopper's page: what each app has to show."""
    now = timezone.now()
    customer = customers.for_user(request.user, at=now)
    question = questions.next_one(customer, at=now)
    found = {name: registry.account_pages[name](request, customer) for name in registry.account_pages.names()}
    replaced = {name for section in found.values() if section for name in section.get("instead_of", ())}
    sections = [section for name, section in found.items() if section is not None and name not in replaced]
    return pages.show(
        request,
        "retention/account.html",
        {
            "customer": customer,
            "sections": sections,
            "asked": _asked(question, question.form(auto_id="question-%s")) if question else None,
        },
    )


def gains(order: OrderData) -> list[registry.Gain]:
    """Return what an account would give for this order, said by every app that has something to give."""
    found = [gain for build in registry.gains for gain in build(order)]
    return sorted(found, key=lambda gain: gain.order)


def too_many(request: HttpRequest) -> HttpResponse:
    """Say, in one friendly sentence, that enough links were asked for."""
    return pages.show(request, "retention/too_many.html", status=429)
