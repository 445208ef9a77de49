"""What campaigns add to the API."""

from django.urls import path

from campaigns.api import cases, checking, my_coupons, redeeming, staff_coupons, surveys

urlpatterns = [
    path("me/coupons/", my_coupons.MyCoupons.as_view(), name="api_my_coupons"),
    path("me/coupons/<int:pk>/", my_coupons.MyCouponDetail.as_view(), name="api_my_coupon"),
    path("coupons/", staff_coupons.Coupons.as_view(), name="api_coupons"),
    path("coupons/check/", checking.CouponCheck.as_view(), name="api_coupon_check"),
    path("coupons/commit/", redeeming.CouponCommit.as_view(), name="api_coupon_commit"),
    path("coupons/release/", redeeming.CouponRelease.as_view(), name="api_coupon_release"),
    path("coupons/reserve/", redeeming.CouponReserve.as_view(), name="api_coupon_reserve"),
    path("coupons/<int:pk>/", staff_coupons.CouponDetail.as_view(), name="api_coupon"),
    path("coupons/<int:pk>/extend/", staff_coupons.CouponExtend.as_view(), name="api_coupon_extend"),
    path("coupons/<int:pk>/reissue/", staff_coupons.CouponReissue.as_view(), name="api_coupon_reissue"),
    path("coupons/<int:pk>/void/", staff_coupons.CouponVoid.as_view(), name="api_coupon_void"),
    path("surveys/", surveys.Surveys.as_view(), name="api_surveys"),
    path("surveys/<int:pk>/score/", surveys.SurveyScore.as_view(), name="api_survey_score"),
    path("answers/", surveys.Answers.as_view(), name="api_answers"),
    path("answers/<int:pk>/", surveys.AnswerDetail.as_view(), name="api_answer"),
    path("cases/", cases.Cases.as_view(), name="api_cases"),
    path("cases/<int:pk>/", cases.CaseDetail.as_view(), name="api_case"),
]
