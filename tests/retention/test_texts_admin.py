"""Writing a text: nobody starts from an empty box, each fault is at its field, and who gets which words is said."""

from __future__ import annotations

import html as html_module
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import pytest
from django.test import Client

from retention import registry
from retention.mail import Code, Para, Part
from retention.models import Text
from retention.services import proofreading, rendering, texts
from retention.services.proofreading import Fault
from retention.shop import ProductData
from tests.retention.desk import WORDS, staff
from tests.retention.mails import NEWS, make
from tests.retention.shop import LocalShop

__all__ = ["staff"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails", "bare_shop")]

Staff = Callable[..., Client]
ADD = "/admin/retention/text/add/"


def field(page: str, name: str) -> str:
    """Return what a field of the form holds."""
    found = re.search(rf'<textarea[^>]*name="{name}"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    if found:
        return html_module.unescape(found[1]).strip()
    found = re.search(rf'<input[^>]*name="{name}"[^>]*>', page)
    assert found, name
    value = re.search(r'value="([^"]*)"', found[0])
    return html_module.unescape(value[1]) if value else ""


def errors(page: str) -> dict[str, list[str]]:
    """Return what is wrong by field."""
    found: dict[str, list[str]] = {}
    for name, part in re.findall(r'<ul class="errorlist"[^>]*id="id_(\w+)_error"[^>]*>(.*?)</ul>', page, re.DOTALL):
        found[name] = [html_module.unescape(one) for one in re.findall("<li>(.*?)</li>", part)]
    return found


def fault(**given: str) -> list[Fault]:
    return proofreading.faults(registry.mails[NEWS], Text(**{**WORDS, **given}))


# Beginning


def test_a_new_text_begins_with_the_shipped_words_of_its_language(staff: Staff) -> None:
    page = staff("view_text", "add_text").get(f"{ADD}?mail=retention.sign_in&language=es").content.decode()
    assert field(page, "subject") == "Tu cuenta en {{ shop.name }}"
    assert "Ya tienes una cuenta" in field(page, "html")
    assert '<a class="button" href="{{ link }}">' in field(page, "html")
    assert "{{ link }}" in field(page, "text")
    assert (field(page, "mail"), field(page, "language")) == ("retention.sign_in", "es")


def test_the_shipped_words_can_be_had_again_and_nothing_is_saved_by_looking(staff: Staff) -> None:
    own = Text.objects.create(**{**WORDS, "mail": "retention.sign_in"})
    client = staff("view_text", "change_text")
    url = f"/admin/retention/text/{own.pk}/change/"
    assert field(client.get(url).content.decode(), "subject") == "New cups"
    assert field(client.get(f"{url}?shipped=1").content.decode(), "subject") == "Your account at {{ shop.name }}"
    own.refresh_from_db()
    assert own.subject == "New cups"
    client.post(f"{url}?shipped=1", {**WORDS, "mail": "retention.sign_in", "subject": "Changed"})
    own.refresh_from_db()
    assert own.subject == "Changed"


@pytest.mark.parametrize("query", ["", "?mail=nothing&language=en", f"?mail={NEWS}&language=tlh", f"?mail={NEWS}"])
def test_without_a_mail_and_a_language_one_is_asked_for_them(staff: Staff, query: str) -> None:
    answer: Any = staff("view_text", "add_text").get(f"{ADD}{query}")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/retention/text/mails/")


def test_a_text_stays_the_text_of_its_mail_and_language(staff: Staff) -> None:
    own = Text.objects.create(**WORDS)
    client = staff("view_text", "change_text")
    client.post(
        f"/admin/retention/text/{own.pk}/change/",
        {**WORDS, "mail": "retention.sign_in", "language": "es", "subject": "New"},
    )
    own.refresh_from_db()
    assert (own.mail, own.language, own.subject) == (NEWS, "en", "New")


def test_a_second_text_for_the_same_mail_and_language_is_refused(staff: Staff) -> None:
    Text.objects.create(**WORDS)
    page = staff("view_text", "add_text").post(ADD, WORDS)
    assert (page.status_code, Text.objects.count()) == (200, 1)
    assert "already exists" in page.content.decode()


# Languages


def own(**words: str) -> dict[str, Text]:
    return {language: Text(**{**WORDS, "language": language, "subject": said}) for language, said in words.items()}


@pytest.mark.parametrize(
    ("wanted", "has", "gets"),
    [
        ("es", ("es", "en"), "es"),
        ("es-mx", ("es", "en"), "es"),
        ("ru", ("es", "en"), "en"),
        ("ru", ("es",), None),
        ("", ("en",), "en"),
        ("", ("es",), None),
        ("tlh", ("en", "es"), "en"),
        ("zh-tw", ("zh-hans",), "zh-hans"),
        ("zh-cn", ("zh-hans",), "zh-hans"),
        ("pt-br", ("pt", "en"), "pt"),
        ("pt-br", ("pt-br", "pt"), "pt-br"),
        ("pt", ("pt-br", "en"), "en"),
        ("en", (), None),
    ],
)
def test_own_words_are_of_the_wanted_language_or_its_base_or_the_shops(
    settings: Any, wanted: str, has: tuple[str, ...], gets: str | None
) -> None:
    settings.LANGUAGES = [*settings.LANGUAGES, ("pt", "Portuguese"), ("pt-br", "Brazilian Portuguese")]
    choice = texts.pick(wanted, own(**{language: language for language in has}))
    assert (choice.text.language if choice.text else None) == gets
    if gets:
        assert choice.language == gets


def test_a_shop_whose_own_language_has_no_entry_in_its_list_finds_its_words(settings: Any) -> None:
    """Django's own default is "en-us", which is none of its languages."""
    settings.LANGUAGE_CODE = "en-us"
    assert texts.pick("ru", own(en="Hello")).language == "en"
    assert texts.pick("", own(en="Hello")).language == "en"


def test_the_whole_mail_is_in_the_language_of_its_words() -> None:
    rendered = rendering.render(
        registry.mails[NEWS],
        language="es",
        own=own(en="Hello"),
        values={"shop": texts.shop(), "first_name": None, "reply_to": "x@example.com", "unsubscribe_url": "https://x/",
                "preferences_url": "https://x/"},
    )  # fmt: skip
    assert rendered.language == "en"
    assert '<html lang="en" dir="ltr">' in rendered.html
    assert "Unsubscribe" in rendered.text


def test_staff_see_who_gets_which_words_and_what_is_missing(staff: Staff) -> None:
    Text.objects.create(**WORDS)
    spanish = Text.objects.create(**{**WORDS, "mail": "retention.sign_in", "language": "es"})
    page = staff("view_text", "add_text", "change_text").get("/admin/retention/text/mails/").content.decode()
    rows = {
        (mail, re.sub("<.*?>", "", name)): re.sub("<.*?>", "", gets)
        for mail, part in re.findall(r'retention-empty">([\w.]+)</p>(.*?)</table>', page, re.DOTALL)
        for name, gets in re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', part)
    }
    assert rows[NEWS, "English"] == "your own words"
    assert rows[NEWS, "Spanish"] == "your own words in English"
    assert rows["retention.sign_in", "English"] == "the shipped words"
    assert rows["retention.sign_in", "Spanish"] == "your own words"
    assert rows["retention.sign_in", "Russian"] == "the shipped words"
    assert f"/admin/retention/text/{spanish.pk}/change/" in page
    assert f"/admin/retention/text/add/?mail={NEWS}&amp;language=ru" in page
    assert "/text/add/" not in staff("view_text").get("/admin/retention/text/mails/").content.decode()
    assert staff("view_message").get("/admin/retention/text/mails/").status_code == 403


# Values


def test_the_list_says_what_each_value_is_with_an_example(staff: Staff) -> None:
    registry.mail_parts.add("test.gift", Part(name="test.gift", label="A gift", body=[Code(value="code")]))
    make(NEWS, "marketing", values={"code": "the gift's code"}, samples={"code": "GIFT-1"}, parts=("test.gift",))
    page = staff("view_text", "add_text").get(f"{ADD}?mail={NEWS}&language=en").content.decode()
    rows = [
        [html_module.unescape(re.sub("<.*?>", "", cell)).strip() for cell in re.findall("(?s)<td>(.*?)</td>", row)]
        for row in re.findall(r"(?s)<tr data-value.*?</tr>", page)
    ]
    assert rows[0] == ["{{ gift_block }} Put in", "A gift", ""]
    assert rows[1] == ["{{ code }} Put in", "the gift's code", "GIFT-1"]
    assert rows[2] == ["{{ first_name }} Put in", "the first name; empty for who has not told it", "Ada"]
    assert "<script>" not in page.partition("data-texts")[2], "no inline script"
    assert " style=" not in page.partition("data-texts")[2], "no inline style"


def test_a_part_that_nobody_registered_is_not_on_offer_and_is_not_a_value() -> None:
    make(NEWS, "marketing", parts=("loyalty.points",))
    assert [str(one) for one in fault(html="{{ points_block }}")] == [
        "Line 1: This mail has no value “points_block”. The list of values says what it has."
    ]


def test_a_ready_block_is_written_in_html_and_in_plain_text() -> None:
    body = [Para(words="For <you> & yours:"), Code(value="code")]
    registry.mail_parts.add("test.gift", Part(name="test.gift", label="", body=body, samples={"code": "<G&1>"}))
    make(NEWS, "marketing", values={"code": ""}, parts=("test.gift",))
    text = Text(**{**WORDS, "html": "<b>{{ gift_block }}</b>", "text": "- {{ gift_block }} -"})
    assert proofreading.faults(registry.mails[NEWS], text) == []
    values = {
        "shop": texts.shop(), "first_name": None, "reply_to": "x", "unsubscribe_url": None, "preferences_url": None,
        "code": "<G&1>",
    }  # fmt: skip
    rendered = rendering.render(registry.mails[NEWS], language="en", own={"en": text}, values=values)
    assert "For &lt;you&gt; &amp; yours:" in rendered.html
    assert "&lt;G&amp;1&gt;</p></b>" in rendered.html.replace("\n", "")
    assert "- For <you> & yours:\n\n    <G&1>\n -" in rendered.text
    assert [one.part for one in fault(subject="{{ gift_block }}")] == ["subject"]


# Faults


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"html": "a\n{{ birthday }}"}, [("html", 2, "This mail has no value “birthday”.")]),
        ({"subject": "{{ frist_name }}"}, [("subject", 1, "Did you mean “first_name”?")]),
        ({"preheader": "{{ shop.nmae }}"}, [("preheader", 1, "“shop.nmae”. Did you mean “shop.name”?")]),
        ({"text": "{% if never %}x{% endif %}"}, [("text", 1, "“never”")]),
        (
            {"html": "{% if first_name %}{% unless shop.name %}\n\n{{ hidden }}{% endunless %}{% endif %}"},
            [("html", 3, "“hidden”")],
        ),
        (
            {"html": "{{ one }}\n{{ two }}{{ one }}", "text": "{{ one }}"},
            [("html", 1, "“one”"), ("html", 2, "“two”"), ("text", 1, "“one”")],
        ),
        ({"html": "\n{% if %}x{% endif %}"}, [("html", 2, "This cannot be read:")]),
        ({"html": "x\n\n{% for a in b %}"}, [("html", None, "This cannot be read:")]),
        ({"html": "{{ first_name | uppercase }}"}, [("html", 1, "uppercase")]),
        ({"html": "x\n{{ first_name"}, [("html", 2, "expected '}}'")]),
        ({"html": "{% include 'secrets' %}"}, [("html", 1, "This cannot be read:")]),
        ({"html": "{{ first_name.size }}"}, [("html", 1, "first_name.size is undefined")]),  # of who told no name
        ({"html": "<p>" * 6000}, [("html", None, "more than 2500 tags")]),
    ],
)
def test_each_fault_has_its_field_and_line_also_in_a_branch_that_is_not_taken(
    given: dict[str, str], found: list[tuple[str, int | None, str]]
) -> None:
    told = fault(**given)
    assert [one.part for one in told] == [part for part, _line, _words in found]
    for one, (_part, line, words) in zip(told, found, strict=True):
        assert words in one.words
        assert line in (None, one.line)


