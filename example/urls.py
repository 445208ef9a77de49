"""The shop's pages, and where our apps stand among them."""

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.static import serve

urlpatterns = [
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
    path("demo/", include("example.demo.urls")),
    path("media/<path:path>", serve, {"document_root": settings.MEDIA_ROOT}),
    path("retention/", include("retention.urls")),
    path("retention/", include("campaigns.urls")),
    path("retention/", include("loyalty.urls")),
    path("", include(apps.get_app_config("oscar").urls[0])),
]
