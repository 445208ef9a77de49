"""Referrals for staff, and for a shop that carries friends' codes itself."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.models import Coupon
from campaigns.services import codes
from loyalty import queries, referral_words
from loyalty.models import Referral
from loyalty.services import referral_links, referral_reviews, referral_visits
from retention.api.base import Listing, Staff
from retention.api.errors import Conflict
from retention.api.filters import Choice, FilterSet, Id, Moment, Text
from retention.api.paging import LARGEST_ID


class CameByAnother(Conflict):
    default_code = "came_by_another"
    default_detail = _("This order has come by another code already.")


class NotOpen(Conflict):
    default_code = "not_open"
    default_detail = _("Nobody is asked about this referral, or it was decided meanwhile.")


class OwnOrder(Conflict):
    default_code = "own_order"
    default_detail = _("The order is the referrer's own: it can only be declined.")


class NoTerms(Conflict):
    default_code = "no_terms"
    default_detail = _("Nobody is rewarded for friends at the moment.")


class ReferralOut(serializers.ModelSerializer[Referral]):
    flags: Any = serializers.SlugRelatedField(slug_field="kind", many=True, read_only=True)

    class Meta:
        model = Referral
        fields = (
            "id", "order", "code", "at", "state", "why", "review", "flags", "referrer", "friend", "points", "due_at",
            "stands", "forgiven", "rewarded_at", "friend_coupon", "friend_points", "friend_stands",
        )  # fmt: skip
        read_only_fields = fields
        ref_name = "Referral"


class CodeIn(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=40, help_text="As the friend typed it.")

    def validate_code(self, value: str) -> str:
        if referral_links.find(value) is None:
            raise serializers.ValidationError(_("No member has this code."), code="unknown")
        return codes.normal(value)


class OpenIn(CodeIn):
    visit = serializers.CharField(
        max_length=64, help_text="Your own word for the visit, e.g. of the basket: the same again is the same coupon."
    )


class OpenOut(serializers.Serializer[Any]):
    """What the page of a link says, and the coupon that its button gives."""

    code = serializers.CharField(help_text="Of the link; send it with the order.")
    coupon = serializers.CharField(help_text="The friend's, for your checkout; empty: there is none.")
    friend_gets = serializers.CharField(help_text="By the coupon, in the request's language; empty: nothing.")
    friend_gets_later = serializers.CharField(
        help_text="By a friend with an account, once the order has lasted; empty: nothing."
    )
    days = serializers.IntegerField(help_text="For so many days an order that follows counts; that is yours to keep.")


class ReferralIn(CodeIn):
    order = serializers.CharField(max_length=128, help_text="The shop's reference of the friend's order.")
    coupon = serializers.CharField(
        max_length=40, required=False, allow_blank=True, default="",
        help_text="The friend's coupon, as opening the link gave it: it is bound to the friend.",
    )  # fmt: skip
    address = serializers.CharField(
        max_length=64, required=False, allow_blank=True, default="",
        help_text="The friend's network address; only a hash of it is kept, for some days.",
    )  # fmt: skip

    def validate_coupon(self, value: str) -> Coupon | None:
        coupon = referral_visits.given(value) if value else None
        if value and coupon is None:
            raise serializers.ValidationError(_("This coupon was not given with a link."), code="unknown")
        return coupon


class ReferralFilter(FilterSet):
    order = Text()
    state = Choice(choices=Referral.State.choices)
    why = Choice(choices=Referral.Why.choices)
    review = Choice(choices=[choice for choice in Referral.Review.choices if choice[0]])
    referrer = Id("referrer_id")
    friend = Id("friend_id")
    at_from = Moment("at", lookup_expr="gte")
    at_before = Moment("at", lookup_expr="lt")

    class Meta:
        model = Referral
        fields: tuple[str, ...] = ()


class Referrals(Listing, Staff):
    queryset = Referral.objects.prefetch_related("flags")
    serializer_class = ReferralOut
    filterset_class = ReferralFilter
    needs = {"GET": "retention_loyalty.view_referral", "POST": "retention_loyalty.add_referral"}

    @extend_schema(summary="Who brought whom, newest first")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        summary="Say by whose code an order came",
        description="For a shop that has its own checkout. Whether it counts is found out afterwards; the same again "
        "is the same referral.",
        request=ReferralIn,
        responses={201: ReferralOut},
    )
    def post(self, request: Request) -> Response:
        asked = ReferralIn(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        referral_visits.note(
            order=data["order"], code=data["code"], address=data["address"], coupon=data["coupon"] or None,
            at=timezone.now(),
        )  # fmt: skip
        referral = self.get_queryset().get(order=data["order"])
        if referral.code != data["code"]:
            raise CameByAnother
        return Response(ReferralOut(referral).data, status=201)


class Open(Staff):
    queryset = Referral.objects.none()
    serializer_class = OpenOut
    filter_backends = ()
    needs = {"POST": "retention_loyalty.add_referral"}

    @extend_schema(
        summary="Open a member's link for a friend, who gets the coupon that its page gives",
        description="For a shop that has its own pages. Put the coupon into the friend's basket, and send code and "
        "coupon with the order.",
        request=OpenIn,
        responses={200: OpenOut},
    )
    def post(self, request: Request) -> Response:
        asked = OpenIn(data=request.data)
        asked.is_valid(raise_exception=True)
        now, terms, link = timezone.now(), referral_links.terms(), referral_links.find(asked.validated_data["code"])
        if terms is None or link is None:
            raise NoTerms
        coupon = referral_visits.open_link(link, terms, visit=asked.validated_data["visit"], at=now)
        answer = {
            "code": link.code,
            "coupon": coupon.code if coupon else "",
            "friend_gets": referral_words.for_friend(terms, at=now),
            "friend_gets_later": referral_words.for_friend_later(terms, queries.worth_rates()),
            "days": terms.link_days,
        }
        return Response(OpenOut(answer).data)


class DecisionIn(serializers.Serializer[Any]):
    approve = serializers.BooleanField(help_text="True: rewarded if the order lasts; false: never.")
    reason = serializers.CharField(max_length=200, help_text="Kept with your name.")


class Decide(Staff):
    queryset = Referral.objects.prefetch_related("flags")
    serializer_class = ReferralOut
    filter_backends = ()
    needs = {"POST": "retention_loyalty.review_referral"}

    @extend_schema(
        summary="Approve or decline a referral that stands out", request=DecisionIn, responses={200: ReferralOut}
    )
    def post(self, request: Request, pk: int) -> Response:
        referral = get_object_or_404(self.get_queryset(), pk=min(pk, LARGEST_ID))
        asked = DecisionIn(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            referral_reviews.decide(
                referral,
                approve=asked.validated_data["approve"],
                reason=asked.validated_data["reason"],
                author=request.user.get_username(),
                at=timezone.now(),
            )
        except referral_reviews.Reviewed:
            raise NotOpen from None
        except referral_reviews.OwnOrder:
            raise OwnOrder from None
        return Response(ReferralOut(self.get_queryset().get(pk=referral.pk)).data)
