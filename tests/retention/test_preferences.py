"""The page where a person chooses their mail: by a link, without a log-in, at once, and with an undo."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse
from django.utils import translation

from retention import links, registry
from retention.hashing import address_hash
from retention.models import Consent, ConsentEvidence, Customer, Preference, Suppression, TopicChoice
from retention.services import consent, customers, delivery, persons, preferences, standing, suppression, writing
from retention.services.profile import Shown
from tests.retention.choosing import boxes, path, post, strict, topic, undo, undo_of
from tests.retention.ground import happened, promise
from tests.retention.mails import NEWS, QUESTION, RECEIPT
from tests.retention.post import rows
from tests.retention.shop import NOON, LocalShop

DAY = timedelta(days=1)
MARKETING = "Offers and news by e-mail. I can end them at any time by one click in each mail."
Make = Callable[..., Customer]
Box = list[EmailMessage]


@pytest.fixture(autouse=True)
def clock(shop: LocalShop, mails: None) -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def ada(customer: Make) -> Customer:
    """Wants the shop's mail; was never asked about surveys."""
    return customer(wants=("marketing",))


def granted() -> dict[str, bool]:
    return dict(Consent.objects.values_list("purpose", "granted"))


def evidence() -> list[tuple[str, bool, str, str]]:
    return list(ConsentEvidence.objects.order_by("pk").values_list("purpose", "granted", "basis", "source"))


def sent(box: Box, customer: Customer, *mails: str, at: Any = NOON) -> list[str]:
    """Promise these mails and return which of them were sent."""
    promised = [promise(customer, mail, key=f"{mail}:{at}", due_at=at) for mail in mails]
    delivery.deliver(at=at)
    for message in promised:
        message.refresh_from_db()
    return [message.mail for message in promised if message.state == "sent"]


# Looking


def test_the_page_shows_how_things_stand_and_nothing_of_who_it_is(ada: Customer) -> None:
    page = strict().get(path(ada))
    assert page.status_code == 200
    assert boxes(page) == {
        "offered": [""], "language": ["en", "en"], "marketing": ["on"], "survey": ["on"], "every_days": ["0"],
    }  # fmt: skip
    html = page.content.decode().lower()
    assert "ada" not in html.replace("ada-", "").replace("metadata", "")
    assert "example.com" not in html.replace("people@shop.example.com", "")
    assert "csrfmiddlewaretoken" not in html, "it works for who has cookies switched off"
    assert not page.cookies
    assert "no-store" in page["Cache-Control"]


def test_looking_twenty_times_changes_nothing(ada: Customer) -> None:
    before = rows()
    for _ in range(20):
        assert strict().get(path(ada)).status_code == 200
        assert strict().head(path(ada)).status_code == 200
    assert rows() == before


def test_nothing_is_ticked_for_who_never_said_yes(customer: Make) -> None:
    assert "marketing" not in boxes(strict().get(path(customer())))


@pytest.mark.parametrize("token", ["x", "A" * 16, "é", "x" * 5000])
def test_a_link_that_is_none_of_ours_leads_nowhere(token: str) -> None:
    for method in ("get", "post"):
        assert getattr(strict(), method)(f"/retention/p/{token}").status_code == 404


def test_it_works_years_later_and_after_the_keys_have_changed(
    ada: Customer, clock: Any, wiring: Callable[..., None]
) -> None:
    where = path(ada)
    wiring(LINK_KEYS=["a new key", "a-key-for-links-in-tests"])
    clock.move_to(NOON + 3650 * DAY)
    assert strict().post(where, {"do": "leave"}).status_code == 200
    assert granted() == {"marketing": False, "survey": False}


# Yes and no


def test_no_is_written_down_at_once_with_what_was_shown(ada: Customer, mailoutbox: Box) -> None:
    page = post(ada, marketing=None)
    assert page.status_code == 200
    assert b'<p role="status">Saved.</p>' in page.content
    last = ConsentEvidence.objects.order_by("-pk")[0]
    assert (last.purpose, last.granted, last.text, last.text_version) == ("marketing", False, MARKETING, "1")
    assert (last.source, len(last.origin_hash), last.at) == ("preference page", 64, NOON)
    assert happened()[-1] == "ConsentWithdrawn"
    assert sent(mailoutbox, ada, NEWS, QUESTION, RECEIPT) == [QUESTION, RECEIPT]


