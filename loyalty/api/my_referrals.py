"""A shopper's own link for friends, and what came of it."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty import queries, referral_sections, referral_words
from loyalty.models import Referral, ReferralLink
from loyalty.services import referral_links
from retention.api.base import Listing, Mine
from retention.api.errors import Conflict


class NoLink(Conflict):
    default_code = "no_link"
    default_detail = _("This account has no link for friends.")


class MyLink(serializers.Serializer[Any]):
    """My link; a friend sees it, and it is no secret."""

    code = serializers.CharField(help_text="To be said aloud; empty before it is made by a POST.")
    url = serializers.CharField(help_text="To be handed on; empty before it is made.")
    shows_name = serializers.BooleanField(help_text="Whether the page that it opens says my first name.")
    friend_gets = serializers.CharField(help_text="At once, in the request's language; empty: nothing.")
    friend_gets_later = serializers.CharField(
        help_text="By a friend with an account, once their order has lasted; empty: nothing, or there are no terms."
    )
    i_get = serializers.CharField(help_text="For each friend; empty where there are no terms in force.")
    terms = serializers.ListField(child=serializers.CharField(), help_text="How it works, a sentence each.")


def written(link: ReferralLink | None) -> dict[str, Any]:
    """Return the link as the API writes it."""
    now = timezone.now()
    terms = referral_links.terms()
    rates = queries.worth_rates() if terms else []
    return {
        "code": link.code if link else "",
        "url": referral_sections.url_of(link) if link else "",
        "shows_name": bool(link and link.shows_name),
        "friend_gets": referral_words.for_friend(terms, at=now) if terms else "",
        "friend_gets_later": referral_words.for_friend_later(terms, rates) if terms else "",
        "i_get": referral_words.reward(terms, rates) if terms else "",
        "terms": list(referral_words.for_members(terms, rates, at=now)) if terms else [],
    }


class MyReferralLink(Mine):
    """The caller's link."""

    queryset = ReferralLink.objects.none()
    serializer_class = MyLink
    filter_backends = ()

    @extend_schema(
        summary="My link for friends, and what it brings",
        responses={200: MyLink, 204: OpenApiResponse(description="Nobody is rewarded for friends at the moment.")},
    )
    def get(self, request: Request) -> Response:
        if referral_links.terms() is None:
            return Response(status=204)
        return Response(MyLink(written(referral_links.of(self.customer))).data)

    @extend_schema(summary="Make my link for friends; the same again is the same link", request=None, responses=MyLink)
    def post(self, request: Request) -> Response:
        try:
            link = referral_links.make(self.customer, at=timezone.now())
        except referral_links.NotAMember:
            raise NoLink from None
        return Response(MyLink(written(link)).data)


class MyReferral(serializers.Serializer[Referral]):
    """One friend's order. Who the friend is, is not in it."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=["waiting", "rewarded", "lost", "over_limit", "does_not_count"])
    words = serializers.CharField(help_text="How far it is, in the request's language.")
    points = serializers.IntegerField(help_text="Given for it.")

    def to_representation(self, referral: Any) -> dict[str, Any]:
        states = {
            Referral.State.REWARDED: "rewarded",
            Referral.State.LOST: "lost",
            Referral.State.CAPPED: "over_limit",
            Referral.State.NO: "does_not_count",
            Referral.State.DECLINED: "does_not_count",
        }
        return {
            "id": referral.pk,
            "at": serializers.DateTimeField().to_representation(referral.at),
            "state": states.get(referral.state, "waiting"),
            "words": referral_words.state(referral, at=timezone.now()),
            "points": referral.stands,
        }


@extend_schema(summary="Orders of friends whom I brought, newest first")
class MyReferrals(Listing, Mine):
    queryset = Referral.objects.all()
    serializer_class = MyReferral
    owner = "referrer"
