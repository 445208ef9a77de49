"""Hints on a text: each says what to do, none stops anything, and asking links leads to nothing private."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from django.test import Client

from retention import registry
from retention.models import Customer, Text
from retention.services import hints, link_check
from tests.retention.desk import WORDS, staff
from tests.retention.mails import NEWS

__all__ = ["staff"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails")]

Wiring = Callable[..., None]


def text(html: str = WORDS["html"], plain: str = WORDS["text"], **given: str) -> Text:
    return Text(**{**WORDS, "html": html, "text": plain, **given})


def said(one: Text) -> list[tuple[str, str]]:
    return [(hint.part, hint.what) for hint in hints.of_text(registry.mails[NEWS], one)]


def test_a_good_text_has_no_hints() -> None:
    html = '<p>Hello</p><a href="https://x.example/"><img src="/x.png" alt="Our cups" width="520"></a>'
    assert said(text(html, "Hello, our cups: https://x.example/")) == []


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"subject": "x" * 61}, ("subject", "The subject has 61 characters; a telephone shows about 60.")),
        (
            {"preheader": ""},
            (
                "preheader",
                "The preheader is empty, so mail programs show the first words of the mail beside the subject.",
            ),
        ),
        ({"html": '<img src="/x.png" width="9">x'}, ("html", "1 picture has no alt.")),
        ({"html": '<img src="/x.png" alt="">' * 2}, ("html", "2 pictures have no width.")),
        (
            {"html": '<a href="/">Click here!</a>', "plain": "/"},
            ("html", "A link says “Click here!”, which does not tell where it leads."),
        ),
        (
            {"html": '<a href="/"> <b>здесь</b></a>', "plain": "/"},
            ("html", "A link says “здесь”, which does not tell where it leads."),
        ),
        ({"html": '<a href="/"><img alt="" width=9></a>', "plain": "/"}, ("html", "A link has no words.")),
        ({"html": "word " * 30, "plain": "word"}, ("text", "The plain text has 1 words, the HTML has 30.")),
        ({"plain": " "}, ("text", "The plain text is empty.")),
        (
            {"html": '<a href="{{ shop.url }}">Cups</a>', "plain": "{{shop.name}} Cups"},
            ("text", "1 link of the HTML is not in the plain text."),
        ),
        (
            {"html": "x" * 105_000, "plain": "x"},
            ("html", "The mail has 105 KB; Gmail hides what is behind 102 KB, the way out too."),
        ),
    ],
)
def test_what_could_be_better_is_said_once(given: dict[str, str], hint: tuple[str, str]) -> None:
    found = said(text(**given))
    assert found == [hint]


def test_a_value_in_braces_is_the_same_link_with_and_without_spaces() -> None:
    assert said(text('<a href="{{ shop.url }}">Cups</a>', "Cups: {{shop.url}}")) == []


@pytest.mark.parametrize(
    ("source", "warned"),
    [
        ("Hello {{ first_name }}", True),
        ("Hello {{- first_name | upcase -}}", True),
        ("Hello {{ first_name | default: 'you' }}", False),
        ("{% if first_name %}Hello {{ first_name }}{% endif %}", False),
        ("{% unless first_name %}x{% else %}{{ first_name }}{% endunless %}", False),
        ("Hello", False),
    ],
)
def test_a_name_that_some_have_not_told_is_counted_set_wise(
    source: str, warned: bool, customer: Callable[..., Customer], django_assert_num_queries: Any
) -> None:
    customer("a@example.com", first_name="")
    customer("b@example.com", first_name="")
    customer("c@example.com")
    customer("", kind="import", source="x", number="1", first_name="")
    with django_assert_num_queries(1 if warned else 0):
        found = said(text(source, source))
    words = "2 of 3 customers have told no first name; for them nothing stands there."
    assert found == ([("html", words)] if warned else [])


def test_where_everybody_has_told_a_name_there_is_nothing_to_say(customer: Callable[..., Customer]) -> None:
    customer()
    assert said(text("{{ first_name }}", "{{ first_name }}")) == []


def test_hints_are_said_after_saving_and_do_not_stop_it(staff: Callable[..., Client]) -> None:
    client = staff("view_text", "add_text", "change_text")
    page = client.post(
        "/admin/retention/text/add/", {**WORDS, "preheader": "", "html": "<img src=/x.png>"}, follow=True
    ).content.decode()
    assert Text.objects.get().html == "<img src=/x.png>"
    for words in ("The preheader is empty", "1 picture has no alt.", "1 picture has no width."):
        assert words in page


# Links


class Shelf(http.server.BaseHTTPRequestHandler):
    """A server with some pages, that writes down who asks for what."""

    asked: ClassVar[list[tuple[str, str]]] = []

    def do_HEAD(self) -> None:
        self.asked.append((self.command, self.path))
        if self.path.startswith("/slow"):
            time.sleep(8)
        status = {"/": 200, "/gone/": 404, "/dead/": 410, "/broken/": 500, "/moved/": 302, "/no-head/": 405}
        code = status.get(self.path.partition("?")[0], 200)
        if self.command == "GET" and self.path == "/no-head/":
            code = 404
        self.send_response(code)
        if code == 302:
            self.send_header("Location", "/gone/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def shelf(wiring: Wiring) -> Iterator[str]:
    """The shop itself, on the loopback; its address is BASE_URL."""
    Shelf.asked.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shelf)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    wiring(BASE_URL=base)
    yield base
    server.shutdown()
    server.server_close()


def asked(*urls: str) -> list[str]:
    html = "".join(f'<a href="{url}">Cups</a>' for url in urls)
    return [hint.what for hint in link_check.of_text(registry.mails[NEWS], text(html))]


def test_a_link_that_leads_to_no_page_is_told_and_one_that_does_is_not(shelf: str) -> None:
    pages = ("cups/?a=1&b=%20", "gone/", "dead/", "broken/", "no-head/")
    assert asked(*(f"{shelf}/{page}" for page in pages)) == [
        f"{shelf}/gone/ leads to no page.",
        f"{shelf}/dead/ leads to no page.",
        f"{shelf}/broken/ answers with an error.",
        f"{shelf}/no-head/ leads to no page.",
    ]  # fmt: skip
    assert ("HEAD", "/cups/?a=1&b=%20") in Shelf.asked
    assert ("GET", "/no-head/") in Shelf.asked
    assert not [path for method, path in Shelf.asked if method == "GET" and path != "/no-head/"]


def test_the_shops_first_page_is_asked_and_no_redirect_is_followed(shelf: str) -> None:
    assert asked(f"{shelf}/moved/") == []
    assert sorted(Shelf.asked) == [("HEAD", "/"), ("HEAD", "/moved/")]


def test_a_recipients_own_link_is_not_asked(shelf: str) -> None:
    asked("{{ unsubscribe_url }}", "{{ preferences_url }}", "mailto:x@example.com", "#top", "/relative/")
    assert Shelf.asked == [("HEAD", "/")]


def test_at_most_ten_are_asked_each_once(shelf: str) -> None:
    many = [f"{shelf}/p{number}/" for number in range(12)]
    assert asked(*many, *many) == ["Only the first 10 links were asked."]
    assert len(Shelf.asked) == 10


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:1/",
        "http://localhost/",
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://192.168.1.1/admin/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/",
        "http://224.0.0.1/",
        "http://[::1]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://8.8.8.8:22/",
        "https://8.8.8.8:6379/",
    ],
)
def test_nothing_private_is_spoken_to(url: str, shelf: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken: list[Any] = []
    connect = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", lambda to, **given: spoken.append(to) or connect(to, **given))
    [what] = asked(url)
    assert what == f"{url} was not asked: it is not on the public net."
    port = int(shelf.rpartition(":")[2])
    assert spoken == [("127.0.0.1", port)], "the shop's own page alone"


def test_a_name_that_leads_to_a_private_address_is_not_asked(shelf: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it first led to a public one: it is looked up once, and that address is spoken to."""
    answers = iter(["10.0.0.7"])
    look_up = socket.getaddrinfo

    def lie(host: Any, port: Any, *args: Any, **given: Any) -> Any:
        if host == "rebind.example":
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]
        return look_up(host, port, *args, **given)

    monkeypatch.setattr(socket, "getaddrinfo", lie)
    assert asked("http://rebind.example/") == ["http://rebind.example/ was not asked: it is not on the public net."]


