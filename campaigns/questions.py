"""What a survey asks: the merchant's words, or ours in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.models import Survey
from retention.registry import Words

QUESTIONS: dict[str, Words] = {
    Survey.Kind.CSAT: _("How satisfied are you with your order?"),
    Survey.Kind.NPS: _("How likely are you to recommend us to a friend?"),
}
LOW: dict[str, Words] = {Survey.Kind.CSAT: _("very dissatisfied"), Survey.Kind.NPS: _("not at all likely")}
HIGH: dict[str, Words] = {Survey.Kind.CSAT: _("very satisfied"), Survey.Kind.NPS: _("extremely likely")}


def question(survey: Survey) -> str:
    """Return the question in the active language."""
    return survey.question or str(QUESTIONS[survey.kind])


def ends(survey: Survey) -> tuple[str, str]:
    """Return what the lowest and the highest score mean, in the active language."""
    return survey.low_words or str(LOW[survey.kind]), survey.high_words or str(HIGH[survey.kind])
