"""A shopper's own challenges: what is open to them, how far each is, and taking part."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty import challenge_section, challenge_words, present_words, queries
from loyalty.models import Challenge, Participation
from loyalty.services import challenge_list, participants
from loyalty.services.challenge_list import Shown
from retention.api.base import Mine
from retention.api.errors import Conflict
from retention.api.paging import LARGEST_ID


class NotOpen(Conflict):
    default_code = "not_open"
    default_detail = _("This challenge is not open now.")


class NoJoining(Conflict):
    default_code = "no_joining"
    default_detail = _("You take part in this challenge by ordering: there is nothing to join.")


class MyChallenge(serializers.Serializer[Any]):
    """One challenge; all words in the request's language."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    about = serializers.CharField(help_text="A sentence about it, or empty.")
    asks = serializers.CharField(help_text="What is asked.")
    counts = serializers.CharField(help_text="What counts and what does not.")
    brings = serializers.CharField(help_text="What it brings.")
    time = serializers.CharField(help_text="Until when it runs, that it is done, or that it has ended.")
    progress = serializers.CharField(help_text="E.g. “2 of 3 orders”.")
    percent = serializers.IntegerField()
    state = serializers.ChoiceField(
        choices=["open", "running", "won", "missed"], help_text="open: not begun; missed: it ended."
    )
    can_join = serializers.BooleanField(help_text="Whether there is something to join.")
    ends_at = serializers.DateTimeField(allow_null=True, help_text="Null: not known yet, or open.")


def written(found: list[Shown], *, at: datetime) -> list[dict[str, Any]]:
    """Return challenges as the API writes them."""
    terms = present_words.terms_of([one.challenge.offer_id for one in found])
    rates = queries.worth_rates()
    titles = challenge_section.titles([one.challenge for one in found])
    return [
        {
            "id": one.challenge.pk,
            "name": one.challenge.name,
            "about": one.challenge.words,
            "asks": challenge_words.asks(one.challenge, titles),
            "counts": challenge_words.counts(one.challenge),
            "brings": challenge_words.brings(one.challenge, terms, rates),
            "time": challenge_section.state(one, at=at),
            "progress": challenge_words.progress(one.challenge, one.reached),
            "percent": one.percent,
            "state": one.state(at=at),
            "can_join": one.can_join,
            "ends_at": one.participation.ends_at if one.participation else one.challenge.ends_at,
        }
        for one in found
    ]


class MyChallenges(Mine):
    queryset = Participation.objects.none()
    serializer_class = MyChallenge
    filter_backends = ()
    pagination_class = None

    @extend_schema(
        summary="Challenges that are open to me, and those that I take part in",
        description="Those that ended stay for 30 days.",
        responses=MyChallenge(many=True),
    )
    def get(self, request: Request) -> Response:
        now = timezone.now()
        found = challenge_list.of(self.customer, at=now, since=now - challenge_section.RECENT)
        return Response(MyChallenge(written(found, at=now), many=True).data)


class JoinChallenge(Mine):
    queryset = Participation.objects.none()
    serializer_class = MyChallenge
    filter_backends = ()

    @extend_schema(
        summary="Take part in a challenge",
        description="Orders count from now on. Who takes part already gets the same answer again.",
        request=None,
        responses=MyChallenge,
    )
    def post(self, request: Request, pk: int) -> Response:
        now = timezone.now()
        challenge = get_object_or_404(Challenge.objects.prefetch_related("goods"), pk=min(pk, LARGEST_ID))
        try:
            row = participants.join(challenge, self.customer, at=now)
        except participants.NotOpen:
            if challenge.active and challenge.starts_at <= now:
                raise NotOpen from None
            raise Http404 from None  # one that nobody may see yet is not there
        except participants.NotForThem:
            raise Http404 from None
        except participants.NoJoining:
            raise NoJoining from None
        [answer] = written([Shown(challenge=challenge, participation=row, reached=row.progress)], at=now)
        return Response(MyChallenge(answer).data)