def test_yes_is_an_opt_in_with_what_was_shown(customer: Make, mailoutbox: Box) -> None:
    ben = customer("ben@example.com")
    post(ben, marketing="on")
    assert granted() == {"marketing": True}
    assert evidence() == [("marketing", True, "opt_in", "preference page")]
    assert ConsentEvidence.objects.get().text == MARKETING
    assert sent(mailoutbox, ben, NEWS) == [NEWS]


@pytest.mark.parametrize("do", ["save", "leave"])
def test_the_evidence_is_in_the_language_that_was_shown(ada: Customer, settings: Any, do: str) -> None:
    client = strict()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"  # it changed between page and button
    client.post(path(ada), {"do": do, "language": "es", "offered": "", "every_days": "0", "survey": "on"})
    with translation.override("es"):
        words = preferences.texts()["marketing"] if do == "save" else preferences.leaving_text()
    assert ConsentEvidence.objects.filter(purpose="marketing", source="preference page").get().text == words
    client.post(path(ada), {"do": "leave", "language": "xx"})


def test_yes_by_a_mailed_link_ends_what_the_same_mailbox_had_said_before(ada: Customer, mailoutbox: Box) -> None:
    consent.unsubscribe(ada, purpose="marketing", source="unsubscribe link", at=NOON - DAY)
    post(ada, marketing="on")
    assert Suppression.objects.count() == 0
    assert sent(mailoutbox, ada, NEWS) == [NEWS]


def test_a_box_that_stood_as_it_was_left_says_nothing_new(customer: Make) -> None:
    """A soft opt-in stands ticked on the page; saving the page is no opt-in."""
    ada = customer()
    consent.grant(ada, purpose="marketing", basis="soft_opt_in", source="checkout:A1", at=NOON - DAY)
    before = rows()
    page = post(ada)
    assert rows() == before
    assert undo_of(page) == ""
    assert Consent.objects.get().basis == "soft_opt_in"


def test_all_off_stops_marketing_and_surveys_and_outweighs_a_later_soft_opt_in(ada: Customer, mailoutbox: Box) -> None:
    strict().post(path(ada), {"do": "leave"})
    assert granted() == {"marketing": False, "survey": False}
    assert set(Suppression.objects.values_list("scope", "reason")) == {
        ("marketing", "unsubscribed"), ("survey", "unsubscribed"),
    }  # fmt: skip
    assert {(row.text, row.granted) for row in ConsentEvidence.objects.filter(source="preference page")} == {
        ("Stop all mail but that about my own orders and account", False)
    }
    assert sent(mailoutbox, ada, NEWS, QUESTION, RECEIPT) == [RECEIPT]
    before = rows()
    for _ in range(5):
        strict().post(path(ada), {"do": "leave"})
    assert rows() == before, "it is idempotent"


def test_a_complaint_is_not_ended_by_a_yes_and_the_page_says_whom_to_write_to(ada: Customer, mailoutbox: Box) -> None:
    suppression.add("ada@example.com", scope="all", reason="complained", at=NOON)
    page = post(ada, survey=None)
    assert b"people@shop.example.com" in page.content
    assert Suppression.objects.filter(reason="complained").count() == 1
    assert sent(mailoutbox, ada, NEWS, QUESTION) == []


def test_a_post_without_a_button_changes_nothing(ada: Customer) -> None:
    """A mail program that posts its one click here must not untick every box."""
    before = rows()
    for sent in ({"List-Unsubscribe": "One-Click"}, {}, {"do": "everything"}, {"marketing": ""}):
        assert strict().post(path(ada), sent).status_code == 200
    assert rows() == before


# How often, and a pause


def test_how_often_is_kept(ada: Customer) -> None:
    page = post(ada, every_days="7")
    assert Preference.objects.get().every_days == 7
    assert boxes(page)["every_days"] == ["7"]
    assert boxes(strict().get(path(ada)))["every_days"] == ["7"]


@pytest.mark.parametrize("given", ["", "3", "x", None])
def test_nonsense_is_said_beside_the_question_and_nothing_is_lost(ada: Customer, given: str | None) -> None:
    before = rows()
    page = post(ada, every_days=given, survey=None)
    html = page.content.decode()
    assert page.status_code == 422
    assert rows() == before
    assert 'aria-describedby="every_days_error"' in html
    assert (
        '<div class="retention-error" id="every_days_error" role="alert"><p>Please choose how often.</p></div>' in html
    )
    assert "survey" not in boxes(page), "what was filled in stands"


