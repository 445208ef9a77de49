"""The pages that a survey mail's links open. GET shows the question with the score chosen; only POST stores."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from campaigns import questions
from campaigns.answer_form import AnswerForm
from campaigns.conf import conf
from campaigns.models import Invitation
from campaigns.services import answers
from retention import pages
from retention.services import tokens

ENDED = (tokens.Invalid, tokens.Expired, answers.Closed)


# No cookie is needed and none is believed: the link's secret is all the authority there is, and mail programs'
# own browsers often refuse cookies.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, secret: str, score: int | None = None) -> HttpResponse:
    """Show the question, the mailed link's score chosen; store what is sent."""
    now = timezone.now()
    try:
        invitation = answers.look(secret, at=now)
        if request.method != "POST":
            return _page(request, invitation, secret, AnswerForm(survey=invitation.survey), chosen=score)
        form = AnswerForm(request.POST, survey=invitation.survey)
        if not form.is_valid():
            return _page(request, invitation, secret, form, chosen=form.cleaned_data.get("score"), status=422)
        answers.give(secret, score=form.cleaned_data["score"], comment=form.cleaned_data["comment"], at=now)
    except ENDED as ended:
        return _ended(request, ended)
    return redirect("campaigns:answer_thanks", secret)


@never_cache
@require_safe
def thanks(request: HttpRequest, secret: str) -> HttpResponse:
    """Thank, and ask for a review: everybody in the same words, whatever the score."""
    try:
        answers.look(secret, at=timezone.now())
        may_change = True
    except answers.Closed:
        may_change = False
    except (tokens.Invalid, tokens.Expired) as ended:
        return _ended(request, ended)
    return _private(
        pages.show(
            request,
            "campaigns/survey/thanks.html",
            {"review_url": conf.REVIEW_URL, "secret": secret, "may_change": may_change},
        )
    )


def _page(
    request: HttpRequest,
    invitation: Invitation,
    secret: str,
    form: AnswerForm,
    *,
    chosen: int | None,
    status: int = 200,
) -> HttpResponse:
    survey = invitation.survey
    low, high = questions.ends(survey)
    context = {
        "secret": secret,
        "form": form,
        "chosen": chosen,
        "scores": survey.scale,
        "lowest": survey.scale[0],
        "highest": survey.scale[-1],
        "question": questions.question(survey),
        "low": low,
        "high": high,
        "answered": hasattr(invitation, "answer"),
    }
    return _private(pages.show(request, "campaigns/survey/answer.html", context, status=status))


def _ended(request: HttpRequest, ended: Exception) -> HttpResponse:
    known = not isinstance(ended, tokens.Invalid)
    return _private(pages.show(request, "campaigns/survey/ended.html", {"known": known}, status=410 if known else 404))


def _private(response: HttpResponse) -> HttpResponse:
    """Keep the link's secret from the shops and review sites that the page links to."""
    response["Referrer-Policy"] = "same-origin"
    response["X-Robots-Tag"] = "noindex"
    return response
