"""Pages of campaigns: ``path("retention/", include("campaigns.urls"))``."""

from django.urls import URLPattern, path

from campaigns.views import coupons, surveys

app_name = "campaigns"

urlpatterns: list[URLPattern] = [
    path("c/<str:code>/", coupons.coupon, name="coupon"),
    path("s/<str:secret>/", surveys.answer, name="answer_page"),
    path("s/<str:secret>/<int:score>/", surveys.answer, name="answer"),
    path("s/<str:secret>/thanks/", surveys.thanks, name="answer_thanks"),
]
