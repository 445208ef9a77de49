"""The URLs of a shop that has nothing but ours."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("retention/", include("retention.urls")),
]
