"""Topics: marketing mail of a kind that a person may leave out and still get the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from retention.models import Customer, Message, Topic, TopicChoice
from retention.services import delivery, permission, topics
from tests.retention.choosing import boxes, path, post, strict, topic
from tests.retention.ground import promise
from tests.retention.mails import NEWS, QUESTION, RECEIPT, make
from tests.retention.shop import NOON, LocalShop

DAY = timedelta(days=1)
Make = Callable[..., Customer]
Box = list[EmailMessage]


@pytest.fixture(autouse=True)
def clock(shop: LocalShop, mails: None) -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def ada(customer: Make) -> Customer:
    """Wants the shop's mail."""
    topic("news", position=1, en="News", es="Novedades")
    topic("workshops", position=2, en="Workshops")
    return customer(wants=("marketing", "survey"))


def became(message: Message) -> tuple[str, str]:
    delivery.deliver(at=NOON)
    message.refresh_from_db()
    return message.state, message.reason


def chosen() -> dict[str, bool]:
    return dict(TopicChoice.objects.values_list("topic__slug", "wanted"))


def test_a_mail_of_a_topic_that_was_left_out_is_skipped_and_the_others_are_sent(ada: Customer) -> None:
    post(ada, topics=["news"])
    assert chosen() == {"workshops": False}, "what was left ticked is no choice"
    assert became(promise(ada, NEWS, key="w", topic="workshops")) == ("skipped", "topic not wanted")
    assert became(promise(ada, NEWS, key="n", topic="news")) == ("sent", "")
    assert became(promise(ada, NEWS, key="0")) == ("sent", "")


def test_a_kind_of_mail_has_a_topic_of_its_own_and_a_promise_may_name_another(ada: Customer) -> None:
    make(NEWS, "marketing", topic="workshops")
    assert promise(ada, NEWS, key="own").topic == "workshops"
    assert promise(ada, NEWS, key="other", topic="news").topic == "news"


def test_service_mail_and_surveys_have_no_topic(ada: Customer) -> None:
    post(ada, topics=None)
    for mail in (RECEIPT, QUESTION):
        message = promise(ada, mail, topic="news")
        assert message.topic == ""
        assert became(message) == ("sent", "")


@pytest.mark.parametrize("change", ["switched off", "deleted"])
def test_where_a_topic_is_gone_mail_goes_by_consent_alone(ada: Customer, change: str) -> None:
    post(ada, topics=["news"])
    workshops = Topic.objects.filter(slug="workshops")
    workshops.delete() if change == "deleted" else workshops.update(active=False)
    assert became(promise(ada, NEWS, topic="workshops")) == ("sent", "")
    assert b"Workshops" not in strict().get(path(ada)).content


def test_leaving_a_topic_out_between_asking_and_sending_stops_the_mail(ada: Customer) -> None:
    message = promise(ada, NEWS, topic="workshops")
    Message.objects.filter(pk=message.pk).update(state="claimed", owner="me", lease_until=NOON + DAY)
    rows = Message.objects.filter(pk=message.pk)
    assert permission.still_allowed(rows, message, at=NOON).count() == 1
    post(ada, topics=["news"])
    assert permission.still_allowed(rows, message, at=NOON).count() == 0
    post(ada, topics=["news", "workshops"])
    assert permission.still_allowed(rows, message, at=NOON).count() == 1


def test_a_hundred_mails_are_asked_in_as_many_queries_as_ten(ada: Customer, customer: Make) -> None:
    def queries(count: int) -> int:
        people = [customer(f"p{count}-{number}@example.com", wants=("marketing",)) for number in range(count)]
        ids = [promise(person, NEWS, topic="news").pk for person in people]
        messages = list(Message.objects.filter(pk__in=ids).select_related("customer"))
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert permission.refusals(messages, at=NOON) == {}
        return len(asked)

    assert queries(10) == queries(100)


def test_words_are_in_the_readers_language_else_in_the_shops_else_in_any(ada: Customer, settings: Any) -> None:
    only = topic("raku", position=3, es="Rakú")
    assert [one.name for one in topics.offered("es")] == ["Novedades", "Workshops", "Rakú"]
    assert [one.name for one in topics.offered("es-mx")] == ["Novedades", "Workshops", "Rakú"]
    assert [one.name for one in topics.offered("ru")] == ["News", "Workshops", "Rakú"]
    only.words.all().delete()
    assert topics.offered("es")[-1].name == "Raku"


def test_the_page_shows_topics_in_their_order_and_in_the_readers_language(ada: Customer, settings: Any) -> None:
    client = strict()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "es"
    page = client.get(path(ada))
    assert boxes(page)["topics"] == ["news", "workshops"]
    assert "Novedades" in page.content.decode()


def test_a_topic_that_came_while_the_page_was_open_is_not_left_out(ada: Customer) -> None:
    sent = boxes(strict().get(path(ada))) | {"do": ["save"]}
    topic("raku", en="Raku")
    strict().post(path(ada), sent | {"topics": ["news"]})
    assert chosen() == {"workshops": False}


def test_a_topic_that_went_while_the_page_was_open_is_no_mistake(ada: Customer) -> None:
    sent = boxes(strict().get(path(ada))) | {"do": ["save"], "survey": []}
    Topic.objects.filter(slug="news").delete()
    assert strict().post(path(ada), sent).status_code == 200
    assert not ada.consents.get(purpose="survey").granted, "the rest is saved"


def test_who_named_the_topics_they_want_gets_a_new_one_only_when_they_tick_it(
    ada: Customer, customer: Make, django_capture_on_commit_callbacks: Any
) -> None:
    """Who left one out wants the rest, new ones too; who asked for one wants that one."""
    ben = customer("ben@example.com", wants=("marketing",))
    post(ada, topics=["news"])
    for slug, wanted in (("news", True), ("workshops", False)):
        TopicChoice.objects.create(customer=ben, topic=Topic.objects.get(slug=slug), wanted=wanted, changed_at=NOON)
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("staff", "staff@example.com", "a long password"))
    with django_capture_on_commit_callbacks(execute=True):
        page = client.post(
            "/admin/retention/topic/add/",
            {
                "slug": "raku", "position": "3", "active": "on", "words-TOTAL_FORMS": "1", "words-INITIAL_FORMS": "0",
                "words-0-language": "en", "words-0-name": "Raku", "words-0-about": "Fire",
            },
        )  # fmt: skip
    assert page.status_code == 302
    left = TopicChoice.objects.filter(topic__slug="raku")
    assert list(left.values_list("customer", "wanted")) == [(ben.pk, False)]


def test_staff_see_who_left_a_topic_out_and_cannot_rename_its_links(ada: Customer) -> None:
    post(ada, topics=["news"])
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("staff", "staff@example.com", "a long password"))
    page = client.get("/admin/retention/topic/").content.decode()
    assert '<td class="field-left_out">1</td>' in page
    assert '<td class="field-name">Workshops</td>' in page
    one = Topic.objects.get(slug="workshops")
    assert 'name="slug"' not in client.get(f"/admin/retention/topic/{one.pk}/change/").content.decode()
