"""What a mail says: declared values, escaped, in the reader's language; and texts that staff get wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.utils import translation

from retention import registry
from retention.models import Customer, Message, Text
from retention.services import delivery, rendering, texts
from tests.retention.ground import promise
from tests.retention.mails import RECEIPT, make
from tests.retention.shop import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails")]

Make = Callable[..., Customer]
Box = list[EmailMessage]


class Secretive:
    """What an app hands in by mistake: an object, with something to hide."""

    password = "hunter2"

    def reveal(self) -> str:
        return "hunter2"

    def __str__(self) -> str:
        return "an object"


VALUES: dict[str, Any] = {
    "shop": {"name": "Paper & Clay", "url": "https://shop.example.com/", "postal_address": "1 Kiln Lane"},
    "first_name": '<img src=x onerror="alert(1)">',
    "reply_to": "people@shop.example.com",
    "unsubscribe_url": None,
    "thing": Secretive(),
    "rows": [{"score": 1}, {"score": 2}],
}


def own(html: str = "<p>x</p>", *, text: str = "x", subject: str = "s", preheader: str = "p") -> Text:
    return Text(mail=RECEIPT, language="en", subject=subject, preheader=preheader, html=html, text=text)


def render(text: Text, **values: Any) -> rendering.Rendered:
    return rendering.render(registry.mails[RECEIPT], language="en", values={**VALUES, **values}, own={"en": text})


# Values


def test_a_name_with_html_in_it_is_text_in_html_and_stays_as_it_is_in_plain_text() -> None:
    said = "Hello {{ first_name }}"
    rendered = render(own(f"<p>{said}</p>", text=said, subject=said))
    assert "<img" not in rendered.html
    assert '&lt;img src=x onerror="alert(1)"&gt;' in rendered.html
    assert 'Hello <img src=x onerror="alert(1)">' in rendered.text
    assert rendered.subject == 'Hello <img src=x onerror="alert(1)">'


@pytest.mark.parametrize(
    "said",
    [
        "{{ first_name | append: '<b>' }}",
        "{{ '<b>' | append: first_name }}",
        "{{ first_name | upcase | downcase }}",
        "{{ first_name | replace: 'x', '<' }}",
        "{{ first_name | split: ' ' | join: ' ' }}",
        "{{ first_name | newline_to_br }}",
        "{{ first_name | url_decode }}",
        "{{ first_name | escape_once }}",
        "{% capture name %}{{ first_name }}{% endcapture %}{{ name }}",
        "{% assign name = first_name %}{{ name }}",
        "{{ first_name | base64_encode | base64_decode }}",
        "{{ first_name | strip_html }}{{ first_name | slice: 0, 30 }}",
        "{% cycle first_name, 'x' %}",
        "{% echo first_name %}",
    ],
)
def test_no_filter_makes_a_tag_of_a_name(said: str) -> None:
    assert "<img" not in render(own(said)).html.lower()


def test_a_name_does_not_leave_the_attribute_it_is_in() -> None:
    assert 'onerror="' not in render(own('<a title="{{ first_name }}">x</a>')).html


def test_there_is_no_filter_that_trusts_a_name() -> None:
    with pytest.raises(rendering.CannotRender, match="safe"):
        render(own("{{ first_name | safe }}"))


@pytest.mark.parametrize("part", ["html", "text", "subject", "preheader"])
def test_a_value_that_is_not_declared_fails_the_mail_with_the_reason(
    customer: Make, mailoutbox: Box, part: str
) -> None:
    text = own(**{part: "for {{ birthday }}"})
    text.save()
    bad = promise(customer())
    delivery.deliver(at=NOON)
    bad.refresh_from_db()
    assert (bad.state, bad.reason) == ("failed", "text")
    assert bad.error.startswith("CannotRender: test.receipt (en): 'birthday' is undefined")
    assert mailoutbox == []


def test_a_text_that_is_wrong_in_one_language_fails_those_mails_alone(customer: Make, mailoutbox: Box) -> None:
    Text.objects.create(mail=RECEIPT, language="es", subject="{{ oops }}", html="x", text="x")
    bad, good = promise(customer("ada@example.com", language="es")), promise(customer("ben@example.com"))
    delivery.deliver(at=NOON)
    for message in (bad, good):
        message.refresh_from_db()
    assert (bad.state, good.state) == ("failed", "sent")


def test_a_value_that_is_missing_in_a_condition_is_an_error_too() -> None:
    with pytest.raises(rendering.CannotRender, match="birthday"):
        render(own("{% if birthday %}Happy birthday{% endif %}"))


def test_what_is_not_known_is_nothing_in_a_condition(
    customer: Make, mailoutbox: Box, wiring: Callable[..., None]
) -> None:
    """In Liquid an empty string is true; a customer without a name has none."""
    wiring(POSTAL_ADDRESS="")
    said = "{% if first_name %}Dear {{ first_name }}{% else %}Hello{% endif %}"
    Text.objects.create(mail=RECEIPT, language="en", subject=said, html="x", text="x")
    promise(customer(first_name=""))
    delivery.deliver(at=NOON)
    [mail] = mailoutbox
    assert mail.subject == "Hello"
    assert "Paper & Clay," not in mail.body


def test_a_subject_is_one_line_and_not_long() -> None:
    rendered = render(own(subject="Hello\n\t{{ first_name }}\r\nBcc: x " + "y" * 300), first_name="A\nB")
    assert rendered.subject.startswith("Hello A B Bcc: x yyy")
    assert len(rendered.subject) == 200


def test_the_layout_holds_answer_and_postal_address_and_leaves_out_what_is_empty() -> None:
    rendered = render(own("<p>body</p>", text="body"))
    for part in (rendered.html, rendered.text):
        assert "people@shop.example.com" in part
        assert "1 Kiln Lane" in part
        assert "Unsubscribe" not in part
        assert "body" in part
    assert "<p>body</p>" in rendered.html, "the merchant's own tags are tags"


def test_a_link_is_not_broken_by_escaping() -> None:
    rendered = render(own('<a href="{{ link }}">x</a>', text="{{ link }}"), link="https://x.example/?a=1&b=2")
    assert 'href="https://x.example/?a=1&amp;b=2"' in rendered.html
    assert "https://x.example/?a=1&b=2" in rendered.text


# Language


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("en", "en"),
        ("es", "es"),
        ("es-mx", "es"),
        ("zh-hans", "zh-hans"),
        ("zh-cn", "zh-hans"),
        ("tlh", "en"),
        ("", "en"),
        ("../../etc", "en"),
        ("x" * 600, "en"),
    ],
    ids=lambda value: value[:12] or "none",
)
def test_the_language_is_the_customers_where_the_shop_has_it(wanted: str, language: str) -> None:
    assert texts.language_of(wanted) == language


def test_the_merchants_words_replace_the_shipped_ones_in_their_language_only(customer: Make, mailoutbox: Box) -> None:
    Text.objects.create(mail=RECEIPT, language="es", subject="Hola {{ first_name }}", html="<p>Hola</p>", text="Hola")
    promise(customer("ada@example.com", language="es-mx"))
    promise(customer("ben@example.com", language="en"))
    promise(customer("cy@example.com", language="tlh"))
    delivery.deliver(at=NOON)
    assert {mail.to[0]: mail.subject for mail in mailoutbox} == {
        "ada@example.com": "Hola Ada",
        "ben@example.com": "service for Ada",
        "cy@example.com": "service for Ada",
    }


def test_one_reader_s_language_does_not_leak_into_the_next_mail(customer: Make, mailoutbox: Box) -> None:
    seen: list[str] = []

    def build(messages: Sequence[Message], at: datetime) -> Mapping[int, Mapping[str, Any]]:
        seen.append(translation.get_language() or "")
        return {}

    make(RECEIPT, "service", build=build)
    for number, language in enumerate(["es", "ru", "en"]):
        promise(customer(f"a{number}@example.com", language=language))
    delivery.deliver(at=NOON)
    delivery.deliver(at=NOON)
    assert len(mailoutbox) == 3
    assert seen == ["en"]


# Much, and right


def test_what_merchants_write_is_within_the_limits() -> None:
    source = (
        """
    <h1>{{ shop.name | upcase }}</h1>
    {% for row in rows %}
      <p>{{ forloop.index }}: {{ row.score | times: 10 }} {% if row.score > 1 %}good{% endif %}</p>
    {% endfor %}
    {% assign names = "Ada,Ben" | split: "," %}{{ names | join: " & " | escape }}
    {% for star in (1..5) %}*{% endfor %} {{ "now" | date: "%Y" | size }}
    {{ first_name | default: "you" | truncate: 20 }} {% case rows.size %}{% when 2 %}two{% endcase %}
    """
        + "<p>A paragraph of a newsletter.</p>" * 500
    )
    rendered = render(own(source), first_name="Ada")
    assert "PAPER &amp; CLAY" in rendered.html
    assert "Ada &amp; Ben" in rendered.html
    assert "*****" in rendered.html
    assert "1: 10" in rendered.html
    assert "two" in rendered.html


@pytest.mark.parametrize(
    "name", ["retention.prove_address", "retention.open_account", "retention.sign_in", "retention.confirm_signup"]
)
@pytest.mark.parametrize("language", ["en", "ru", "es", "zh-hans"])
def test_every_shipped_mail_can_be_written_in_every_language(name: str, language: str) -> None:
    values = {**VALUES, "link": "https://shop.example.com/retention/x/", "hours": 72}
    rendered = rendering.render(registry.mails[name], language=language, values=values)
    assert "https://shop.example.com/retention/x/" in rendered.text
    assert 'href="https://shop.example.com/retention/x/"' in rendered.html
    assert "{{" not in rendered.html + rendered.text + rendered.subject
    assert f'lang="{language}"' in rendered.html
