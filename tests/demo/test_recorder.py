"""What the shop sends is recorded as it would have gone over the wire."""

from datetime import UTC, datetime

import pytest
from django.core.mail import BadHeaderError, EmailMessage, EmailMultiAlternatives, get_connection

from example.demo.models import RecordedMessage

pytestmark = pytest.mark.django_db


@pytest.fixture
def line():
    return get_connection("example.demo.mail.RecorderBackend")


def test_a_mail_is_recorded_with_both_bodies_and_all_headers(line, time_machine):
    time_machine.move_to(datetime(2026, 3, 1, 9, 30, tzinfo=UTC), tick=False)
    mail = EmailMultiAlternatives(
        subject="Grüße",
        body="Für Sie: 5 €",
        from_email="Shop <shop@example.com>",
        to=["ada@example.org"],
        reply_to=["help@example.com"],
        headers={"List-Unsubscribe": "<https://shop.example.com/u/1>", "Message-ID": "<1@shop.example.com>"},
    )
    mail.attach_alternative("<p>Für Sie: 5 €</p>", "text/html")

    assert line.send_messages([mail]) == 1

    [recorded] = RecordedMessage.objects.all()
    assert recorded.to == "ada@example.org"
    assert recorded.subject == "Grüße"
    assert recorded.text == "Für Sie: 5 €"
    assert recorded.html == "<p>Für Sie: 5 €</p>"
    assert recorded.sent_at == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    assert recorded.headers["From"] == "Shop <shop@example.com>"
    assert recorded.headers["Reply-To"] == "help@example.com"
    assert recorded.headers["List-Unsubscribe"] == "<https://shop.example.com/u/1>"
    assert recorded.headers["Message-ID"] == "<1@shop.example.com>"


def test_a_plain_mail_has_no_html(line):
    line.send_messages([EmailMessage("Hello", "Only words.", "shop@example.com", ["ada@example.org"])])

    [recorded] = RecordedMessage.objects.all()
    assert (recorded.text, recorded.html) == ("Only words.", "")


def test_a_mail_without_recipient_is_not_recorded(line):
    assert line.send_messages([EmailMessage("Hello", "Nobody reads this.", "shop@example.com", [])]) == 0
    assert RecordedMessage.objects.count() == 0


def test_a_mail_that_no_server_would_take_is_not_recorded(line):
    mail = EmailMessage("Hello\nBcc: eve@example.org", "", "shop@example.com", ["ada@example.org"])

    with pytest.raises(BadHeaderError):
        line.send_messages([mail])
    assert RecordedMessage.objects.count() == 0
