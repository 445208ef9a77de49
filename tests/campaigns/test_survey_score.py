"""A score comes with the number of answers, its interval, its definition and the response rate."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from campaigns import survey_words
from campaigns.models import Survey
from campaigns.services import answers, invitations, scores
from retention.models import Customer
from retention.services import consent, delivery
from tests.campaigns.surveys import links
from tests.campaigns.walks import Walk


def test_wilsons_interval_of_a_textbook_share() -> None:
    low, high = scores.wilson(81, 263)  # Newcombe 1998, method 3: 0.2553 to 0.3662
    assert (round(low, 2), round(high, 2)) == (25.53, 36.62)


@pytest.mark.parametrize(("hits", "n", "ends"), [(0, 20, (0.0, 16.11)), (29, 29, (88.3, 100.0))])
def test_wilsons_interval_has_sense_at_the_ends(hits: int, n: int, ends: tuple[float, float]) -> None:
    low, high = scores.wilson(hits, n)
    assert (round(low, 2), round(high, 2)) == ends


def test_nps_is_promoters_less_detractors_with_its_standard_error() -> None:
    value, low, high = scores.nps(promoters=50, detractors=20, n=100)
    # p + d - (p - d)² = 0.61; 1.96 × sqrt(0.61 / 100) = 0.15308
    assert (value, round(low or 0, 2), round(high or 0, 2)) == (30.0, 14.69, 45.31)


def test_nps_of_people_who_answered_alike_has_no_interval() -> None:
    assert scores.nps(promoters=3, detractors=0, n=3) == (100.0, None, None)


def test_seven_and_eight_are_neither() -> None:
    score = scores.score("nps", {10: 1, 9: 1, 8: 3, 7: 3, 6: 1, 0: 1}, sent=20)
    assert (score.value, score.answers, score.response_rate) == (0.0, 10, 50.0)


def test_without_answers_there_is_no_number() -> None:
    score = scores.score("csat", {}, sent=4)
    assert (score.value, score.low, score.high) == (None, None, None)
    assert survey_words.value(score) == "no answers yet"
    assert survey_words.answers(score) == "0 answers from 4 asked (0 %)"


def test_a_score_counts_those_whom_a_mail_has_left_for(walk: Walk, switch: Any) -> None:
    switch("satisfaction")
    for number in range(4):
        walk.order(email=f"c{number}@example.com")
    walk.tick()
    walk.clock.forward(days=14)
    invitations.send(at=walk.clock.now)
    last = Customer.objects.latest("pk")
    consent.unsubscribe(last, purpose="survey", source="test", at=walk.clock.now)
    delivery.deliver(at=walk.clock.now)
    for message, given in zip(mail.outbox, (5, 2), strict=False):
        answers.give(links(message)[0].split("/")[-3], score=given, at=walk.clock.now)
    score = scores.of(Survey.objects.get())
    assert (score.answers, score.sent, score.value, score.counts) == (2, 3, 50.0, {2: 1, 5: 1})
    assert survey_words.value(score) == "50 % (9 to 91)"
    assert survey_words.answers(score) == "2 answers from 3 asked (67 %)"


def test_the_score_page_says_all_of_it(asked: list[str], admin_client: Client) -> None:
    answers.give(asked[0].split("/")[-3], score=5, at=Survey.objects.get().invitations.get().sent_at)
    url = reverse("admin:retention_campaigns_survey_score", args=[Survey.objects.get().pk])
    page = admin_client.get(url).content.decode()
    assert "100 % (21 to 100)" in page
    assert "1 answer from 1 asked (100 %)" in page
    assert "Share of answers that are 4 or 5 of 5." in page
    assert "Wilson" in page
    assert "So few answers say little" in page
    assert "<script" not in page.split('id="content"')[1].split('id="footer"')[0]
    assert admin_client.get(url, {"days": "30"}).status_code == 200
    assert admin_client.get(url, {"days": "x'"}).status_code == 200
