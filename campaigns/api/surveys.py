"""Surveys, their scores and their answers, for staff."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.models import Answer, Survey
from campaigns.services import scores
from retention.api.base import Detail, Listing, Staff
from retention.api.fields import Personal
from retention.api.filters import FilterSet, Id, Moment, Text


class SurveyOut(serializers.ModelSerializer[Survey]):
    class Meta:
        model = Survey
        fields = ("id", "slug", "name", "kind", "question", "low_score")
        read_only_fields = fields
        ref_name = "Survey"


class Count(serializers.Serializer[Any]):
    score = serializers.IntegerField()
    answers = serializers.IntegerField()


class ScoreOut(serializers.Serializer[scores.Score]):
    """CSAT: percent satisfied. NPS: -100 to 100. Null without answers."""

    answers = serializers.IntegerField()
    sent = serializers.IntegerField(help_text="Invitations of which a mail has left, or may have.")
    response_rate = serializers.FloatField(allow_null=True, help_text="Percent.")
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Lower end of the 95 % interval.")
    high = serializers.FloatField(allow_null=True, help_text="Upper end of the 95 % interval.")
    few = serializers.BooleanField(help_text="So few answers that the score means little.")
    counts = serializers.SerializerMethodField()

    def get_counts(self, score: scores.Score) -> list[dict[str, int]]:
        return [{"score": one, "answers": many} for one, many in sorted(score.counts.items())]


class AnswerOut(serializers.ModelSerializer[Answer]):
    survey = serializers.CharField(source="survey.slug", read_only=True)
    customer = serializers.IntegerField(source="invitation.customer_id", read_only=True)
    order = serializers.CharField(source="invitation.order", read_only=True)
    comment = Personal(help_text="Masked without the permission to read what shoppers write.")

    class Meta:
        model = Answer
        fields = ("id", "survey", "customer", "order", "score", "comment", "answered_at", "changed_at")
        read_only_fields = fields
        ref_name = "Answer"


class AnswerFilter(FilterSet):
    survey = Text("survey__slug")
    customer = Id("invitation__customer_id")
    order = Text("invitation__order")
    score_max = Id("score", lookup_expr="lte")
    score_min = Id("score", lookup_expr="gte")
    answered_from = Moment("answered_at", lookup_expr="gte")
    answered_before = Moment("answered_at", lookup_expr="lt")

    class Meta:
        model = Answer
        fields: tuple[str, ...] = ()


@extend_schema(summary="Surveys")
class Surveys(Listing, Staff):
    queryset = Survey.objects.all()
    serializer_class = SurveyOut
    needs = {"GET": "retention_campaigns.view_survey"}


class SurveyScore(Staff):
    queryset = Survey.objects.all()
    serializer_class = ScoreOut
    needs = {"GET": "retention_campaigns.view_survey"}

    @extend_schema(summary="A survey's score, with its interval and how many answered", responses=ScoreOut)
    def get(self, request: Request, pk: int) -> Response:
        return Response(self.get_serializer(scores.of(self.get_object())).data)


class _Reading(Staff):
    """Staff who may read what shoppers write."""

    def get_serializer_context(self) -> dict[str, Any]:
        fake = getattr(self, "swagger_fake_view", False)
        reads = not fake and self.request.user.has_perm("retention_campaigns.view_comment")
        return {**super().get_serializer_context(), "personal": reads}


@extend_schema(summary="Answers, newest first")
class Answers(Listing, _Reading):
    queryset = Answer.objects.select_related("survey", "invitation")
    serializer_class = AnswerOut
    filterset_class = AnswerFilter
    needs = {"GET": "retention_campaigns.view_answer"}


@extend_schema(summary="One answer")
class AnswerDetail(Detail, _Reading):
    queryset = Answer.objects.select_related("survey", "invitation")
    serializer_class = AnswerOut
    needs = {"GET": "retention_campaigns.view_answer"}
