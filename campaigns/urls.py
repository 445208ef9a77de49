"""Pages of campaigns: ``path("retention/", include("campaigns.urls"))``."""

from django.urls import URLPattern, path

from campaigns.views import coupons, nudge, surveys, taking_out

app_name = "campaigns"

urlpatterns: list[URLPattern] = [
    path("c/<str:code>/", coupons.coupon, name="coupon"),
    path("c/<str:code>/out/", taking_out.take_out, name="take_out"),
    path("nudges/coupon/<int:coupon>/", nudge.dismiss, name="dismiss_nudge"),
    path("s/<str:secret>/", surveys.answer, name="answer_page"),
    path("s/<str:secret>/<int:score>/", surveys.answer, name="answer"),
    path("s/<str:secret>/thanks/", surveys.thanks, name="answer_thanks"),
]
