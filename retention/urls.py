"""Our pages and API: ``path("retention/", include("retention.urls"))``."""

from django.urls import include, path

from retention.views import account, health, links, preferences, signup

app_name = "retention"

urlpatterns = [
    path("account/", account.home, name="account"),
    path("account/open/", account.open_account, name="open_account"),
    path("account/no-thanks/", account.dismiss, name="dismiss_account"),
    path("account/link/", account.mail_link, name="mail_account_link"),
    path("account/proof/", account.ask_proof, name="ask_proof"),
    path("account/mail/", preferences.own, name="own_preferences"),
    path("account/question/<str:name>/", account.answer_question, name="answer_question"),
    path("account/question/<str:name>/not-now/", account.skip_question, name="skip_question"),
    path("account/done/", account.done, name="account_done"),
    path("enter/<str:secret>/", links.enter, name="enter"),
    path("sign-in/<str:secret>/", links.sign_in, name="sign_in"),
    path("again/", links.again, name="link_again"),
    path("signup/", signup.signup, name="signup"),
    path("signup/thanks/", signup.thanks, name="signup_thanks"),
    path("confirm/<str:secret>/", signup.confirm, name="confirm_signup"),
    path("u/<str:token>", preferences.unsubscribe, name="unsubscribe"),
    path("p/<str:token>", preferences.preferences, name="preferences"),
    path("health/", health.health, name="health"),
    path("api/v1/", include("retention.api.urls")),
]
