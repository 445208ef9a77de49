"""The page of a survey: a link chooses, only POST stores, once per invitation, editable for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import reverse

from campaigns.models import Answer, Invitation
from campaigns.services import answers
from retention.models import Fact, Token
from retention.services import tokens
from tests.campaigns.walks import Walk

LONG = "x" * 2001


def rows() -> dict[str, Any]:
    """Return every row of our tables."""
    ours = [model for model in apps.get_models() if model._meta.app_label.startswith("retention")]
    return {model._meta.label: sorted(map(repr, model._default_manager.values_list())) for model in ours}


def test_opening_every_link_twenty_times_changes_no_row(asked: list[str]) -> None:
    before = rows()
    for _ in range(20):
        for link in asked:
            assert Client().get(link).status_code == 200
            assert Client().head(link).status_code == 200
    assert rows() == before
    assert Answer.objects.count() == 0


def test_the_page_has_the_mailed_score_chosen_and_says_what_the_ends_mean(asked: list[str], client: Client) -> None:
    page = client.get(asked[1]).content.decode()
    assert page.count(" checked") == 1
    assert '<input type="radio" name="score" value="2" checked required>' in page
    assert "<fieldset" in page
    legend = page.split("<legend>")[1].split("</legend>")[0]
    assert "How satisfied are you with your order?" in legend
    assert "1 means very dissatisfied, 5 means very satisfied." in legend
    assert "autofocus" not in page
    assert "<script" not in page.split('class="retention-page"')[1]
    assert "ada@example.com" not in page


def test_sending_the_page_stores_the_answer_and_thanks(asked: list[str], client: Client) -> None:
    answer = client.post(asked[3], {"score": "4", "comment": "Nice cup"})
    assert answer.status_code == 302
    assert Answer.objects.values_list("score", "comment").get() == (4, "Nice cup")
    assert b"Thank you" in client.get(answer["Location"]).content


def test_a_score_without_a_comment_is_kept(asked: list[str], client: Client) -> None:
    client.post(asked[0], {"score": "1"})
    assert Answer.objects.values_list("score", "comment").get() == (1, "")


def test_it_works_without_a_cookie_and_without_a_token_of_a_session(asked: list[str]) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(asked[0], {"score": "1"}).status_code == 302
    assert Answer.objects.count() == 1


def test_the_same_link_changes_the_answer_for_a_week_and_an_empty_comment_leaves_the_earlier_one(
    walk: Walk, asked: list[str], client: Client, time_machine: Any
) -> None:
    client.post(asked[0], {"score": "1", "comment": "Broken"})
    time_machine.move_to(walk.clock.forward(days=6), tick=False)
    assert b"You have answered already" in client.get(asked[4]).content
    assert b"Broken" not in client.get(asked[4]).content
    client.post(asked[4], {"score": "5"})
    assert Answer.objects.values_list("score", "comment").get() == (5, "Broken")
    assert Fact.objects.filter(kind="campaigns.SurveyAnswered").count() == 2
    time_machine.move_to(walk.clock.forward(days=2), tick=False)
    late = client.post(asked[0], {"score": "1"})
    assert late.status_code == 410
    assert b"This survey is closed" in late.content
    assert Answer.objects.get().score == 5


def test_the_same_answer_again_is_one_fact(asked: list[str], client: Client) -> None:
    for _ in range(3):
        client.post(asked[2], {"score": "3"})
    assert Answer.objects.count() == 1
    assert Fact.objects.filter(kind="campaigns.SurveyAnswered").count() == 1


@pytest.mark.parametrize("score", ["0", "6", "-1", "five", "", None])
def test_a_score_that_is_not_on_the_scale_is_said_beside_the_scores(
    asked: list[str], client: Client, score: str | None
) -> None:
    page = client.post(asked[0], {} if score is None else {"score": score})
    assert page.status_code == 422
    assert 'aria-describedby="score-error"' in page.content.decode()
    assert 'id="score-error" role="alert"' in page.content.decode()
    assert Answer.objects.count() == 0


def test_a_link_with_a_score_that_is_not_on_the_scale_shows_the_page_with_none_chosen(
    asked: list[str], client: Client
) -> None:
    page = client.get(asked[0].replace("/1/", "/99/"))
    assert page.status_code == 200
    assert " checked" not in page.content.decode()


def test_a_comment_that_is_too_long_keeps_the_score_and_the_words(asked: list[str], client: Client) -> None:
    page = client.post(asked[0], {"score": "1", "comment": LONG})
    assert page.status_code == 422
    assert 'value="1" checked' in page.content.decode()
    assert LONG in page.content.decode()


def test_a_link_that_was_tampered_with_is_a_friendly_page(asked: list[str], client: Client) -> None:
    secret = asked[0].split("/")[-3]
    for path in (asked[0].replace(secret, secret[:-1] + "!"), asked[0].replace(secret, "nonsense")):
        for answer in (client.get(path), client.post(path, {"score": "1"})):
            assert answer.status_code == 404
    assert b"does not lead anywhere" in client.get(asked[0].replace(secret, "nonsense")).content
    assert Answer.objects.count() == 0


def test_a_link_that_is_too_old_is_a_friendly_page(
    walk: Walk, asked: list[str], client: Client, time_machine: Any
) -> None:
    for days in (31, 20):  # closed, then the secret itself is over
        time_machine.move_to(walk.clock.forward(days=days), tick=False)
        for answer in (client.get(asked[0]), client.post(asked[0], {"score": "1"})):
            assert answer.status_code == 410
            assert b"This survey is closed" in answer.content
    assert Answer.objects.count() == 0


def test_a_secret_for_something_else_opens_no_survey(walk: Walk, asked: list[str], client: Client) -> None:
    invitation = Invitation.objects.get()
    subject = answers.subject_of(invitation.pk)
    [claim] = tokens.mint(
        purpose=Token.Purpose.CLAIM,
        about=[(invitation.customer_id, subject)],
        lasts=timedelta(days=1),
        at=walk.clock.now,
    )
    [odd] = tokens.mint(
        purpose=Token.Purpose.ANSWER,
        about=[(invitation.customer_id, "A-1")],
        lasts=timedelta(days=1),
        at=walk.clock.now,
    )
    assert client.get(reverse("campaigns:answer_page", args=[claim])).status_code == 404
    assert client.get(reverse("campaigns:answer_page", args=[odd])).status_code == 404


def test_everybody_is_asked_for_a_review_in_the_same_words(asked: list[str], client: Client, settings: Any) -> None:
    settings.CAMPAIGNS = {"REVIEW_URL": "https://reviews.example.com/shop"}
    pages = []
    for score in ("1", "5"):
        answer = client.post(asked[0], {"score": score})
        pages.append(client.get(answer["Location"]).content)
    assert pages[0] == pages[1]
    assert b'href="https://reviews.example.com/shop"' in pages[0]
    assert client.get(answer["Location"])["Referrer-Policy"] == "same-origin"


def test_without_a_review_address_nobody_is_asked_for_one(asked: list[str], client: Client) -> None:
    answer = client.post(asked[0], {"score": "5"})
    assert b"review" not in client.get(answer["Location"]).content


def test_in_a_real_shops_own_layout_opening_a_link_changes_no_row_of_anybody(
    asked: list[str], client: Client, settings: Any
) -> None:
    settings.RETENTION = {**settings.RETENTION, "SHOP": "retention.contrib.oscar.shop.OscarShop"}

    tables = set(connection.introspection.table_names())
    models = [model for model in apps.get_models() if model._meta.db_table in tables]

    def everything() -> dict[str, Any]:
        return {model._meta.label: sorted(map(repr, model._default_manager.values_list())) for model in models}

    before = everything()
    page = client.get(asked[1])
    assert page.status_code == 200
    assert page.content.decode().count('name="score"') == 5
    assert everything() == before