@pytest.mark.parametrize(
    "html",
    [
        "{% for row in (1..3) %}{{ row }}{{ forloop.index }}{% endfor %}",
        "{% assign mine = first_name %}{{ mine }}",
        "{% capture mine %}x{% endcapture %}{{ mine }}",
        "{{ shop.name | upcase }}{{ shop['url'] }}",
        "{% if unsubscribe_url %}{{ unsubscribe_url }}{% endif %}",
        "{{ shop.name.size }}{{ shop.size }}",
        "{% comment %}{{ nobody }}{% endcomment %}{% raw %}{{ nobody }}{% endraw %}",
    ],
)
def test_what_is_right_is_taken(html: str) -> None:
    assert fault(html=html) == []


def test_staff_see_the_fault_at_its_field_and_nothing_they_wrote_is_lost(staff: Staff) -> None:
    client = staff("view_text", "add_text")
    page = client.post(
        ADD, {**WORDS, "html": "<p>\n{{ birthday }}</p>", "subject": "{{ frist_name }}"}
    ).content.decode()
    assert errors(page) == {
        "subject": ["Line 1: This mail has no value “frist_name”. Did you mean “first_name”?"],
        "html": ["Line 2: This mail has no value “birthday”. The list of values says what it has."],
    }
    assert field(page, "html") == "<p>\n{{ birthday }}</p>"
    assert field(page, "text") == WORDS["text"]
    assert Text.objects.count() == 0


