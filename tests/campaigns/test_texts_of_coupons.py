"""The merchant's own words around a coupon: the ready block says all, in the language of the words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail

from campaigns.models import Journey
from campaigns.services import invitations
from retention import registry
from retention.models import Customer, Sending, Text
from retention.services import proofreading, rendering, samples, texts
from tests.campaigns.test_journey_welcome import confirm
from tests.campaigns.walks import Walk, guest

Switch = Callable[..., Journey]
BODY = "<p>Here you are:</p>{{ coupon_block }}"


def test_the_ready_coupon_holds_code_terms_and_a_tagged_link(walk: Walk, switch: Switch) -> None:
    switch("welcome")
    Sending.objects.update_or_create(pk=1, defaults={"utm_source": "shop", "utm_campaign": "hello"})
    Text.objects.create(mail="campaigns.welcome", language="en", subject="Hi", html=BODY, text="{{ coupon_block }}")
    confirm(walk, guest("ada@example.com", at=walk.clock.now))
    walk.tick()
    [message] = mail.outbox
    html: Any = message.alternatives[0][0]  # type: ignore[attr-defined]
    code = str(message.body).split()[0]
    assert '<p class="code" style="' in html
    assert f">{code}</p>" in html
    assert "It can be used once." in html
    assert "It can be used once." in message.body
    assert f"/retention/c/{code}/?utm_source=shop&utm_campaign=hello\n" in message.body


def test_terms_are_in_the_language_of_the_words_around_them(walk: Walk, switch: Switch) -> None:
    switch("welcome")
    Text.objects.create(
        mail="campaigns.welcome", language="en", subject="Hi: {{ gives }}", html=BODY, text="{{ expires }}"
    )
    ada = guest("ada@example.com", at=walk.clock.now)
    Customer.objects.filter(pk=ada.pk).update(language="es")
    ada.refresh_from_db()
    confirm(walk, ada)
    walk.tick()
    [message] = mail.outbox
    assert message.subject == "Hi: 10% off"
    assert "Questions? A person answers at" in message.body


def test_without_own_words_all_is_in_the_customers_language(walk: Walk, switch: Switch) -> None:
    switch("welcome")
    ada = guest("ada@example.com", at=walk.clock.now)
    Customer.objects.filter(pk=ada.pk).update(language="es")
    ada.refresh_from_db()
    confirm(walk, ada)
    walk.tick()
    [message] = mail.outbox
    assert "10% off" not in message.subject
    assert "Questions?" not in message.body


@pytest.mark.django_db
@pytest.mark.parametrize("name", [invitations.INVITATION, invitations.REMINDER])
def test_a_survey_has_its_question_as_a_ready_block_and_no_gift(name: str) -> None:
    survey = registry.mails[name]
    own = Text(mail=name, language="en", subject="s", html="{{ rating_block }}", text="{{ rating_block }}")
    assert proofreading.faults(survey, own) == []
    rendered = rendering.render(survey, language="en", values=samples.values(survey, language="en"), own={"en": own})
    assert rendered.html.count('class="score"') == 5
    assert rendered.text.count("/retention/sample/") == 5
    for gift in ("coupon_block", "points_block", "products_block", "companions_block"):
        own.html = f"{{{{ {gift} }}}}"
        assert len(proofreading.faults(survey, own)) == 1


@pytest.mark.django_db
def test_service_mail_holds_no_marketing() -> None:
    assert [one.name for one in registry.mails if one.purpose == "service" and one.parts] == []


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "es", "ru", "zh-hans"])
def test_the_shipped_words_of_every_mail_are_a_text_without_faults(language: str) -> None:
    for one in registry.mails:
        words = texts.words(one, language)
        own = Text(
            mail=one.name, language=language, subject=words.subject, preheader=words.preheader, html=words.html,
            text=words.text,
        )  # fmt: skip
        assert proofreading.faults(one, own) == [], one.name
