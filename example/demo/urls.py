from django.urls import path

from example.demo import views

app_name = "demo"
urlpatterns = [
    path("outbox/", views.Outbox.as_view(), name="outbox"),
    path("outbox.json", views.outbox_json, name="outbox-json"),
    path("outbox/<int:pk>/", views.Message.as_view(), name="message"),
    path("outbox/<int:pk>/body/", views.body, name="body"),
]