# Goods


def test_goods_are_numbers_of_products_that_the_shop_has(staff: Staff, bare_shop: LocalShop) -> None:
    make(NEWS, "marketing", parts=("retention.products",))
    for name in ("1", "2", "3"):
        bare_shop.products[name] = ProductData(reference=name, title=name, url=f"/{name}/", in_stock=True)
    client = staff("view_text", "add_text", "change_text")
    said = [
        errors(client.post(ADD, {**WORDS, "products": given}).content.decode()).get("products")
        for given in ("1, 9", "9\n8", " ".join(map(str, range(100, 113))))
    ]
    assert said == [
        ["The shop has no product 9."],
        ["The shop does not have these products: 9, 8."],
        ["A mail shows at most 12 goods."],
    ]
    client.post(ADD, {**WORDS, "products": "2,1\r\n 2 3;"})
    text = Text.objects.get()
    assert text.products == ["2", "1", "3"]
    page = client.get(f"/admin/retention/text/{text.pk}/change/").content.decode()
    assert field(page, "products") == "2\n1\n3"


def test_the_shop_is_asked_once_for_all_goods(
    staff: Staff, bare_shop: LocalShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(NEWS, "marketing", parts=("retention.products",))
    asked: list[list[str]] = []
    answer = LocalShop.get_products

    def count(shop: LocalShop, references: Collection[str]) -> Mapping[str, ProductData]:
        asked.append(list(references))
        return answer(shop, references)

    monkeypatch.setattr(LocalShop, "get_products", count)
    page = staff("view_text", "add_text").post(ADD, {**WORDS, "products": "7 8 9"}).content.decode()
    assert errors(page)["products"] == ["The shop does not have these products: 7, 8, 9."]
    assert [one for one in asked if "7" in one] == [["7", "8", "9"]]


def test_a_mail_that_cannot_show_goods_does_not_ask_for_them(staff: Staff) -> None:
    page = staff("view_text", "add_text").get(f"{ADD}?mail=retention.sign_in&language=en").content.decode()
    assert 'name="products"' not in page
    assert "products_block" not in page


def test_who_may_only_look_sees_the_text_and_previews_it(staff: Staff) -> None:
    own = Text.objects.create(**{**WORDS, "html": "<p>\nHello</p>"})
    client = staff("view_text")
    page = client.get(f"/admin/retention/text/{own.pk}/change/").content.decode()
    assert "New cups" in page
    assert "<textarea" not in page
    posted = {name: field(page, name) for name in WORDS}
    assert posted == {**WORDS, "html": "<p>\nHello</p>"}
    answer = client.post("/admin/retention/text/preview/", posted)
    assert (answer.status_code, "srcdoc=" in answer.content.decode()) == (200, True)
    assert "Send a test" not in page
    assert client.get(f"{ADD}?mail={NEWS}&language=en").status_code == 403
