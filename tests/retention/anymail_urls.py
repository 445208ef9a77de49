"""The ground's URLs, and Anymail's webhooks."""

from django.urls import include, path

from tests.retention.urls import urlpatterns as grounds

urlpatterns = [path("anymail/", include("anymail.urls")), *grounds]
