"""A survey and its score in words, for staff."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns import journey_words, questions
from campaigns.conf import conf
from campaigns.models import Survey
from campaigns.services.scores import Score


def sentences(survey: Survey) -> Iterator[str]:
    """Yield the sentences that say whom a survey asks, when, and what comes of the answer."""
    low, high = questions.ends(survey)
    yield _("It asks: “%(question)s”, from %(first)s (%(low)s) to %(last)s (%(high)s).") % {
        "question": questions.question(survey), "first": survey.scale[0], "low": low,
        "last": survey.scale[-1], "high": high,
    }  # fmt: skip
    yield journey_words.asks(survey)
    yield _("One person is asked at most once in %(days)s days, over all surveys.") % {"days": conf.SURVEY_DAYS}
    yield _("It can be answered for %(open)s days, and the answer changed for %(edit)s days.") % {
        "open": survey.open_days, "edit": survey.edit_days,
    }  # fmt: skip
    yield _("A score of %(low)s or less opens a recovery case, due within %(hours)s hours.") % {
        "low": survey.low_score, "hours": conf.CASE_HOURS,
    }  # fmt: skip
    yield (
        _("Everybody who answers is asked for a review in the same words.")
        if conf.REVIEW_URL
        else _("Nobody is asked for a review: CAMPAIGNS has no “REVIEW_URL”.")
    )


DEFINITIONS = {
    Survey.Kind.CSAT: gettext_lazy(
        "Share of answers that are 4 or 5 of 5. Interval: 95 %, by Wilson's score method (1927), which holds for few "
        "answers too."
    ),
    Survey.Kind.NPS: gettext_lazy(
        "Percent who answer 9 or 10, less percent who answer 0 to 6. Interval: 95 %, from the variance of a difference "
        "of two shares of one sample, (p + d − (p − d)²) / n (Rocks 2016)."
    ),
}


def definition(survey: Survey) -> str:
    """Return what the score is."""
    return str(DEFINITIONS[Survey.Kind(survey.kind)])


def value(score: Score) -> str:
    """Return a score with its interval, e.g. "84 % (71 to 92)"."""
    if score.value is None:
        return _("no answers yet")
    unit = " %" if score.kind == Survey.Kind.CSAT else ""
    said = f"{score.value:.0f}{unit}" if unit else f"{score.value:+.0f}"
    if score.low is None or score.high is None:
        return said
    ends = {"low": f"{score.low:.0f}" if unit else f"{score.low:+.0f}"}
    ends["high"] = f"{score.high:.0f}" if unit else f"{score.high:+.0f}"
    interval = _("%(low)s to %(high)s") % ends
    return f"{said} ({interval})"


def answers(score: Score) -> str:
    """Return how many answered, e.g. "21 of 60 asked answered (35 %)"."""
    said = ngettext("%(n)s answer from %(sent)s asked", "%(n)s answers from %(sent)s asked", score.answers) % {
        "n": score.answers,
        "sent": score.sent,
    }
    return f"{said} ({score.response_rate:.0f} %)" if score.response_rate is not None else said