def test_a_pause_holds_for_thirty_days_and_then_it_is_as_before(ada: Customer, mailoutbox: Box, clock: Any) -> None:
    page = post(ada, "pause")
    assert Preference.objects.get().paused_until == NOON + 30 * DAY
    assert b"Paused until" in page.content
    assert b'value="resume"' in page.content
    assert sent(mailoutbox, ada, NEWS, QUESTION, RECEIPT) == [RECEIPT]
    assert ada.messages.get(mail=NEWS).reason == f"paused until {NOON + 30 * DAY:%Y-%m-%d}"
    later = NOON + 30 * DAY
    clock.move_to(later)
    assert sent(mailoutbox, ada, NEWS, QUESTION, at=later) == [NEWS, QUESTION]
    assert b"Paused until" not in strict().get(path(ada)).content


def test_a_pause_saves_what_was_filled_in_beside_it(ada: Customer) -> None:
    post(ada, "pause", every_days="30", marketing=None)
    assert Preference.objects.get().every_days == 30
    assert granted() == {"marketing": False}


def test_a_pause_can_be_ended(ada: Customer, mailoutbox: Box) -> None:
    post(ada, "pause")
    post(ada, "resume")
    assert Preference.objects.get().paused_until is None
    assert sent(mailoutbox, ada, NEWS) == [NEWS]


# Topics are in test_topics.py

# Undo


@pytest.mark.parametrize(
    ("do", "fields"),
    [
        ("leave", {}),
        ("pause", {}),
        ("save", {"marketing": None}),
        ("save", {"survey": None, "every_days": "30"}),
        ("save", {"topics": ["news"]}),
        ("pause", {"topics": None, "marketing": None, "survey": None, "every_days": "7"}),
    ],
    ids=["all off", "pause", "no", "two", "topic", "everything"],
)
def test_an_undo_puts_back_exactly_what_stood_before(customer: Make, do: str, fields: dict[str, Any]) -> None:
    topic("news", en="News"), topic("workshops", en="Workshops")
    ada = customer()
    consent.grant(ada, purpose="marketing", basis="soft_opt_in", source="checkout:A1", at=NOON - DAY)

    def stands() -> str:
        tables = (Consent, Suppression, TopicChoice, Preference)
        return str([list(table.objects.order_by("pk").values()) for table in tables])

    before = stands()
    page = post(ada, do, **fields)
    assert stands() != before
    answer = undo(ada, page)
    assert b"Undone. It is as it was before." in answer.content

    def without_keys(said: str) -> str:
        return re.sub(r"'id': \d+, ", "", said)

    assert without_keys(stands()) == without_keys(before)


def test_the_undo_of_a_yes_is_in_the_evidence_and_is_no_no(customer: Make) -> None:
    """Who was never asked before is as if never asked: an order may still bring a soft opt-in."""
    ben = customer("ben@example.com")
    undo(ben, post(ben, marketing="on"))
    assert granted() == {}
    assert evidence() == [
        ("marketing", True, "opt_in", "preference page"),
        ("marketing", False, "", "undo of a choice"),
    ]
    assert happened()[-2:] == ["ConsentGiven", "ConsentWithdrawn"]


def test_an_undo_twice_is_one(ada: Customer) -> None:
    page = strict().post(path(ada), {"do": "leave"})
    undo(ada, page)
    before = rows()
    assert b"Undone." in undo(ada, page).content
    assert rows() == before


def test_an_old_undo_does_not_outweigh_a_later_no(ada: Customer, mailoutbox: Box) -> None:
    first = post(ada, survey=None)
    strict().post(path(ada), {"do": "leave"})
    before = rows()
    assert b"cannot be undone any more" in undo(ada, first).content
    assert rows() == before
    assert sent(mailoutbox, ada, NEWS, QUESTION) == []


def test_an_undo_is_good_for_a_day(ada: Customer, clock: Any) -> None:
    page = strict().post(path(ada), {"do": "leave"})
    clock.move_to(NOON + DAY + timedelta(seconds=2))
    assert b"cannot be undone any more" in undo(ada, page).content
    assert granted() == {"marketing": False, "survey": False}


