"""A journey's mail is about something; who does not want that, or nothing at present, gets nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from campaigns import journey_words
from campaigns.admin.journey_forms import JourneyForm
from campaigns.models import Coupon, Invitation, Journey
from campaigns.services import journeys
from retention.models import Customer, Message, Topic
from retention.services import preferences
from retention.services.preferences import Wish
from retention.services.profile import Shown
from tests.campaigns.test_journey_admin import change_url, form_of, text
from tests.campaigns.walks import Walk, states
from tests.retention.choosing import topic

Switch = Callable[..., Journey]


@pytest.fixture
def thanks(walk: Walk, switch: Switch) -> Journey:
    """The next-order journey, about coupons, with a wait of a day before its coupon."""
    topic("coupons", en="Coupons"), topic("news", en="News")
    journey = switch("next-order")
    journey.steps.create(position=0, kind="wait", days=1)
    journey.topic = "coupons"
    journey.save()
    journeys.publish(journey, at=walk.clock.now)
    return journey


def wish(walk: Walk, **wanted: Any) -> None:
    preferences.save(
        Customer.objects.get(), Wish(**wanted), shown=Shown(text="", source="test"), mailbox=True, at=walk.clock.now
    )


def test_its_mail_carries_the_topic(walk: Walk, thanks: Journey) -> None:
    walk.order()
    walk.tick()
    walk.tick(days=1)
    assert list(Message.objects.values_list("topic", "state")) == [("coupons", "sent")]


def test_who_leaves_the_topic_out_leaves_the_journey_before_a_coupon_is_made(walk: Walk, thanks: Journey) -> None:
    walk.order()
    walk.tick()
    wish(walk, topics={"coupons": False})
    walk.tick(days=1)
    assert states() == [("exited", "topic not wanted")]
    assert Coupon.objects.count() == Message.objects.count() == 0


def test_another_topic_left_out_changes_nothing(walk: Walk, thanks: Journey) -> None:
    walk.order()
    walk.tick()
    wish(walk, topics={"news": False})
    walk.tick(days=1)
    assert len(walk.sent()) == 1


def test_who_went_in_under_another_topic_keeps_that_one(walk: Walk, thanks: Journey) -> None:
    walk.order()
    walk.tick()
    thanks.topic = "news"
    thanks.save()
    assert journeys.publish(thanks, at=walk.clock.now).number == 3, "it is another version"
    walk.tick(days=1)
    assert Message.objects.get().topic == "coupons"


def test_a_pause_ends_a_passage_whose_step_would_give_something_and_not_one_that_waits(
    walk: Walk, thanks: Journey
) -> None:
    walk.order()
    walk.tick()
    wish(walk, pause=True)
    walk.tick(days=1)
    assert states() == [("exited", "paused")]
    assert Coupon.objects.count() == 0


def test_a_pause_that_is_over_before_the_coupon_keeps_nobody_out(walk: Walk, switch: Switch) -> None:
    journey = switch("next-order")
    journey.steps.create(position=0, kind="wait", days=31)
    journeys.publish(journey, at=walk.clock.now)
    walk.order()
    walk.tick()
    wish(walk, pause=True)
    walk.tick(days=29)
    walk.tick(days=2)
    assert [message.mail for message in walk.sent()] == ["campaigns.next_order"]


def test_nobody_is_asked_a_question_while_they_pause(walk: Walk, switch: Switch) -> None:
    switch("satisfaction")
    walk.order()
    walk.tick()
    wish(walk, pause=True)
    walk.tick(days=14)
    assert list(Invitation.objects.values_list("state", "reason")) == [("withdrawn", "paused")]
    assert walk.sent() == []


def test_the_topic_is_chosen_among_those_offered_and_said_before_it_is_saved(
    walk: Walk, thanks: Journey, admin_client: Client, time_machine: Any
) -> None:
    time_machine.move_to(walk.clock.now, tick=False)
    Topic.objects.filter(slug="news").update(active=False)
    assert [slug for slug, _ in JourneyForm(instance=thanks).fields["topic"].choices] == ["", "coupons"]
    page = text(admin_client.post(change_url(thanks), form_of(thanks, topic="coupons", state="dry")))
    assert "Not for who has left out the topic “Coupons”" in page
    refused = text(admin_client.post(change_url(thanks), form_of(thanks, topic="news")))
    assert "Select a valid choice. news is not one of the available choices." in refused


def test_a_topic_that_is_gone_is_said_and_stops_nothing(walk: Walk, thanks: Journey) -> None:
    Topic.objects.filter(slug="coupons").delete()
    version = journeys.latest(thanks)
    assert version is not None
    assert "Its topic, coupons, is not offered any more: it is as without one." in journey_words.sentences(version)
    assert ("coupons", "coupons (not offered)") in JourneyForm(instance=thanks).fields["topic"].choices
    walk.order()
    walk.tick()
    walk.tick(days=1)
    assert len(walk.sent()) == 1
