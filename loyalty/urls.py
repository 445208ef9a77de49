"""The shopper's pages: ``path("loyalty/", include("loyalty.urls"))``."""

from django.urls import path

from loyalty.views import challenges, history, leaving, referrals, rewards

app_name = "loyalty"

urlpatterns = [
    path("challenges/<int:pk>/join/", challenges.join, name="challenge_join"),
    path("programme/leave/", leaving.leave, name="leave"),
    path("programme/return/", leaving.come_back, name="come_back"),
    path("points/", history.history, name="history"),
    path("points/basket/", rewards.use_points, name="use_points"),
    path("points/basket/no/", rewards.dismiss, name="dismiss_points"),
    path("rewards/<int:reward>/", rewards.claim, name="claim"),
    path("rewards/claims/<int:claim>/give-up/", rewards.give_up, name="give_up"),
    path("r/", referrals.enter, name="referral_enter"),
    path("r/<str:code>/", referrals.referral, name="referral"),
    path("friends/link/", referrals.make, name="referral_make"),
    path("friends/name/", referrals.show_name, name="referral_name"),
]