def test_an_undo_is_good_for_its_person_only(ada: Customer, customer: Make) -> None:
    ben = customer("ben@example.com", wants=("marketing",))
    page = strict().post(path(ada), {"do": "leave"})
    strict().post(path(ben), {"do": "leave"})
    before = rows()
    assert b"cannot be undone any more" in undo(ben, page).content
    for forged in ("", "x", undo_of(page)[:-1], undo_of(page)[1:]):
        strict().post(path(ada), {"do": "undo", "undo": forged})
    assert rows() == before


# One person, several rows


def test_what_a_guest_says_holds_for_the_member_with_the_same_mailbox(
    ada: Customer, user: Callable[..., Any], mailoutbox: Box
) -> None:
    member = customers.for_user(user("ada@example.com"), at=NOON)
    consent.grant(member, purpose="marketing", basis="opt_in", source="test", at=NOON)
    post(ada, "pause")
    assert sent(mailoutbox, member, NEWS) == []


def test_what_a_stranger_says_who_typed_the_address_holds_for_their_account_only(
    ada: Customer, user: Callable[..., Any], mailoutbox: Box
) -> None:
    stranger = user("ada@example.com", joined=True)
    client = Client()
    client.force_login(stranger)
    where = reverse("retention:own_preferences")
    client.post(where, {"do": "leave"})
    client.post(where, {"do": "pause", "every_days": "30", "offered": ""})
    assert Suppression.objects.count() == 0
    assert Consent.objects.get(customer=ada, purpose="marketing").granted is True
    assert sent(mailoutbox, ada, NEWS, QUESTION) == [NEWS, QUESTION]


def test_a_stranger_who_typed_the_address_learns_nothing_of_its_owner(ada: Customer, user: Callable[..., Any]) -> None:
    strict().post(path(ada), {"do": "leave"})
    suppression.add("ada@example.com", scope="all", reason="complained", at=NOON)
    client = Client()
    client.force_login(user("ada@example.com", joined=True))
    page = client.get(reverse("retention:own_preferences"))
    assert boxes(page)["survey"] == ["on"]
    assert b"came back" not in page.content


@pytest.fixture
def mallory(user: Callable[..., Any], ada: Customer) -> Customer:
    """Proved her own address, and then told the shop that hers is Ada's; her old mails are with her still."""
    account = user("mallory@example.com")
    row = customers.for_user(account, at=NOON - DAY)
    customers.prove_address(row, at=NOON - DAY)
    consent.grant(row, purpose="marketing", basis="opt_in", source="test", at=NOON - DAY)
    account.email = "ada@example.com"
    customers.change_address(user=account, at=NOON)
    return Customer.objects.get(pk=row.pk)


def test_an_old_link_tells_nothing_of_the_address_that_the_account_has_by_now(ada: Customer, mallory: Customer) -> None:
    topic("cups", en="Cups")
    post(ada, topics=None, marketing=None, survey=None, every_days="30")
    suppression.add("ada@example.com", scope="all", reason="complained", at=NOON)
    page = strict().get(path(mallory))
    assert (boxes(page)["marketing"], boxes(page)["survey"]) == (["on"], ["on"])
    assert (boxes(page)["topics"], boxes(page)["every_days"]) == (["cups"], ["0"])
    assert b"came back" not in page.content
    undo = undo_of(post(mallory, every_days="7"))
    kept = standing.unsign(undo, customer=mallory, mailbox=False)
    assert kept
    assert kept["before"]["stops"] == {}


def test_an_old_link_changes_nothing_of_the_address_that_the_account_has_by_now(
    ada: Customer, mallory: Customer, mailoutbox: Box
) -> None:
    strict().post(path(mallory), {"do": "leave"})
    post(mallory, "pause", every_days="30")
    assert Suppression.objects.count() == 0
    assert sent(mailoutbox, ada, NEWS, QUESTION) == [NEWS, QUESTION]
    consent.unsubscribe(ada, purpose="marketing", source="unsubscribe link", at=NOON)
    page = post(mallory, marketing="on")
    undo(mallory, page)
    assert list(Suppression.objects.values_list("scope", "reason")) == [("marketing", "unsubscribed")]
    assert Consent.objects.get(customer=ada, purpose="marketing").granted is False


def test_an_undo_of_the_old_address_is_too_late_for_the_new_one(ada: Customer, user: Callable[..., Any]) -> None:
    account = user("mallory@example.com")
    row = customers.for_user(account, at=NOON)
    customers.prove_address(row, at=NOON)
    page = post(row, "leave")
    account.email = "ada@example.com"
    customers.change_address(user=account, at=NOON)
    post(ada, "leave")
    assert "cannot be undone any more" in undo(row, page).content.decode()
    assert Suppression.objects.filter(address_hash=address_hash("ada@example.com")).count() == 2


