"""The outbox of the demo, for people and for programs."""

from datetime import UTC, datetime, timedelta

import pytest

from example.demo.models import RecordedMessage

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def mails():
    """Three mails, a minute apart."""
    return [
        RecordedMessage.objects.create(
            to=f"{name}@example.org",
            subject=f"Hello {name}",
            text=f"Dear {name}",
            html=f"<html><head></head><body><p>Dear {name}</p></body></html>",
            headers={"From": "shop@example.com"},
            sent_at=NOON + timedelta(minutes=index),
        )
        for index, name in enumerate(["ada", "bo", "cleo"])
    ]


def test_json_lists_every_field_newest_first(client, mails):
    listed = client.get("/demo/outbox.json").json()

    assert [mail["to"] for mail in listed] == ["cleo@example.org", "bo@example.org", "ada@example.org"]
    assert listed[2] == {
        "id": mails[0].pk,
        "to": "ada@example.org",
        "subject": "Hello ada",
        "text": "Dear ada",
        "html": "<html><head></head><body><p>Dear ada</p></body></html>",
        "headers": {"From": "shop@example.com"},
        "sent_at": "2026-03-01T12:00:00+00:00",
    }


def test_json_of_an_empty_outbox_is_an_empty_list(client):
    assert client.get("/demo/outbox.json").json() == []


def test_json_goes_on_after_an_id(client, mails):
    listed = client.get("/demo/outbox.json", {"after": mails[1].pk}).json()

    assert [mail["id"] for mail in listed] == [mails[2].pk]


def test_json_refuses_what_is_no_number(client):
    assert client.get("/demo/outbox.json", {"after": "yesterday"}).status_code == 400


def test_page_finds_words_in_address_and_subject(client, mails):
    page = client.get("/demo/outbox/", {"q": "hello BO@"}).content.decode()

    assert "Hello bo" in page
    assert "Hello ada" not in page


def test_page_says_so_when_nothing_was_sent(client):
    assert "Nothing has been sent yet" in client.get("/demo/outbox/").content.decode()


def test_body_of_a_mail_may_run_nothing_and_opens_links_elsewhere(client, mails):
    answer = client.get(f"/demo/outbox/{mails[0].pk}/body/")

    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "allow-scripts" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert answer.content.decode().startswith('<html><head><base target="_blank"></head>')


def test_pages_have_no_inline_script_or_style(client, mails):
    for url in ("/demo/outbox/", f"/demo/outbox/{mails[0].pk}/"):
        page = client.get(url).content.decode()
        assert "<script" not in page
        assert "<style" not in page
        assert "style=" not in page


def test_a_mail_that_does_not_exist_is_not_found(client):
    assert client.get("/demo/outbox/1/").status_code == 404
    assert client.get("/demo/outbox/1/body/").status_code == 404
