"""Answering a survey by the mailed link.

The invitation is what can be answered once (a constraint on the answer); the token only names it. So the token is
read and never used up: the same link, and the reminder's, change the answer for ``edit_days``.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from campaigns.facts import SurveyAnswered
from campaigns.models import Answer, Invitation
from retention.models import Token
from retention.services import facts, tokens

SUBJECT = "invitation:"


class Closed(Exception):
    """The survey is over for this person, or the answer can no longer be changed."""


class OffScale(Exception):
    """The survey has no such score."""


def subject_of(invitation: int) -> str:
    """Return what a token is about, for ``tokens.mint``."""
    return f"{SUBJECT}{invitation}"


def look(secret: str, *, at: datetime) -> Invitation:
    """Return the invitation that a mailed link names, open to be answered. Changes nothing.

    Raises tokens.Invalid, tokens.Expired, Closed.
    """
    token = tokens.read(secret, purpose=Token.Purpose.ANSWER, at=at)
    number = token.subject.removeprefix(SUBJECT)
    invitation = (
        Invitation.objects.select_related("survey", "answer").filter(pk=number).first() if number.isdigit() else None
    )
    if invitation is None:
        raise tokens.Invalid
    answer = getattr(invitation, "answer", None)
    if answer is None and invitation.closes_at is not None and invitation.closes_at <= at:
        raise Closed
    if answer is not None and answer.answered_at <= at - timedelta(days=invitation.survey.edit_days):
        raise Closed
    return invitation


def give(secret: str, *, score: int, comment: str = "", at: datetime) -> Answer:
    """Store the answer, or change it while it can be changed; an empty comment leaves an earlier one.

    Raises tokens.Invalid, tokens.Expired, Closed, OffScale.
    """
    invitation = look(secret, at=at)
    survey = invitation.survey
    if score not in survey.scale:
        raise OffScale
    with transaction.atomic():
        answer, fresh = Answer.objects.get_or_create(
            invitation=invitation,
            defaults={
                "survey": survey,
                "score": score,
                "comment": comment,
                "answered_at": at,
                "changed_at": at,
            },
        )
        mine = Answer.objects.filter(pk=answer.pk)
        moved = fresh or mine.exclude(score=score).update(score=score, changed_at=at)
        if comment and not fresh:
            mine.update(comment=comment, changed_at=at)
        if moved:
            facts.publish(
                [
                    SurveyAnswered(
                        customer=invitation.customer_id,
                        at=at,
                        answer=answer.pk,
                        survey=survey.slug,
                        order=invitation.order,
                        score=score,
                    )
                ]
            )
        Invitation.objects.filter(pk=invitation.pk).update(remind_at=None)
    answer.refresh_from_db()
    return answer


def low(answers: set[int]) -> list[Answer]:
    """Return those of the answers that are low by their survey's threshold, as they stand now."""
    return list(Answer.objects.filter(pk__in=answers, score__lte=F("survey__low_score")).select_related("invitation"))