def test_an_address_that_changes_while_the_link_is_pressed_is_not_spoken_for(ada: Customer, mallory: Customer) -> None:
    before = Customer.objects.get(pk=mallory.pk)
    before.email, before.address_proven_at = "mallory@example.com", NOON  # as the page has read it
    preferences.leave(before, shown=Shown(text=""), mailbox=True, at=NOON)
    assert Suppression.objects.count() == 0
    assert Consent.objects.get(customer=mallory, purpose="marketing").granted is False


def test_the_account_page_leads_there_and_its_form_refuses_a_forgery(user: Callable[..., Any]) -> None:
    member = customers.for_user(user("ada@example.com"), at=NOON)
    customers.prove_address(member, at=NOON)
    where = reverse("retention:own_preferences")
    client = Client(enforce_csrf_checks=True)
    assert client.get(where).status_code == 302, "by the session only"
    client.force_login(member.user)
    assert where in client.get(reverse("retention:account")).content.decode()
    assert client.post(where, {"do": "leave"}).status_code == 403
    assert Consent.objects.count() == 0
    [token] = set(re.findall(r'csrfmiddlewaretoken" value="([^"]+)"', client.get(where).content.decode()))
    assert client.post(where, {"do": "leave", "csrfmiddlewaretoken": token}).status_code == 200
    assert granted() == {"marketing": False, "survey": False}
    assert set(ConsentEvidence.objects.values_list("source", flat=True)) == {"account page"}
    assert Suppression.objects.count() == 2, "the mailbox is proven"


def test_a_guest_who_became_a_member_brings_their_wishes_along(ada: Customer, user: Callable[..., Any]) -> None:
    where = path(ada)
    post(ada, "pause", every_days="30")
    member = customers.for_user(user("ada@example.com"), at=NOON)
    customers.prove_address(member, at=NOON)
    assert Preference.objects.get().customer_id == member.pk
    assert (Preference.objects.get().every_days, Preference.objects.get().paused_until) == (30, NOON + 30 * DAY)
    strict().post(where, {"do": "leave"})
    assert set(Consent.objects.values_list("customer", "granted")) == {(member.pk, False)}


def test_who_was_forgotten_finds_a_friendly_page_and_nothing_comes_back(ada: Customer) -> None:
    post(ada, "pause")
    where = path(ada)
    persons.erase_person(ada, at=NOON)
    assert Preference.objects.count() == 0
    before = rows()
    for answer in (strict().get(where), strict().post(where, {"do": "save", "marketing": "on", "every_days": "0"})):
        assert answer.status_code == 200
        assert b"has been deleted" in answer.content
    assert rows() == before


def test_what_was_said_is_exported(ada: Customer) -> None:
    topic("news", en="News")
    post(ada, "pause", topics=None)
    told = persons.export_person(ada)["retention.wishes"]
    assert told["paused_until"] == NOON + 30 * DAY
    assert told["topics"] == [{"topic__slug": "news", "wanted": False, "changed_at": NOON}]


def test_a_no_between_asking_and_sending_stops_the_mail(ada: Customer, mailoutbox: Box, monkeypatch: Any) -> None:
    """All was asked while the mail was claimed; the pause comes in before it is sent."""
    prepare = writing.prepare

    def slowly(*args: Any, **kwargs: Any) -> Any:
        ready = prepare(*args, **kwargs)
        preferences.save(ada, preferences.Wish(pause=True), shown=Shown(text=""), mailbox=True, at=NOON)
        return ready

    monkeypatch.setattr(writing, "prepare", slowly)
    assert sent(mailoutbox, ada, NEWS) == []
    assert ada.messages.get().reason == "withdrawn"


def test_the_link_of_the_header_is_short_enough(ada: Customer) -> None:
    assert len(links.unsubscribe_url(customer=2**31, purpose="marketing")) <= 60


def test_staff_see_what_was_chosen_on_the_customers_page(ada: Customer) -> None:
    topic("news", en="News")
    post(ada, "pause", topics=None, every_days="7")
    summary = str(registry.panels["retention.consent"].build(ada).summary)
    assert summary.startswith("marketing mail: yes, at most once a week, paused until ")
    assert summary.endswith("without the topics: news")
