"""Looking at a text before it goes out: as a customer gets it, changing nothing, telling nothing; and test mails."""

from __future__ import annotations

import html as html_module
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.mail import EmailMessage
from django.test import Client

from retention import registry
from retention.conf import conf
from retention.models import Customer, Message, SendTally, Text, Token
from retention.services import previewing, trial
from tests.retention import post
from tests.retention.desk import WORDS, staff
from tests.retention.mails import NEWS, make
from tests.retention.shop import NOON, LocalShop

__all__ = ["staff"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails", "bare_shop")]

Make = Callable[..., Customer]
Staff = Callable[..., Client]
Box = list[EmailMessage]
PREVIEW, SEND = "/admin/retention/text/preview/", "/admin/retention/text/send/"


def look(client: Client, **given: str) -> Any:
    """Press "Preview"; return the answer, with ``mail``: the HTML in its frame, and ``page``: the words around it."""
    answer: Any = client.post(PREVIEW, {**WORDS, **given})
    answer.page = answer.content.decode()
    found = re.search(r'srcdoc="([^"]*)"', answer.page)
    answer.mail = html_module.unescape(found[1]) if found else ""
    return answer


def said(answer: Any) -> list[str]:
    """Return what must be mended first."""
    part = answer.page.partition('class="faults"')[2].partition("</div>")[0]
    return [html_module.unescape(one) for one in re.findall("<li>(.*?)</li>", part)]


def test_an_unsaved_text_is_shown_for_a_sample_person_and_nothing_is_saved(staff: Staff) -> None:
    client = staff("view_text", "add_text")
    before = post.rows()
    answer = look(client)
    assert answer.status_code == 200
    assert "<p>Hello Ada</p>" in answer.mail
    assert "Hello Ada\n" in answer.page
    assert "New cups" in answer.page
    assert "They are blue." in answer.page
    assert post.rows() == before
    assert Text.objects.count() == 0


def test_a_preview_mints_nothing_and_its_links_open_nothing(staff: Staff, customer: Make) -> None:
    client = staff("view_text", "view_personal_data")
    ada = customer(wants=("marketing",))
    answer = look(
        client, mail="retention.sign_in", html='<a href="{{ link }}">x</a>', **{"preview-customer": str(ada.pk)}
    )
    assert Token.objects.count() == 0
    links = re.findall(r'href="(https://shop\.example\.com/retention/[^"]+)"', answer.mail)
    assert links == ["https://shop.example.com/retention/sample/"]
    answer = look(client, html='<a href="{{ unsubscribe_url }}">x</a>', **{"preview-customer": str(ada.pk)})
    for link in re.findall(r'href="https://shop\.example\.com(/retention/[up]/[^"]+)"', answer.mail):
        assert client.get(link).status_code == 404
        assert client.post(link).status_code == 404
    assert ada.consents.filter(granted=True).count() == 1


def test_the_mail_is_in_a_frame_where_nothing_runs(staff: Staff) -> None:
    answer = look(staff("view_text"), html="<script>alert(1)</script><p onclick='x()'>\"></iframe><b>x</b></p>")
    assert answer.page.count('sandbox=""') == 2
    assert "<script" not in answer.page
    assert "</iframe><b>" not in answer.page
    assert "<script>alert(1)</script>" in answer.mail, "shown as it would go out"
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "script-src" not in policy
    assert "allow-" not in policy
    assert (answer["X-Frame-Options"], answer["Referrer-Policy"]) == ("SAMEORIGIN", "no-referrer")
    assert "no-store" in answer["Cache-Control"]


def test_pictures_off_asks_no_server_for_any(staff: Staff) -> None:
    client = staff("view_text")
    assert "img-src http: https: data:;" in look(client)["Content-Security-Policy"]
    assert "img-src 'none';" in look(client, **{"preview-images": "off"})["Content-Security-Policy"]


def test_dark_and_light_are_decided_by_the_preview_and_not_by_its_reader(staff: Staff) -> None:
    client = staff("view_text")
    style = "<style>@media ( prefers-color-scheme:LIGHT ) { .x { color: red } }</style><p class=x>x</p>"
    dark, light = (look(client, html=style, **{"preview-colors": colors}).mail for colors in ("dark", "light"))
    assert "prefers-color-scheme" not in (dark + light).lower()
    assert re.findall(r"@media (\(m..-width: 0\)) \{\s*\.body, \.page", dark) == ["(min-width: 0)"]
    assert re.findall(r"@media (\(m..-width: 0\)) \{\s*\.body, \.page", light) == ["(max-width: 0)"]
    assert '<meta name="color-scheme" content="dark">' in dark
    assert '<meta name="color-scheme" content="light">' in light


# Whose


def test_a_customers_name_and_language_are_used_by_number_or_address(staff: Staff, customer: Make) -> None:
    client = staff("view_text", "view_personal_data")
    eva = customer("Eva@Example.com", first_name="Eva", language="es")
    spanish = Text.objects.create(
        mail=NEWS, language="es", subject="Tazas", html="<p>Hola {{ first_name }}</p>", text="Hola"
    )
    for named in (str(eva.pk), "eva@example.com", " EVA@example.com "):
        assert "<p>Hola Eva</p>" in look(client, **{"preview-customer": named}).mail
    spanish.delete()
    answer = look(client, **{"preview-customer": str(eva.pk)})
    assert "<p>Hello Eva</p>" in answer.mail
    assert "your own words in English" in answer.page
    assert "eva@example.com" not in answer.page.lower(), "no address is shown that was not typed there"


def test_a_member_is_shown_before_a_guest_of_the_same_address(customer: Make, user: Any) -> None:
    customer("ada@example.com", first_name="Guest")
    member = user("ada@example.com", joined=True)
    assert previewing.find("ada@example.com") == Customer.objects.get(user=member)
    assert previewing.find("") is None
    assert previewing.find("9" * 40) is None


def test_who_may_not_see_personal_data_sees_a_sample_person_alone(staff: Staff, customer: Make) -> None:
    ada = customer(first_name="Adalbertina")
    answer = look(staff("view_text", "change_text"), **{"preview-customer": str(ada.pk)})
    assert answer.status_code == 422
    assert said(answer) == ["You may not see customers' personal data, so the preview is for a sample person only."]
    assert "Adalbertina" not in answer.page
    page = staff("view_text", "add_text").get(f"/admin/retention/text/add/?mail={NEWS}&language=en").content.decode()
    assert 'name="preview-customer"' not in page


@pytest.mark.parametrize("named", ["404040", "nobody@example.com", "' OR 1=1 --", "٣", "x" * 500])
def test_a_customer_that_there_is_not_is_said(staff: Staff, named: str) -> None:
    answer = look(staff("view_text", "view_personal_data"), **{"preview-customer": named})
    assert said(answer) == ["There is no customer with this number or address."]


@pytest.mark.parametrize(
    "given",
    [
        {"first_name": "", "last_name": ""},
        {"language": "tlh"},
        {"language": ""},
        {"zone": "Mars/Olympus"},
        {"email": "", "kind": "import", "source": "x", "number": "1", "first_name": "", "language": "", "zone": "?"},
    ],
    ids=["no name", "no such language", "no language", "no such zone", "nothing at all"],
)
def test_a_customer_of_whom_little_or_nonsense_is_known_is_shown_all_the_same(
    staff: Staff, customer: Make, given: dict[str, str]
) -> None:
    one = customer(**given)
    answer = look(staff("view_text", "view_personal_data"), **{"preview-customer": str(one.pk)})
    assert answer.status_code == 200
    assert f"<p>Hello {one.first_name or 'you'}</p>" in answer.mail


def test_what_anybody_wants_is_shown_in_the_language_they_get(staff: Staff) -> None:
    client = staff("view_text")
    for wanted, words in (("es", "your own words in English"), ("en", "your own words"), ("", "your own words")):
        assert f"<dd>{words}</dd>" in look(client, **{"preview-language": wanted}).page
    answer = look(client, language="es", html="<p>Hola</p>", **{"preview-language": "ru"})
    assert "<dd>the shipped words</dd>" in answer.page
    assert "Hola" not in answer.mail


def test_a_shop_that_cannot_say_what_it_has_is_told_and_is_no_error_page(
    staff: Staff, bare_shop: LocalShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(NEWS, "marketing", parts=("retention.products",))
    monkeypatch.setattr(bare_shop, "get_products", lambda references: {})
    client = staff("view_text")
    assert said(look(client, products="cup")) == ["Goods: The shop has no product cup."]

    def broken(references: Any) -> Any:
        raise RuntimeError("no catalogue today")

    text = Text(**{**WORDS, "html": "{{ products_block }}"}, products=["cup"])
    monkeypatch.setattr(bare_shop, "get_products", broken)
    with pytest.raises(previewing.CannotRender, match=r"^the shop could not say which goods it has \(RuntimeError\)$"):
        previewing.preview(registry.mails[NEWS], text, language="en", customer=None, at=NOON)


# Faults


def test_what_is_wrong_is_said_with_field_and_line_instead_of_a_preview(staff: Staff) -> None:
    answer = look(staff("view_text"), html="<p>\n{{ frist_name }}</p>", subject="{% if %}", text="")
    assert answer.status_code == 422
    assert said(answer) == ["Plain text: This field is required."]
    answer = look(staff("view_text"), html="<p>\n{{ frist_name }}</p>")
    assert said(answer) == ["HTML: Line 2: This mail has no value “frist_name”. Did you mean “first_name”?"]
    assert answer.mail == ""


@pytest.mark.parametrize("permissions", [(), ("view_customer",), ("change_message", "view_personal_data")])
def test_who_may_not_see_texts_may_not_look(staff: Staff, permissions: tuple[str, ...]) -> None:
    assert staff(*permissions).post(PREVIEW, WORDS).status_code == 403


def test_a_preview_is_a_post(staff: Staff) -> None:
    assert staff("view_text").get(PREVIEW, WORDS).status_code == 403


# Test mails


def test_a_test_goes_to_its_senders_own_address_marked_and_without_a_working_link(
    staff: Staff, mailoutbox: Box
) -> None:
    client = staff("view_text", "change_text")
    before = (Message.objects.count(), SendTally.objects.count(), Token.objects.count())
    html = '<p>Hello {{ first_name }}</p><a href="{{ unsubscribe_url }}">x</a>'
    answer = client.post(SEND, {**WORDS, "html": html})
    assert "The test was sent to sam@shop.example.com." in answer.content.decode()
    [mail] = mailoutbox
    assert (mail.to, mail.subject, mail.from_email) == (
        ["sam@shop.example.com"], "[Test] New cups", conf.FROM_EMAIL,
    )  # fmt: skip
    assert "Hello Ada" in mail.alternatives[0][0]  # type: ignore[attr-defined]
    assert "List-Unsubscribe" not in mail.extra_headers
    assert [client.post(link).status_code for link in post.links(mail)] == [404] * len(post.links(mail))
    assert (Message.objects.count(), SendTally.objects.count(), Token.objects.count()) == before


def test_who_sent_a_test_is_written_down_without_the_address(staff: Staff, mailoutbox: Box) -> None:
    client = staff("view_text", "change_text", "send_test")
    saved = Text.objects.create(**WORDS)
    client.post(SEND, WORDS)
    client.post(SEND, {**WORDS, "language": "es", "preview-to": "boss@elsewhere.example"})
    assert [mail.to for mail in mailoutbox] == [["sam@shop.example.com"], ["boss@elsewhere.example"]]
    rows = LogEntry.objects.order_by("pk")
    assert [(row.user.username, row.object_id, row.object_repr, row.change_message) for row in rows] == [
        ("staff0", str(saved.pk), "test.news (en)", "Test mail to own address."),
        ("staff0", None, "test.news (es)", "Test mail to another address."),
    ]


@pytest.mark.parametrize(
    ("permissions", "to", "words"),
    [
        (("add_text",), "boss@elsewhere.example", "You may send a test to your own address only."),
        (("add_text", "send_test"), "no address", "“no address” is no e-mail address."),
        (("add_text", "send_test"), "a@x.example,b@x.example", "“a@x.example,b@x.example” is no e-mail address."),
        (("add_text", "send_test"), "a@x.example\nBcc: b@x.example", "“a@x.example\nBcc: b@x.example” is no e-mail"),
    ],
)
def test_where_a_test_may_not_go_it_does_not(
    staff: Staff, mailoutbox: Box, permissions: tuple[str, ...], to: str, words: str
) -> None:
    answer: Any = staff("view_text", *permissions).post(SEND, {**WORDS, "preview-to": to})
    answer.page = answer.content.decode()
    assert words in html_module.unescape(answer.page)
    assert (answer.status_code, mailoutbox, LogEntry.objects.count()) == (422, [], 0)


def test_who_only_sees_texts_sends_nothing(staff: Staff, mailoutbox: Box) -> None:
    assert staff("view_text", "send_test").post(SEND, WORDS).status_code == 403
    assert staff("view_text", "change_text").get(SEND, WORDS).status_code == 403
    assert mailoutbox == []


def test_a_member_of_staff_without_an_address_is_told_so(staff: Staff, mailoutbox: Box) -> None:
    answer = staff("view_text", "add_text", email="").post(SEND, WORDS)
    assert "Your user has no e-mail address. Enter it at your user first." in answer.content.decode()
    assert mailoutbox == []


def test_a_text_that_cannot_be_written_is_not_sent(staff: Staff, mailoutbox: Box) -> None:
    answer = staff("view_text", "add_text").post(SEND, {**WORDS, "html": "{{ oops }}"})
    assert "This mail has no value “oops”." in answer.content.decode()
    assert mailoutbox == []


def test_a_mail_server_that_says_no_is_told_without_an_address(staff: Staff, office: Any) -> None:
    office.answers["sam@shop.example.com"] = ("RCPT", "550 <sam@shop.example.com> unknown")
    answer = staff("view_text", "add_text").post(SEND, WORDS)
    page = html_module.unescape(answer.content.decode())
    assert answer.status_code == 422
    assert "The mail server did not take it: SMTPRecipientsRefused" in page
    assert "sam@shop.example.com" not in page
    assert LogEntry.objects.count() == 0


def test_thirty_tests_an_hour_are_enough(staff: Staff, mailoutbox: Box) -> None:
    client = staff("view_text", "add_text")
    for _ in range(trial.MOST):
        client.post(SEND, WORDS)
    answer = client.post(SEND, WORDS)
    assert "You have sent 30 test mails within an hour." in answer.content.decode()
    assert len(mailoutbox) == 30
