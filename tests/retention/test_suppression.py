"""What stops mail to an address is kept through erasure, and counts when it comes after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from retention.models import Customer, Suppression
from retention.services import consent, delivery, events, persons, suppression
from retention.services.events import Told
from tests.retention.ground import promise
from tests.retention.mails import NEWS, QUESTION, RECEIPT
from tests.retention.shop import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails")]

Make = Callable[..., Customer]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ADA = "ada@example.com"


def stops() -> set[tuple[str, str, Any]]:
    return set(Suppression.objects.values_list("scope", "reason", "at"))


@pytest.mark.parametrize("reason", ["unsubscribed", "bounced", "complained", "staff", "imported"])
def test_what_stopped_everything_before_erasure_stops_marketing_and_surveys_after_it(reason: str) -> None:
    suppression.add(ADA, scope="all", reason=reason, at=NOON)
    for hours in (1, 2):
        suppression.erase(ADA, at=NOON + hours * HOUR)
    assert stops() == {("all", "erased", NOON + HOUR), ("marketing", reason, NOON), ("survey", reason, NOON)}


@pytest.mark.parametrize("reason", ["bounced", "complained", "staff"])
def test_what_comes_after_erasure_stands_beside_its_mark(reason: str) -> None:
    suppression.erase(ADA, at=NOON)
    assert [suppression.add(ADA, scope="all", reason=reason, at=NOON + n * HOUR) for n in (1, 2)] == [True, False]
    since = NOON + HOUR
    assert stops() == {("all", "erased", NOON), ("marketing", reason, since), ("survey", reason, since)}


@pytest.mark.parametrize(("reason", "kept"), [("complained", "complained"), ("imported", "unsubscribed")])
def test_an_unsubscribe_that_a_yes_would_lift_hides_no_complaint(reason: str, kept: str) -> None:
    suppression.add(ADA, scope="marketing", reason="unsubscribed", at=NOON)
    suppression.add(ADA, scope="all", reason=reason, at=NOON)
    suppression.erase(ADA, at=NOON + DAY)
    assert stops() == {("all", "erased", NOON + DAY), ("marketing", kept, NOON), ("survey", reason, NOON)}


def test_erasure_alone_stops_nothing_else() -> None:
    suppression.erase(ADA, at=NOON)
    assert stops() == {("all", "erased", NOON)}


@pytest.mark.parametrize("complaint", ["before", "after"])
def test_who_complained_and_was_forgotten_and_says_yes_again_gets_service_mail_alone(
    customer: Make, mailoutbox: list[Any], complaint: str
) -> None:
    ada = customer(ADA, wants=("marketing",))
    message = promise(ada, NEWS)
    delivery.deliver(at=NOON)
    message.refresh_from_db()
    steps = [
        lambda: events.take(
            Told(kind="complained", ids=[message.header_id], provider="Test", recipient=ADA), at=NOON + HOUR
        ),
        lambda: persons.erase_person(ada, at=NOON + HOUR),
    ]
    for step in steps if complaint == "before" else reversed(steps):
        step()
    again = customer(ADA, address_proven_at=NOON + DAY, created_at=NOON + DAY)
    consent.grant(again, purpose="marketing", basis="double_opt_in", source="test", at=NOON + DAY)
    rows = [promise(again, mail, due_at=NOON + DAY) for mail in (NEWS, QUESTION, RECEIPT)]
    delivery.deliver(at=NOON + DAY)
    for row in rows:
        row.refresh_from_db()
    assert [(row.state, row.reason) for row in rows] == [
        ("skipped", "unsubscribed"), ("skipped", "unsubscribed"), ("sent", ""),
    ]  # fmt: skip
