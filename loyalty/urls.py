"""The shopper's pages: ``path("loyalty/", include("loyalty.urls"))``."""

from django.urls import path

from loyalty.views import history, referrals

app_name = "loyalty"

urlpatterns = [
    path("points/", history.history, name="history"),
    path("r/", referrals.enter, name="referral_enter"),
    path("r/<str:code>/", referrals.referral, name="referral"),
    path("friends/link/", referrals.make, name="referral_make"),
    path("friends/name/", referrals.show_name, name="referral_name"),
]
