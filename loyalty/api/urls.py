"""What loyalty adds to the API."""

from django.urls import path

from loyalty.api import (
    challenges,
    earning,
    gifts,
    giving,
    leaving,
    memberships,
    my_referrals,
    referrals,
    rewards,
    staff,
    standing,
    wallet,
)

urlpatterns = [
    path("me/challenges/", challenges.MyChallenges.as_view(), name="api_my_challenges"),
    path("me/challenges/<int:pk>/join/", challenges.JoinChallenge.as_view(), name="api_join_challenge"),
    path("me/gifts/", gifts.MyGifts.as_view(), name="api_my_gifts"),
    path("me/giving/", giving.MyGiving.as_view(), name="api_my_giving"),
    path("me/memberships/", memberships.MyMemberships.as_view(), name="api_my_memberships"),
    path("me/points/", wallet.Points.as_view(), name="api_my_points"),
    path("me/points/entries/", wallet.Entries.as_view(), name="api_my_entries"),
    path("me/points/leave/", leaving.Leave.as_view(), name="api_leave_programme"),
    path("me/points/return/", leaving.ComeBack.as_view(), name="api_return_to_programme"),
    path("me/points/pending/", standing.Pending.as_view(), name="api_my_pending"),
    path("me/points/promise/", earning.Promise.as_view(), name="api_my_promise"),
    path("me/points/terms/", earning.Terms.as_view(), name="api_my_terms"),
    path("me/points/tier/", standing.Tier.as_view(), name="api_my_tier"),
    path("me/referral/", my_referrals.MyReferralLink.as_view(), name="api_my_referral_link"),
    path("me/referrals/", my_referrals.MyReferrals.as_view(), name="api_my_referrals"),
    path("me/rewards/", rewards.Rewards.as_view(), name="api_my_rewards"),
    path("me/claims/", rewards.Claims.as_view(), name="api_my_claims"),
    path("me/claims/<int:pk>/", rewards.ClaimDetail.as_view(), name="api_my_claim"),
    path("me/claims/<int:pk>/give-up/", rewards.GiveUp.as_view(), name="api_give_up_claim"),
    path("memberships/", memberships.Terms.as_view(), name="api_memberships"),
    path("points/", staff.Accounts.as_view(), name="api_points"),
    path("points/entries/", staff.Entries.as_view(), name="api_entries"),
    path("points/<int:customer>/", staff.AccountDetail.as_view(), name="api_account"),
    path("points/<int:customer>/correct/", staff.Correct.as_view(), name="api_correct"),
    path("referrals/", referrals.Referrals.as_view(), name="api_referrals"),
    path("referrals/open/", referrals.Open.as_view(), name="api_open_referral"),
    path("referrals/<int:pk>/decide/", referrals.Decide.as_view(), name="api_decide_referral"),
]
