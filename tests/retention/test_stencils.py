"""What is written from a stencil is what is written the long way."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import pytest

from retention import registry
from retention.models import Text
from retention.services import rendering, stencils
from retention.services.markup import read
from retention.services.rendering import Script
from retention.services.stencils import Stencils, Written
from tests.retention.mails import RECEIPT, make

NAMES = [
    "Ada",
    'O\'Hara & "Sons" <b>',
    "Ünïcödé Ёлка 张伟",
    "{{ secret }} {% if x %}",
    "&amp; &lt;script&gt;",
    "$1 \\1 %s",
    "two  blanks",
    " before",
    "after ",
    "a\nline",
    "a\ttab",
    "a\u200dzwj",
    "\ue000first_name\ue001",
    "no\u00a0break",
    "x" * 501,
    "",
    None,
    7,
]


def filled(values: Mapping[str, Any]) -> Written:
    """Written the long way, with a count of how often."""
    filled.times += 1  # type: ignore[attr-defined]
    name, url, vip = values["name"], values["url"], values["vip"]
    return Written(
        subject=f"To {name}",
        preheader=str(vip),
        html=f'<p title="{html.escape(name)}"><a href="{html.escape(url)}">{html.escape(name)}</a></p>',
        text=f"{name} {url}",
    )


@pytest.fixture
def times() -> Any:
    filled.times = 0  # type: ignore[attr-defined]
    return filled


SOURCES = ["{{ name }} {{ url }}", '{% if vip == "x" %}!{% endif %}']


def test_the_first_mail_is_written_as_it_is_the_second_makes_the_stencil_and_the_others_fill_it(times: Any) -> None:
    one = Stencils(SOURCES, times)
    said = [one.write({"name": f"A{n}", "url": f"https://x/{n}?a=1&b=2", "vip": True}) for n in range(50)]
    assert said[49] == Written(
        subject="To A49", preheader="True", text="A49 https://x/49?a=1&b=2",
        html='<p title="A49"><a href="https://x/49?a=1&amp;b=2">A49</a></p>',
    )  # fmt: skip
    assert times.times == 3, "the second also to see that both are the same"


def test_a_value_that_decides_makes_a_stencil_of_its_own(times: Any) -> None:
    one = Stencils(SOURCES, times)
    said = [one.write({"name": "A", "url": "u", "vip": n % 2 == 0}).preheader for n in range(10)]
    assert said == ["True", "False"] * 5
    assert times.times == 6


def test_values_that_the_text_does_not_name_make_no_difference(times: Any) -> None:
    one = Stencils(SOURCES, times)
    for n in range(10):
        one.write({"name": "A", "url": "u", "vip": 1, "other": n})
    assert times.times == 3


def test_one_and_true_are_not_the_same(times: Any) -> None:
    one = Stencils(SOURCES, times)
    assert [one.write({"name": "A", "url": "u", "vip": v}).preheader for v in (1, True, 1, True, 1, True)] == [
        "1", "True", "1", "True", "1", "True",
    ]  # fmt: skip


def test_where_nearly_every_mail_is_of_its_own_kind_no_stencils_are_kept(times: Any) -> None:
    one = Stencils(SOURCES, times)
    for n in range(100):
        assert one.write({"name": "A", "url": "u", "vip": n}).preheader == str(n)
    assert times.times == 100
    assert len(one._made) == stencils.MOST


def test_an_object_is_written_the_long_way(times: Any) -> None:
    one = Stencils(SOURCES, times)
    for _ in range(5):
        one.write({"name": "A", "url": "u", "vip": object()})
    assert times.times == 5


def test_a_mail_near_its_limit_is_written_the_long_way(times: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stencils, "PLENTY", 30)
    one = Stencils(SOURCES, times)
    for _ in range(3):
        one.write({"name": "A", "url": "u" * 20, "vip": 1})
    assert times.times == 4, "no stencil, which was tried once"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("{{ a }} {{- b -}} {{c}}", {"a", "b", "c"}),
        ("{% if a %}{{ a }}{% endif %}", {"a"}),
        ('{% if a and a != "" or b %}{{ a }}{% else %}{{ c }}{% endif %}', {"a", "c"}),
        ("{% unless a %}{{ b }}{% endunless %}", {"b"}),
        ('{% if a == "x" %}{{ a }}{{ b }}{% endif %}', {"b"}),
        ("{{ a | upcase }}{{ a }}{{ b }}", {"b"}),
        ("{{ a.size }}{{ a }}{{ b }}", {"b"}),
        ("{{ b | append: a }}{{ a }}{{ c }}", {"c"}),
        ("{% for a in rows %}{{ a }}{{ b }}{% endfor %}", {"b"}),
        ("{% for x in (1..a) %}{{ a }}{{ b }}{% endfor %}", {"b"}),
        ("{% assign a = b %}{{ a }}{{ c }}", {"c"}),
        ("{% capture x %}{{ a }}{% endcapture %}{{ x | upcase }}", set()),
        ("{% case a %}{% when 'x' %}{{ b }}{% endcase %}", set()),
        ("{% raw %}{{ a }}{% endraw %}", set()),
        ("{% comment %}{{ a }}{% endcomment %}{{ b }}", set()),
        ("{% liquid assign a = b %}{{ b }}", set()),
        ("{% cycle a, b %}{{ c }}", set()),
        ("{{ [b] }}{{ a }}", set()),
        ("{{ a }}<style>a[href] { color: red }</style>", set()),
        ("{{ a }}<style>a { color: red }</style>", {"a"}),
        ("", set()),
    ],
)
def test_which_values_are_only_shown(source: str, names: set[str]) -> None:
    assert stencils.shown(source) == names


@pytest.mark.parametrize(
    "where",
    [
        '<p class="{{ first_name }}">x</p>',
        '<p style="color: {{ first_name }}">x</p>',
        '<p id="{{ first_name }}">x</p>',
        "<{{ first_name }}>x</p>",
        "<p {{ first_name }}>x</p>",
        "<!-- {{ first_name }} --><p>x</p>",
        "<a href={{ first_name }}>x</a>",
        "<a href={{ first_name }} title='x'>x</a>",
        '<a href="?a=1&{{ first_name }}=2">x</a>',
        '<a href="?a=1&copy{{ first_name }}">x</a>',
        "<p>&{{ first_name }};</p>",
        "</{{ first_name }}>",
        "<textarea>{{ first_name }}</textarea>",
        "<title>{{ first_name }}</title>",
        "<style>.{{ first_name }} { color: red }</style><p>x</p>",
        '<p data-x="a > b" class="{{ first_name }}">x</p>',
    ],
)
def test_a_value_where_style_depends_on_it_has_no_stencil(db: None, wiring: None, where: str) -> None:
    script = scripted(f"{where} <style>.para {{ color: red }}</style><p class='para'>y</p>")
    for name in ("para", "Ada", "para", "Ada", "amp", "1", "a b", "para", "=x", "a onerror=x"):
        given = {**VALUES, "first_name": name}
        assert html.unescape(script.write(given).html) == html.unescape(script._write(given).html)


VALUES: dict[str, Any] = {
    "shop": {"name": "Paper & Clay", "url": "https://shop.example.com/", "postal_address": "1 Kiln Lane"},
    "first_name": "Ada",
    "reply_to": "people@shop.example.com",
    "unsubscribe_url": "https://shop.example.com/u/1",
    "preferences_url": "https://shop.example.com/p/1",
}


def scripted(body: str) -> Script:
    make(RECEIPT, "service")
    text = Text(
        mail=RECEIPT, language="en", subject="For {{ first_name }}", preheader="{{ first_name }}!", html=body,
        text="Hello {{ first_name }}:\n{{ unsubscribe_url }}",
    )  # fmt: skip
    return Script(registry.mails[RECEIPT], language="en", own={"en": text})


@pytest.mark.parametrize(
    "layout",
    [
        "{{ preheader | upcase }}",
        "{{ preheader | truncate: 12 }}",
        "{{ subject | url_encode }}",
        "{% if subject contains 'Ada' %}Ada{% endif %}",
        "{% assign x = preheader %}{{ x | upcase }}",
        "{{ subject | size }}",
    ],
)
def test_what_a_layout_does_to_a_part_is_done_to_every_mail(
    db: None, wiring: None, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    source = rendering._layout
    monkeypatch.setattr(
        rendering, "_layout", lambda name: source(name).replace("{{ body }}", "{{ body }}<p>" + layout + "</p>")
    )
    script = scripted(BODY)
    for name in ("Ada", "Al", "Ada", "Maximiliana Alexandra", "Bo"):
        given = {**VALUES, "first_name": name}
        quick, slow = script.write(given), script._write(given)
        assert html.unescape(quick.html) == html.unescape(slow.html)
        assert quick.text == slow.text


def test_a_mark_that_is_in_the_way_leaves_the_long_way(times: Any) -> None:
    def picky(values: Mapping[str, Any]) -> Written:
        if not values["name"].isalpha():
            raise ValueError
        return filled(values)

    one = Stencils(SOURCES, picky)
    for _ in range(5):
        assert one.write({"name": "A", "url": "u", "vip": 1}).text == "A u"
    assert times.times == 5


BODY = (
    '<p class="para" title="{{ first_name }}">{{ first_name }} <b>{{ first_name }}</b></p>'
    '<a href="https://shop.example.com/?q={{ first_name }}">x</a><img src="{{ first_name }}" alt="{{ first_name }}">'
)


@pytest.mark.parametrize("tags", [None, {"utm_source": "a&b", "utm_medium": "mail"}])
@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_every_value_is_written_as_it_is_the_long_way(
    db: None, wiring: None, settings: Any, name: Any, tags: dict[str, str] | None
) -> None:
    settings.RETENTION = {**settings.RETENTION, "BASE_URL": "https://shop.example.com"}
    script, given = scripted(BODY), {**VALUES, "first_name": name}
    for one in ("Eve", "Eve"):  # a stencil is there
        script.write({**VALUES, "first_name": one})
    for _ in range(3):
        quick = script.write(given, tags=tags)
        slow = scripted(BODY).write(given, tags=tags)
        assert html.unescape(quick.html) == html.unescape(slow.html)
        assert (quick.subject, quick.preheader, quick.text) == (slow.subject, slow.preheader, slow.text)
        assert '<b>"Sons' not in quick.html


def test_a_stencil_lets_no_value_out_of_its_quotes(db: None, wiring: None) -> None:
    script = scripted(BODY)
    for _ in range(3):
        said = script.write({**VALUES, "first_name": 'x" onerror="alert(1)'}).html
        assert read(said).images == [{"src": 'x" onerror="alert(1)', "alt": 'x" onerror="alert(1)'}]