@pytest.mark.parametrize(
    "url", ["http://", "http://[::1", "http://x:port/", "https:///x", "http://no-such-name.invalid/", "http://x y/"]
)
def test_a_link_that_is_none_does_not_answer(url: str, shelf: str) -> None:
    assert asked(url) in ([f"{url} does not answer."], [f"{url} was not asked: it is not on the public net."])


def test_a_slow_page_is_not_waited_for(shelf: str) -> None:
    begun = time.monotonic()
    assert asked(f"{shelf}/slow/1", f"{shelf}/slow/2", f"{shelf}/slow/3") == [
        f"{shelf}/slow/{number} does not answer." for number in (1, 2, 3)
    ]
    assert time.monotonic() - begun < 7


def test_links_are_asked_on_a_press_of_the_button_and_never_by_saving_or_looking(
    shelf: str, staff: Callable[..., Client]
) -> None:
    client = staff("view_text", "add_text", "change_text")
    words = {**WORDS, "html": f'<a href="{shelf}/gone/">Cups</a>', "text": f"{shelf}/gone/"}
    client.post("/admin/retention/text/preview/", words)
    client.post("/admin/retention/text/add/", words)
    assert Shelf.asked == []
    page = client.post("/admin/retention/text/look/", words).content.decode()
    assert f"{shelf}/gone/ leads to no page." in page
    assert Shelf.asked != []
    assert client.get("/admin/retention/text/look/", words).status_code == 403
    assert staff("view_text").post("/admin/retention/text/look/", words).status_code == 403
