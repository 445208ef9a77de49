"""The outbox, for staff: look, cancel, send again."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from retention.api.base import Detail, Listing, Staff
from retention.api.errors import Conflict
from retention.api.fields import Personal
from retention.api.filters import Choice, FilterSet, Id, Moment, Text
from retention.models import Message
from retention.services import outbox


class WrongState(Conflict):
    default_code = "wrong_state"
    default_detail = _("The message is in a state that does not allow this.")


class MessageOut(serializers.ModelSerializer[Message]):
    error = Personal(help_text="What the mail server said; it may quote an address.")

    class Meta:
        model = Message
        fields = (
            "id", "mail", "purpose", "customer", "order", "source", "priority", "state", "reason", "error", "due_at",
            "tries", "header_id", "created_at", "changed_at", "sent_at",
        )  # fmt: skip
        read_only_fields = fields
        ref_name = "Message"


class MessageFilter(FilterSet):
    customer = Id("customer_id")
    state = Choice(choices=Message.State.choices)
    purpose = Choice(choices=Message.Purpose.choices)
    mail = Text()
    order = Text()
    source = Text()
    due_from = Moment("due_at", lookup_expr="gte")
    due_before = Moment("due_at", lookup_expr="lt")

    class Meta:
        model = Message
        fields: tuple[str, ...] = ()


@extend_schema(summary="Messages, newest first")
class Messages(Listing, Staff):
    queryset = Message.objects.all()
    serializer_class = MessageOut
    filterset_class = MessageFilter
    needs = {"GET": "retention.view_message"}


@extend_schema(summary="One message")
class MessageDetail(Detail, Staff):
    queryset = Message.objects.all()
    serializer_class = MessageOut
    needs = {"GET": "retention.view_message"}


class MessageCancel(Staff):
    queryset = Message.objects.all()
    serializer_class = MessageOut
    needs = {"POST": "retention.send_message"}

    @extend_schema(summary="Call a message off that has not left", request=None, responses=MessageOut)
    def post(self, request: Request, pk: int) -> Response:
        message = self.get_object()
        if not outbox.cancel(message, reason=f"cancelled by staff {request.user.pk}", at=timezone.now()):
            raise WrongState
        message.refresh_from_db()
        return Response(self.get_serializer(message).data)


class MessageResend(Staff):
    queryset = Message.objects.all()
    serializer_class = MessageOut
    needs = {"POST": "retention.send_message"}

    @extend_schema(
        summary="Send a message once more that failed, was skipped or cancelled, or is in doubt",
        request=None,
        responses=MessageOut,
    )
    def post(self, request: Request, pk: int) -> Response:
        message = self.get_object()
        if not outbox.resend(message, at=timezone.now()):
            raise WrongState
        message.refresh_from_db()
        return Response(self.get_serializer(message).data)
