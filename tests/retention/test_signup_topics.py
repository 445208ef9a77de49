"""A sign-up for one topic, and sign-ups that nobody confirmed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.mail import EmailMessage
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import reverse

from retention import registry
from retention.models import Consent, ConsentEvidence, Customer, Fact, MailEvent, Message, Token, Topic, TopicChoice
from retention.services import consent, signup
from tests.retention.choosing import post, topic
from tests.retention.ground import promise, tell
from tests.retention.mails import RECEIPT
from tests.retention.post import fetch, link
from tests.retention.shop import NOON, LocalShop

DAY = timedelta(days=1)
GONE = NOON + 37 * DAY
Box = list[EmailMessage]


@pytest.fixture(autouse=True)
def clock(shop: LocalShop, mails: None) -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def topics(db: None) -> None:
    topic("news", position=1, en="News of the kiln")
    topic("workshops", position=2, en="Workshops")


def sign_up(email: str = "ada@example.com", **more: str) -> Any:
    return Client().post(reverse("retention:signup"), {"email": email, "source": "footer", **more})


def confirm(box: Box) -> None:
    [mail] = fetch(box, NOON)
    assert Client().post(link(mail)).status_code == 200


def chosen() -> dict[str, bool]:
    return dict(TopicChoice.objects.values_list("topic__slug", "wanted"))


def render(source: str) -> str:
    request = RequestFactory().get("/")
    return Template("{% load retention %}" + source).render(Context({"request": request}))


def test_the_tag_names_the_topic_and_its_form_asks_for_it(topics: None) -> None:
    html = render('{% retention_signup source="footer" topic="news" %}')
    assert "Send me mail about this: News of the kiln. You can leave at any time" in html
    assert re.search(r'name="topic" value="news"', html)
    assert re.search(r'name="source" value="footer"', html)


def test_a_tag_with_a_topic_that_is_not_offered_asks_for_all_mail(topics: None) -> None:
    Topic.objects.update(active=False)
    assert "Send me offers and news by e-mail." in render('{% retention_signup topic="news" %}')


def test_who_signs_up_for_one_topic_gets_that_one(topics: None, mailoutbox: Box) -> None:
    sign_up(topic="workshops")
    assert chosen() == {}, "nothing before the mailbox has said yes"
    confirm(mailoutbox)
    assert chosen() == {"news": False, "workshops": True}
    evidence = ConsentEvidence.objects.get()
    assert evidence.source == "sign-up:footer"
    assert evidence.text.startswith("Send me mail about this: Workshops.")
    assert Fact.objects.get(kind="retention.SignupConfirmed").payload == {"source": "footer", "topic": "workshops"}


def test_who_gets_mail_already_loses_none_by_asking_for_a_topic(
    topics: None, customer: Callable[..., Customer], mailoutbox: Box
) -> None:
    ada = customer(wants=("marketing",))
    post(ada, topics=["news"])
    sign_up(topic="workshops")
    confirm(mailoutbox)
    assert chosen() == {"workshops": True}


def test_a_sign_up_for_all_says_nothing_of_topics(topics: None, mailoutbox: Box) -> None:
    sign_up()
    confirm(mailoutbox)
    assert chosen() == {}
    assert Fact.objects.get(kind="retention.SignupConfirmed").payload["topic"] == ""


def test_a_topic_that_there_is_not_is_no_topic(topics: None, mailoutbox: Box) -> None:
    assert sign_up(topic="forged").status_code == 302
    confirm(mailoutbox)
    assert chosen() == {}


def test_a_topic_that_went_meanwhile_still_keeps_the_others_off(topics: None, mailoutbox: Box) -> None:
    """They asked for one thing; that it is gone is no wish for everything else."""
    sign_up(topic="workshops")
    Topic.objects.filter(slug="workshops").delete()
    confirm(mailoutbox)
    assert chosen() == {"news": False}


def test_the_page_that_confirms_says_the_topic(topics: None, mailoutbox: Box) -> None:
    sign_up(topic="workshops")
    [mail] = fetch(mailoutbox, NOON)
    assert b"about this: Workshops." in Client().get(link(mail)).content


def test_a_form_with_a_mistake_comes_back_with_topic_and_error_at_its_field(topics: None) -> None:
    page = sign_up("ada@", topic="workshops")
    html = page.content.decode()
    assert page.status_code == 422
    assert "about this: Workshops." in html
    assert re.search(r'name="topic" value="workshops"', html)
    [field] = re.findall(r'<input type="email"[^>]*>', html)
    assert 'aria-invalid="true"' in field
    for described in re.findall(r'aria-describedby="([^"]*)"', field)[0].split():
        assert f'id="{described}"' in html
    assert 'id="id_email_error"' in html


# Sign-ups that nobody confirmed


def prune(at: Any) -> int:
    return signup.prune(at=at)


def test_a_sign_up_that_nobody_confirmed_is_forgotten_a_month_after_its_link_ended(mailoutbox: Box) -> None:
    sign_up()
    fetch(mailoutbox, NOON)
    assert prune(GONE - timedelta(seconds=1)) == 0
    assert prune(GONE) == 0, "not before the month is over"
    assert prune(GONE + timedelta(seconds=1)) == 1
    assert Customer.objects.count() == Message.objects.count() == Token.objects.count() == 0
    assert prune(GONE + DAY) == 0


def test_what_a_provider_told_of_the_mail_stays_without_it(mailoutbox: Box) -> None:
    sign_up()
    fetch(mailoutbox, NOON)
    MailEvent.objects.create(key="k", kind="bounced", message=Message.objects.get(), at=NOON, received_at=NOON)
    assert prune(GONE + DAY) == 1
    assert list(MailEvent.objects.values_list("kind", "message")) == [("bounced", None)]


def test_the_daily_tick_does_it(mailoutbox: Box) -> None:
    sign_up()
    fetch(mailoutbox, NOON)
    registry.ticks["retention.prune"].run(GONE + DAY)
    assert Customer.objects.count() == 0


def _confirmed(shop: LocalShop, box: Box) -> None:
    confirm(box)


def _ordered(shop: LocalShop, box: Box) -> None:
    shop.place("A1", email="ada@example.com")
    tell("A1")


def _asked_again(shop: LocalShop, box: Box) -> None:
    signup.ask(email="ada@example.com", source="page", language="", origin="", at=NOON + 20 * DAY)


def _answered(shop: LocalShop, box: Box) -> None:
    consent.withdraw(Customer.objects.get(), purpose="marketing", source="test", at=NOON)


def _owed_a_mail(shop: LocalShop, box: Box) -> None:
    promise(Customer.objects.get(), RECEIPT)


def _left_a_topic_out(shop: LocalShop, box: Box) -> None:
    one = topic("news")
    TopicChoice.objects.create(customer=Customer.objects.get(), topic=one, wanted=False, changed_at=NOON)


@pytest.mark.parametrize("something", [_confirmed, _ordered, _asked_again, _answered, _owed_a_mail, _left_a_topic_out])
def test_who_has_anything_else_to_their_name_stays(
    shop: LocalShop, mailoutbox: Box, something: Callable[[LocalShop, Box], None]
) -> None:
    sign_up()
    something(shop, mailoutbox)
    fetch(mailoutbox, NOON)
    assert prune(GONE + DAY) == 0
    assert Customer.objects.count() == 1


def test_a_guest_who_never_signed_up_stays(customer: Callable[..., Customer]) -> None:
    customer()
    assert prune(NOON + 4000 * DAY) == 0
    assert Consent.objects.count() == 0
    assert Customer.objects.count() == 1


def test_many_are_forgotten_in_pieces(mailoutbox: Box) -> None:
    for number in range(250):
        signup.ask(email=f"p{number}@example.com", source="page", language="", origin=f"192.0.2.{number}", at=NOON)
    assert prune(GONE + DAY) == 250
    assert Customer.objects.count() == 0
