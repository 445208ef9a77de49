"""The shopper's pages: ``path("loyalty/", include("loyalty.urls"))``."""

from django.urls import path

from loyalty.views import history

app_name = "loyalty"

urlpatterns = [
    path("points/", history.history, name="history"),
]
