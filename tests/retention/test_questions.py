"""What we would like to know of a member: one question at a time, each with a plain "not now"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django import forms
from django.db import IntegrityError, transaction
from django.test import Client

from retention import registry
from retention.models import Customer, Fact, Prompt, TopicChoice
from retention.registry import Question
from retention.services import consent, customers, persons, profile, questions
from tests.retention.choosing import topic
from tests.retention.ground import happened
from tests.retention.post import rows
from tests.retention.shop import NOON, LocalShop

DAY = timedelta(days=1)
ACCOUNT = "/retention/account/"
BIRTHDAY = "/retention/account/question/retention.birthday/"


@pytest.fixture(autouse=True)
def clock(shop: LocalShop) -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def ada(user: Callable[..., Any]) -> Customer:
    return customers.for_user(user("ada@example.com"), at=NOON)


@pytest.fixture
def client(ada: Customer) -> Client:
    client = Client()
    client.force_login(ada.user)
    return client


def asked(client: Client) -> list[str]:
    """Return the questions that stand on the account page."""
    return re.findall(r'<legend id="retention-question">([^<]*)</legend>', client.get(ACCOUNT).content.decode())


def birthday(customer: Customer) -> tuple[int | None, int | None, Any]:
    customer.refresh_from_db()
    return customer.birth_month, customer.birth_day, customer.birthday_given_at


def test_one_question_is_asked_and_its_no_is_as_plain_as_its_answer(client: Client) -> None:
    assert asked(client) == ["When is your birthday?"]
    html = client.get(ACCOUNT).content.decode()
    assert re.search(r'<button class="retention-button retention-other" type="submit">Not now</button>', html)
    assert "year" not in html.lower()


def test_looking_changes_nothing(client: Client) -> None:
    before = rows()
    for _ in range(20):
        client.get(ACCOUNT)
        client.get(BIRTHDAY)
        client.head(BIRTHDAY)
    assert rows() == before


def test_month_and_day_are_kept_and_when_they_were_said(client: Client, ada: Customer) -> None:
    response = client.post(BIRTHDAY, {"month": "5", "day": "7"})
    assert (response.status_code, response["Location"]) == (302, ACCOUNT)
    assert birthday(ada) == (5, 7, NOON)
    assert asked(client) == []
    assert happened()[-1] == "ProfileAnswered"
    assert Fact.objects.get(kind="retention.ProfileAnswered").payload == {"question": "retention.birthday"}
    assert "7" not in str(Fact.objects.get(kind="retention.ProfileAnswered").payload), "what was said is not in the log"


@pytest.mark.parametrize(
    ("month", "day", "said"),
    [
        ("2", "30", "February has no day 30. Please look again."),
        ("4", "31", "April has no day 31. Please look again."),
        ("2", "0", "February has no day 0. Please look again."),
        ("12", "-1", "December has no day -1. Please look again."),
        ("13", "1", "Please choose a month."),
        ("", "1", "Please choose a month."),
        ("x", "1", "Please choose a month."),
        ("5", "", "Please write the day, a number like 7."),
        ("5", "seventh", "Please write the day as a number, like 7."),
        ("5", "9" * 5000, "Please write the day as a number, like 7."),
    ],
)
def test_nonsense_is_refused_kindly_beside_its_field(
    client: Client, ada: Customer, month: str, day: str, said: str
) -> None:
    page = client.post(BIRTHDAY, {"month": month, "day": day})
    html = page.content.decode()
    assert page.status_code == 422
    assert f"<p>{said}</p>" in html
    for field in re.findall(r'<(?:input|select)[^>]*aria-invalid="true"[^>]*>', html):
        for described in re.findall(r'aria-describedby="([^"]*)"', field)[0].split():
            assert f'id="{described}"' in html
    assert 'aria-invalid="true"' in html
    assert birthday(ada) == (None, None, None)


def test_the_29th_of_february_is_a_birthday(client: Client, ada: Customer) -> None:
    client.post(BIRTHDAY, {"month": "2", "day": "29"})
    assert birthday(ada) == (2, 29, NOON)


@pytest.mark.parametrize(("month", "day"), [(2, 30), (0, 1), (13, 1), (1, 32), (1, 0)])
def test_the_service_refuses_it_too(ada: Customer, month: int, day: int) -> None:
    with pytest.raises(profile.NoSuchDay):
        profile.give_birthday(ada, month=month, day=day, at=NOON)


def test_the_database_refuses_what_is_no_day(ada: Customer) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Customer.objects.filter(pk=ada.pk).update(birth_month=13, birth_day=1, birthday_given_at=NOON)


def test_a_second_answer_takes_the_place_of_the_first_and_is_no_second_fact(
    client: Client, ada: Customer, clock: Any
) -> None:
    client.post(BIRTHDAY, {"month": "5", "day": "7"})
    clock.shift(DAY)
    client.post(BIRTHDAY, {"month": "5", "day": "8"})
    assert birthday(ada) == (5, 8, NOON + DAY), "too late for a birthday that is near"
    assert happened().count("ProfileAnswered") == 1


def test_not_now_is_remembered_for_ninety_days_and_by_address(
    client: Client, ada: Customer, clock: Any, user: Callable[..., Any]
) -> None:
    response = client.post(f"{BIRTHDAY}not-now/")
    assert (response.status_code, response["Location"]) == (302, ACCOUNT)
    assert asked(client) == []
    assert Prompt.objects.get().name == "question-retention.birthday"
    assert "ada" not in str(Prompt.objects.values())
    clock.move_to(NOON + 91 * DAY)
    client.force_login(ada.user)  # the session is over
    assert asked(client) == ["When is your birthday?"]


def test_not_now_is_no_link(client: Client) -> None:
    assert client.get(f"{BIRTHDAY}not-now/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert strict.post(f"{BIRTHDAY}not-now/").status_code == 403
    assert strict.post(BIRTHDAY, {"month": "5", "day": "7"}).status_code == 403


def test_a_question_that_there_is_not_leads_nowhere(client: Client) -> None:
    for path in ("/retention/account/question/x/", "/retention/account/question/x/not-now/"):
        assert client.post(path).status_code == 404


def test_nobody_answers_without_an_account() -> None:
    assert Client().post(BIRTHDAY, {"month": "5", "day": "7"})["Location"].startswith("/accounts/login/")


def test_topics_are_asked_next_of_who_gets_our_mail(client: Client, ada: Customer) -> None:
    topic("news", en="News"), topic("workshops", en="Workshops")
    client.post(f"{BIRTHDAY}not-now/")
    assert asked(client) == [], "they want no mail"
    consent.grant(ada, purpose="marketing", basis="opt_in", source="test", at=NOON)
    assert asked(client) == ["What would you like to hear about?"]
    where = "/retention/account/question/retention.topics/"
    assert client.post(where, {}).status_code == 422
    client.post(where, {"topics": ["news"]})
    assert dict(TopicChoice.objects.values_list("topic__slug", "wanted")) == {"news": True, "workshops": False}
    assert asked(client) == []


def test_an_app_may_ask_a_question_of_its_own(client: Client, ada: Customer) -> None:
    class Form(forms.Form):
        pet = forms.CharField()

    said: list[tuple[int, str]] = []
    registry.questions.add("retention.pet", Question(
        name="retention.pet", label="Cat or dog?", why="For fun.", form=Form, order=1,
        is_answered=lambda customer: bool(said),
        save=lambda customer, data, at: said.append((customer.pk, data["pet"])),
    ))  # fmt: skip
    assert asked(client) == ["Cat or dog?"], "its place is before the birthday's"
    client.post("/retention/account/question/retention.pet/", {"pet": "cat"})
    assert said == [(ada.pk, "cat")]
    assert asked(client) == ["When is your birthday?"]


def test_a_birthday_is_exported_joined_and_forgotten(ada: Customer, customer: Callable[..., Customer]) -> None:
    guest = customer("ada@example.com")
    profile.give_birthday(guest, month=5, day=7, at=NOON)
    customers.prove_address(ada, at=NOON)
    assert birthday(ada) == (5, 7, NOON)
    assert persons.export_person(ada)["retention.wishes"]["birthday"] == "05-07"
    persons.erase_person(ada, at=NOON)
    assert birthday(ada) == (None, None, None)
    assert birthday(guest) == (None, None, None)
    with pytest.raises(profile.Erased):
        questions.answer(ada, registry.questions["retention.birthday"], data={"month": 5, "day": 7}, at=NOON)
    assert questions.next_one(ada, at=NOON) is None
