"""Asking for the shop's mail: nothing is granted before the mailbox has said yes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from retention.models import Attempt, Consent, ConsentEvidence, Customer, Fact, Message, Suppression
from retention.services import customers, signup, suppression, throttle
from tests.retention.ground import happened
from tests.retention.post import fetch, link, rows
from tests.retention.shop import NOON, LocalShop

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Box = list[EmailMessage]
THANKS = "/retention/signup/thanks/"


@pytest.fixture(autouse=True)
def clock(shop: LocalShop) -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def sign_up(email: str = "ada@example.com", *, origin: str = "192.0.2.1", **more: str) -> Any:
    return Client(REMOTE_ADDR=origin).post(reverse("retention:signup"), {"email": email, "source": "footer", **more})


def granted() -> list[tuple[str, str, str]]:
    return list(Consent.objects.filter(granted=True).values_list("customer__address", "purpose", "basis"))


def test_a_sign_up_grants_nothing_and_mails_a_link(mailoutbox: Box) -> None:
    response = sign_up("Ada@Example.com")
    assert (response.status_code, response["Location"]) == (302, THANKS)
    assert granted() == []
    assert ConsentEvidence.objects.count() == 0
    [mail] = fetch(mailoutbox, NOON)
    assert mail.to == ["Ada@Example.com"]
    assert link(mail).startswith("/retention/confirm/")


def test_the_link_grants_by_a_post_only_and_keeps_what_was_shown(mailoutbox: Box, clock: Any) -> None:
    sign_up()
    [mail] = fetch(mailoutbox, NOON)
    client = Client(REMOTE_ADDR="192.0.2.9")
    before = rows()
    for _ in range(20):
        assert client.get(link(mail)).status_code == 200
        assert client.head(link(mail)).status_code == 200
    assert rows() == before
    clock.shift(HOUR)
    assert client.post(link(mail)).status_code == 200
    assert granted() == [("ada@example.com", "marketing", "double_opt_in")]
    evidence = ConsentEvidence.objects.get()
    assert (evidence.granted, evidence.basis, evidence.source) == (True, "double_opt_in", "sign-up:footer")
    assert evidence.text == "Send me offers and news by e-mail. You can leave at any time by one click in each mail."
    assert (evidence.text_version, evidence.at) == ("1", NOON + HOUR)
    assert len(evidence.origin_hash) == 64, "hashed"
    assert Customer.objects.get().address_proven_at == NOON + HOUR
    assert happened() == ["AddressProven", "ConsentGiven", "SignupConfirmed"]


def test_the_evidence_is_in_the_language_of_the_page_that_was_shown(mailoutbox: Box, settings: Any) -> None:
    sign_up()  # in English
    [mail] = fetch(mailoutbox, NOON)
    client = Client()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "es"
    page = client.get(link(mail)).content.decode()
    with translation.override("es"):
        shown = gettext("Send me offers and news by e-mail. You can leave at any time by one click in each mail.")
    assert shown in page
    assert 'name="language" value="es"' in page
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"  # it changed between page and button
    client.post(link(mail), {"language": "es"})
    assert ConsentEvidence.objects.get().text == shown
    assert shown != signup.consent_text("en")


@pytest.mark.parametrize("language", ["xx", "", "../es"])
def test_a_language_that_is_none_of_ours_is_that_of_the_request(mailoutbox: Box, settings: Any, language: str) -> None:
    sign_up()
    [mail] = fetch(mailoutbox, NOON)
    client = Client()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "es"
    assert client.post(link(mail), {"language": language}).status_code == 200
    assert ConsentEvidence.objects.get().text == signup.consent_text("es")


def test_confirming_twice_grants_once(mailoutbox: Box) -> None:
    sign_up()
    [mail] = fetch(mailoutbox, NOON)
    assert [Client().post(link(mail)).status_code for _ in range(3)] == [200, 410, 410]
    assert ConsentEvidence.objects.count() == 1
    assert Fact.objects.filter(kind="retention.SignupConfirmed").count() == 1


def test_a_late_confirmation_is_refused_and_a_new_link_offered(mailoutbox: Box, clock: Any) -> None:
    sign_up()
    [mail] = fetch(mailoutbox, NOON)
    clock.move_to(NOON + 7 * DAY)
    response = Client().post(link(mail))
    assert response.status_code == 410
    assert granted() == []
    secret = link(mail).strip("/").rpartition("/")[2]
    Client().post(reverse("retention:link_again"), {"secret": secret, "purpose": "confirm"})
    [again] = fetch(mailoutbox, NOON + 7 * DAY)
    Client().post(link(again))
    assert granted() == [("ada@example.com", "marketing", "double_opt_in")]
    assert ConsentEvidence.objects.get().source == "sign-up:footer"


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_tampered_confirmation_leads_nowhere(mailoutbox: Box, method: str) -> None:
    sign_up()
    [mail] = fetch(mailoutbox, NOON)
    assert getattr(Client(), method)(link(mail).swapcase().lower()).status_code == 404
    assert granted() == []


def test_a_stranger_who_signs_others_up_gets_them_one_mail_and_no_consent(
    mailoutbox: Box, user: Callable[..., Any]
) -> None:
    member = user("ada@example.com", joined=True)
    sign_up("ada@example.com")
    sign_up("ben@example.com")
    fetch(mailoutbox, NOON)
    assert granted() == []
    assert Customer.objects.get(user=member).address_proven_at is None
    assert sorted(mail.to[0] for mail in mailoutbox) == ["ada@example.com", "ben@example.com"]


def test_the_answer_does_not_tell_who_is_known(user: Callable[..., Any]) -> None:
    user("ada@example.com", joined=True)
    answers = [sign_up(email) for email in ("ada@example.com", "nobody@example.com")]
    assert [(answer.status_code, answer["Location"]) for answer in answers] == [(302, THANKS)] * 2
    assert answers[0].content == answers[1].content


def test_a_confirmed_sign_up_proves_nothing_for_an_account_that_somebody_opened_with_the_address(
    mailoutbox: Box, user: Callable[..., Any]
) -> None:
    member = user("ada@example.com", joined=True)
    sign_up()
    [mail] = fetch(mailoutbox, NOON)
    Client().post(link(mail))
    assert Customer.objects.get(user=member).address_proven_at is None
    assert Customer.objects.get(kind="guest").address_proven_at == NOON


def test_a_proven_member_signs_up_as_who_they_are(mailoutbox: Box, user: Callable[..., Any]) -> None:
    member = customers.for_user(user("ada@example.com"), at=NOON)
    customers.prove_address(member, at=NOON)
    sign_up()
    [mail] = fetch(mailoutbox, NOON)
    Client().post(link(mail))
    assert Customer.objects.count() == 1
    assert Consent.objects.get().customer_id == member.pk


def test_who_had_left_comes_back_by_confirming_and_not_by_asking(mailoutbox: Box) -> None:
    suppression.add("ada@example.com", scope="marketing", reason="unsubscribed", at=NOON - DAY)
    sign_up()
    [mail] = fetch(mailoutbox, NOON)
    assert Suppression.objects.count() == 1
    Client().post(link(mail))
    assert Suppression.objects.count() == 0


def test_a_complaint_is_not_lifted_by_a_sign_up(mailoutbox: Box) -> None:
    suppression.add("ada@example.com", scope="all", reason="complained", at=NOON - DAY)
    sign_up()
    assert fetch(mailoutbox, NOON) == [], "service mail to an unproven address stops, too"
    assert Message.objects.get().reason == "address suppressed"


def test_who_fills_in_the_trap_gets_the_same_thanks_and_nothing_happens(mailoutbox: Box) -> None:
    response = sign_up(website="https://spam.example")
    assert (response.status_code, response["Location"]) == (302, THANKS)
    assert Customer.objects.count() == Message.objects.count() == Attempt.objects.count() == 0


@pytest.mark.parametrize(
    "email",
    ["", "ada", "ada@", "ada@example.com\nBcc: eve@example.com", "ada@example.com,eve@example.org", "a" * 250 + "@b.c"],
    ids=["empty", "no domain", "no host", "newline", "two", "too long"],
)
def test_what_is_no_address_is_asked_for_again(email: str, mailoutbox: Box) -> None:
    response = sign_up(email)
    assert response.status_code == 422
    assert b'role="alert"' in response.content
    assert Customer.objects.count() == 0


def test_a_source_that_is_no_word_is_refused(mailoutbox: Box) -> None:
    assert sign_up(source="<script>").status_code == 422
    assert sign_up(source="").status_code == 302
    fetch(mailoutbox, NOON)
    Client().post(link(mailoutbox[0]))
    assert ConsentEvidence.objects.get().source == "sign-up:page"


def test_one_network_address_signs_up_ten_an_hour(mailoutbox: Box, clock: Any) -> None:
    answers = [sign_up(f"p{number}@example.com").status_code for number in range(12)]
    assert answers == [302] * 10 + [429] * 2
    assert sign_up("another@example.com", origin="192.0.2.2").status_code == 302
    clock.move_to(NOON + HOUR)
    assert sign_up("p11@example.com").status_code == 302
    assert len(fetch(mailoutbox, NOON + HOUR)) == 12


def test_one_household_signs_up_ten_an_hour_however_many_addresses_it_has(mailoutbox: Box) -> None:
    answers = [
        sign_up(f"p{number}@example.com", origin=f"2001:db8:7:9::{number:x}").status_code for number in range(12)
    ]
    assert answers == [302] * 10 + [429] * 2
    assert sign_up("another@example.com", origin="2001:db8:7:a::1").status_code == 302


def test_one_mailbox_by_many_names_gets_three_mails_an_hour(mailoutbox: Box) -> None:
    names = ["ada@gmail.com", "ADA+1@gmail.com", "a.da+2@googlemail.com", "a.d.a@gmail.com", "ada+4@gmail.com"]
    for number, name in enumerate(names):
        assert sign_up(name, origin=f"192.0.2.{number}")["Location"] == THANKS
    assert len(fetch(mailoutbox, NOON)) == 3


def test_one_mailbox_gets_three_mails_an_hour_whoever_asks(mailoutbox: Box, clock: Any) -> None:
    for number in range(8):
        clock.shift(MINUTE)
        assert sign_up("Ada@example.com", origin=f"192.0.2.{number}")["Location"] == THANKS
    assert len(fetch(mailoutbox, NOON + HOUR)) == 3


def test_a_forwarded_address_is_believed_only_behind_a_proxy(wiring: Callable[..., None]) -> None:
    def origins() -> int:
        return Attempt.objects.filter(scope__startswith="signup:").count()

    for number in range(3):
        Client(REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=f"198.51.100.{number}").post(
            reverse("retention:signup"), {"email": f"a{number}@example.com"}
        )
    assert origins() == 1
    wiring(NUM_PROXIES=1)
    for number in range(3):
        Client(REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=f"203.0.113.9, 198.51.100.{number}").post(
            reverse("retention:signup"), {"email": f"b{number}@example.com"}
        )
    assert origins() == 4


def test_the_form_refuses_a_forgery() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(reverse("retention:signup"), {"email": "ada@example.com"}).status_code == 403
    assert Customer.objects.count() == 0


def test_counters_are_deleted_a_day_after_their_window() -> None:
    sign_up()
    assert Attempt.objects.count() == 2
    assert throttle.prune(at=NOON + DAY) == 0
    assert throttle.prune(at=NOON + DAY + HOUR) == 2


def test_no_counter_names_anybody() -> None:
    sign_up("ada@example.com", origin="192.0.2.1")
    told = str(list(Attempt.objects.values()))
    assert "ada" not in told
    assert "192.0.2.1" not in told
