"""The API, version 1: ours, and what other apps registered."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from retention import registry
from retention.api import document
from retention.api.me import consent, export, profile, prompts, proof
from retention.api.me import orders as my_orders
from retention.api.missing import Missing
from retention.api.staff import customers, events, messages, orders, reviews

urlpatterns: list[URLPattern | URLResolver] = [
    path("schema/", document.Document.as_view(), name="api_schema"),
    path("docs/", document.docs, name="api_docs"),
    path("me/", profile.Profile.as_view(), name="api_me"),
    path("me/proof/", proof.Proof.as_view(), name="api_proof"),
    path("me/consent/", consent.Consents.as_view(), name="api_consents"),
    path("me/consent/<slug:purpose>/", consent.ConsentDetail.as_view(), name="api_consent"),
    path("me/export/", export.Export.as_view(), name="api_export"),
    path("me/orders/", my_orders.Orders.as_view(), name="api_my_orders"),
    path("me/orders/<int:pk>/", my_orders.OrderDetail.as_view(), name="api_my_order"),
    path("me/prompts/", prompts.Prompts.as_view(), name="api_prompts"),
    path("me/prompts/<slug:name>/shown/", prompts.PromptShown.as_view(), name="api_prompt_shown"),
    path("me/prompts/<slug:name>/dismiss/", prompts.PromptDismissed.as_view(), name="api_prompt_dismiss"),
    path("customers/", customers.Customers.as_view(), name="api_customers"),
    path("customers/search/", customers.CustomerSearch.as_view(), name="api_customer_search"),
    path("customers/<int:pk>/", customers.CustomerDetail.as_view(), name="api_customer"),
    path("customers/<int:pk>/reviews/", reviews.Reviews.as_view(), name="api_reviews"),
    path("orders/", orders.Orders.as_view(), name="api_orders"),
    path("orders/<int:pk>/", orders.OrderDetail.as_view(), name="api_order"),
    path("messages/", messages.Messages.as_view(), name="api_messages"),
    path("messages/<int:pk>/", messages.MessageDetail.as_view(), name="api_message"),
    path("messages/<int:pk>/cancel/", messages.MessageCancel.as_view(), name="api_message_cancel"),
    path("messages/<int:pk>/resend/", messages.MessageResend.as_view(), name="api_message_resend"),
    path("events/", events.Events.as_view(), name="api_events"),
    *[path("", include(routes)) for routes in registry.api_routes],
    re_path(r"", Missing.as_view(), name="api_missing"),
]
