"""Invitations leave some days after the order arrived, once a person for a while, with one reminder."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.db.utils import IntegrityError

from campaigns.models import Invitation, Journey, Survey
from campaigns.services import answers, invitations
from retention.models import Customer, Message
from retention.services import consent, customers, delivery
from retention.testing.settling import settle
from tests.campaigns.surveys import links
from tests.campaigns.walks import Walk

Switch = Callable[..., Journey]


def plan() -> list[tuple[str, str, str]]:
    return list(Invitation.objects.order_by("pk").values_list("order", "state", "reason"))


@pytest.mark.parametrize(("marks", "days"), [((), 14), (("fulfilled",), 7), (("fulfilled", "delivered"), 3)])
def test_it_leaves_days_after_what_is_known_of_the_order(
    walk: Walk, switch: Switch, marks: tuple[str, ...], days: int
) -> None:
    switch("satisfaction")
    reference = walk.order()
    walk.tick()
    for mark in marks:
        walk.clock.forward(hours=6)
        walk.shop.mark(reference, mark)
    walk.tick()
    walk.tick(days=days, minutes=-1)
    assert mail.outbox == []
    walk.tick(minutes=1)
    assert [message.subject for message in mail.outbox] == ["One question about your order 1001"]


def test_a_delivery_that_is_told_late_still_moves_the_plan(walk: Walk, switch: Switch) -> None:
    switch("satisfaction")
    reference = walk.order()
    walk.tick()
    ordered = walk.clock.now
    walk.clock.forward(days=2)
    walk.shop.mark(reference, "delivered", at=ordered)
    walk.tick()
    assert Invitation.objects.get().due_at == ordered.replace(day=ordered.day + 3)


def test_who_returned_the_goods_is_not_asked(walk: Walk, switch: Switch) -> None:
    switch("satisfaction")
    reference = walk.order()
    walk.tick()
    walk.shop.refund(reference, Decimal("40.00"))
    walk.tick(days=14)
    assert plan() == [("1", "withdrawn", "order returned")]
    assert Message.objects.count() == 0


def test_who_returned_them_after_the_mail_was_written_down_is_not_sent_it(walk: Walk, switch: Switch) -> None:
    switch("satisfaction")
    reference = walk.order()
    walk.tick()
    invitations.send(at=walk.clock.forward(days=14))
    walk.shop.mark(reference, "cancelled")
    settle(at=walk.clock.now)
    delivery.deliver(at=walk.clock.now)
    assert list(Message.objects.values_list("state", "reason")) == [("skipped", "order returned")]


def test_one_person_is_asked_once_in_ninety_days_over_all_surveys_and_spellings(walk: Walk, switch: Switch) -> None:
    switch("satisfaction")
    other = Survey.objects.create(slug="nps", name="NPS", kind="nps", low_score=6)
    walk.order()
    walk.order(email="ada+shop@example.com")
    walk.tick()
    first = Invitation.objects.earliest("pk")
    Invitation.objects.create(
        survey=other, order="1", customer=first.customer, enrolment=first.enrolment, due_at=first.due_at,
        created_at=walk.clock.now,
    )  # fmt: skip
    walk.tick(days=14)
    assert plan() == [("1", "sent", ""), ("2", "withdrawn", "asked recently"), ("1", "withdrawn", "asked recently")]
    assert len(mail.outbox) == 1
    walk.order()
    walk.tick()
    walk.clock.forward(days=80)
    walk.shop.mark("3", "delivered")
    walk.tick()
    walk.tick(days=3)
    assert plan()[3] == ("3", "withdrawn", "asked recently")


def test_there_is_one_reminder_and_none_after_an_answer(walk: Walk, switch: Switch) -> None:
    switch("satisfaction")
    walk.order()
    walk.order(email="bea@example.com")
    walk.tick()
    walk.tick(days=14)
    [of_bea] = [message for message in mail.outbox if message.to == ["bea@example.com"]]
    answers.give(links(of_bea)[0].split("/")[-3], score=5, at=walk.clock.now)
    for _ in range(6):
        walk.tick(days=5)
    assert sorted((message.to[0], message.subject.split()[0]) for message in mail.outbox) == [
        ("ada@example.com", "One"),
        ("ada@example.com", "Still"),
        ("bea@example.com", "One"),
    ]


def test_an_answer_between_the_reminders_row_and_its_sending_stops_it(walk: Walk, switch: Switch) -> None:
    switch("satisfaction")
    walk.order()
    walk.tick()
    walk.tick(days=14)
    invitations.send(at=walk.clock.forward(days=5))
    answers.give(links(mail.outbox[0])[0].split("/")[-3], score=5, at=walk.clock.now)
    walk.tick()
    assert list(Message.objects.order_by("pk").values_list("state", "reason")) == [
        ("sent", ""),
        ("skipped", "answered"),
    ]


def test_who_unsubscribed_from_surveys_is_not_asked_and_marketing_is_another_matter(walk: Walk, switch: Switch) -> None:
    switch("satisfaction")
    walk.order(opted_out=True)
    walk.order(email="bea@example.com")
    walk.tick()
    consent.unsubscribe(
        Customer.objects.get(address="bea@example.com"), purpose="survey", source="test", at=walk.clock.now
    )
    walk.tick(days=14)
    assert [message.to for message in mail.outbox] == [["ada@example.com"]]
    assert plan()[1] == ("2", "withdrawn", "no consent")


def test_an_invitation_follows_the_order_to_the_member_who_claimed_it(
    walk: Walk, switch: Switch, django_user_model: Any
) -> None:
    switch("satisfaction")
    reference = walk.order()
    walk.tick()
    user = django_user_model.objects.create(username="ada", email="ada@example.com")
    walk.shop.claim_order(reference, user=user)
    walk.shop.mark(reference, "delivered")
    walk.tick()
    assert Invitation.objects.get().customer == customers.for_user(user, at=walk.clock.now)


def test_a_survey_whose_journey_is_off_waits_and_what_is_too_late_is_left_out(walk: Walk, switch: Switch) -> None:
    switch("satisfaction")
    walk.order()
    walk.tick()
    switch("satisfaction", Journey.State.OFF)
    walk.tick(days=15)
    assert plan() == [("1", "planned", "")]
    walk.clock.forward(days=30)
    switch("satisfaction")
    walk.tick()
    assert plan() == [("1", "withdrawn", "too late")]


def test_a_dry_run_plans_nothing(walk: Walk, switch: Switch) -> None:
    switch("satisfaction", Journey.State.DRY)
    walk.order()
    walk.tick()
    walk.tick(days=14)
    assert (Invitation.objects.count(), Message.objects.count()) == (0, 0)


def test_an_order_is_invited_once_by_the_database(walk: Walk, switch: Switch) -> None:
    switch("satisfaction")
    walk.order()
    walk.tick()
    first = Invitation.objects.get()
    with pytest.raises(IntegrityError):
        Invitation.objects.create(
            survey=first.survey, order="1", customer=first.customer, enrolment=first.enrolment,
            due_at=first.due_at, created_at=first.due_at,
        )  # fmt: skip


def test_the_mail_has_a_link_for_each_score_and_the_meaning_of_the_ends(walk: Walk, switch: Switch) -> None:
    switch("satisfaction")
    walk.order()
    walk.tick()
    walk.tick(days=14)
    assert [link.split("/")[-2] for link in links(mail.outbox[0])] == ["1", "2", "3", "4", "5"]
    body = mail.outbox[0].body
    assert "How satisfied are you with your order?" in body
    assert body.index("very dissatisfied") < body.index("/1/") < body.index("/5/") < body.index("very satisfied")
    assert "http://127.0.0.1:8000/retention/u/" in body
