"""Who has ordered gets a coupon for the next order, once, and only who may be written to."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core import mail

from campaigns.models import Coupon, Enrolment, Journey
from campaigns.services import coupons, enrolments, journeys
from retention.facts import OrderPlaced
from retention.models import Customer, Installation, Message
from retention.services import consent, delivery, facts
from retention.testing.settling import settle
from tests.campaigns.walks import Walk, states

Switch = Callable[..., Journey]


def test_an_order_brings_one_coupon_and_one_mail(walk: Walk, switch: Switch) -> None:
    switch("next-order")
    walk.order()
    walk.tick()
    coupon = Coupon.objects.get()
    assert states() == [("finished", "")]
    assert [message.to for message in mail.outbox] == [["ada@example.com"]]
    assert coupon.code in mail.outbox[0].body
    assert coupon.order == "1"
    assert coupon.source == "journey:next-order"
    assert Message.objects.get().key == f"journey:next-order:{Enrolment.objects.get().pk}:1"
    assert f"http://127.0.0.1:8000/retention/c/{coupon.code}/" in mail.outbox[0].body
    assert mail.outbox[0].extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_every_tick_again_changes_nothing(walk: Walk, switch: Switch) -> None:
    switch("next-order")
    walk.order()
    for _ in range(3):
        walk.tick()
    assert (Coupon.objects.count(), Enrolment.objects.count(), len(mail.outbox)) == (1, 1, 1)


def test_who_ticks_the_box_gets_no_coupon_and_no_mail(walk: Walk, switch: Switch) -> None:
    switch("next-order")
    walk.order(opted_out=True)
    walk.tick()
    assert states() == [("exited", "no consent")]
    assert Coupon.objects.count() == 0
    assert Message.objects.count() == 0


def test_where_no_box_was_offered_there_is_no_consent(walk: Walk, switch: Switch) -> None:
    switch("next-order")
    walk.order(opted_out=None)
    walk.tick()
    assert states() == [("exited", "no consent")]
    assert Message.objects.count() == 0


def test_who_ticks_the_box_at_a_later_order_as_a_member_gets_nothing_for_the_earlier_one(
    walk: Walk, switch: Switch, django_user_model: type
) -> None:
    journey = switch("next-order")
    journey.steps.create(position=0, kind="wait", days=1)
    journeys.publish(journey, at=walk.clock.now)
    walk.order()
    walk.tick()
    member = django_user_model.objects.create(username="ada", email="ada@example.com")
    reference = walk.order(user=member, opted_out=True)
    walk.shop.mark(reference, "cancelled")  # so that it is not "ordered again"
    walk.tick(hours=2)
    walk.tick(days=1)
    assert states() == [("exited", "no consent"), ("exited", "returned")]
    assert mail.outbox == []


def test_history_never_enters(walk: Walk, switch: Switch) -> None:
    switch("next-order")
    old = walk.clock.now
    walk.clock.forward(days=30)
    walk.order(at=old.replace(year=2024))
    walk.order(at=old, email="bea@example.com")  # news to the shop, but read so late that it is history
    walk.tick()
    assert Enrolment.objects.count() == 0
    assert Message.objects.count() == 0


def test_before_the_shop_is_live_nobody_enters(walk: Walk, switch: Switch) -> None:
    Installation.objects.update(live_since=None)
    switch("next-order")
    walk.order()
    walk.tick()
    assert Enrolment.objects.count() == 0


def test_what_happened_before_the_journey_was_switched_on_starts_nothing(walk: Walk, switch: Switch) -> None:
    switch("next-order", Journey.State.OFF)
    walk.order()
    walk.clock.forward(minutes=1)
    switch("next-order")
    walk.tick()
    assert Enrolment.objects.count() == 0


def test_a_dry_run_notes_who_would_enter_and_keeps_nobody_out_later(walk: Walk, switch: Switch) -> None:
    switch("next-order", Journey.State.DRY)
    walk.order()
    walk.order(email="bea@example.com", opted_out=True)
    walk.tick(hours=1)
    assert states() == [("dry", ""), ("dry", "no consent")]
    assert (Coupon.objects.count(), Message.objects.count()) == (0, 0)
    switch("next-order")
    facts.publish(
        [
            OrderPlaced(
                customer=Customer.objects.get(address="ada@example.com").pk,
                at=walk.clock.now,
                order="1",
                total_minor=4000,
                currency="EUR",
            )
        ]
    )
    walk.tick()
    assert states()[2:] == [("finished", "")]


def test_an_order_cancelled_before_the_mail_leaves_ends_it(walk: Walk, switch: Switch) -> None:
    switch("next-order")
    reference = walk.order()
    settle(at=walk.clock.now)
    enrolments.advance(at=walk.clock.now)
    assert Message.objects.get().state == "planned"
    walk.shop.mark(reference, "cancelled")
    settle(at=walk.clock.now)
    delivery.deliver(at=walk.clock.now)
    assert (Message.objects.get().state, Message.objects.get().reason) == ("skipped", "returned")
    assert mail.outbox == []


def test_a_refund_of_the_goods_without_the_shipping_ends_it(walk: Walk, switch: Switch) -> None:
    switch("next-order")
    reference = walk.order(total=Decimal("44.00"), items=Decimal("40.00"), shipping=Decimal("4.00"))
    walk.shop.refund(reference, Decimal("40.00"))
    walk.tick()
    assert states() == [("exited", "returned")]
    assert Coupon.objects.count() == 0


def test_a_refund_of_a_part_does_not(walk: Walk, switch: Switch) -> None:
    switch("next-order")
    reference = walk.order()
    walk.shop.refund(reference, Decimal("10.00"))
    walk.tick()
    assert states() == [("finished", "")]


def test_who_orders_again_meanwhile_gets_one_coupon_whatever_row_the_orders_belong_to(
    walk: Walk, switch: Switch, django_user_model: type
) -> None:
    journey = switch("next-order")
    journey.steps.create(position=0, kind="wait", hours=2)
    journeys.publish(journey, at=walk.clock.now)
    walk.order(email="Ada@Example.com")
    walk.tick()
    member = django_user_model.objects.create(username="ada", email="ada@example.com")
    walk.clock.forward(minutes=30)
    walk.order(user=member)
    walk.tick()
    walk.tick(hours=3)
    assert Customer.objects.filter(address="ada@example.com").count() == 2
    assert states() == [("exited", "ordered"), ("finished", "")]
    assert (Coupon.objects.count(), len(mail.outbox)) == (1, 1)


def test_who_unsubscribes_during_a_wait_gets_no_coupon(walk: Walk, switch: Switch) -> None:
    journey = switch("next-order")
    journey.steps.create(position=0, kind="wait", hours=2)
    journeys.publish(journey, at=walk.clock.now)
    walk.order()
    walk.tick()
    consent.unsubscribe(Customer.objects.get(), purpose="marketing", source="test", at=walk.clock.now)
    walk.tick(hours=3)
    assert states() == [("exited", "no consent")]
    assert Coupon.objects.count() == 0


def test_a_coupon_called_off_before_its_mail_leaves_is_not_sent(walk: Walk, switch: Switch) -> None:
    switch("next-order")
    walk.order()
    settle(at=walk.clock.now)
    enrolments.advance(at=walk.clock.now)
    coupons.void(Coupon.objects.all(), reason="test", at=walk.clock.now)
    delivery.deliver(at=walk.clock.now)
    assert (Message.objects.get().state, Message.objects.get().reason) == ("skipped", "coupon is not good any more")


def test_who_is_under_way_keeps_the_version_of_the_day(walk: Walk, switch: Switch) -> None:
    journey = switch("next-order")
    journey.steps.create(position=0, kind="wait", days=2)
    journeys.publish(journey, at=walk.clock.now)
    walk.order()
    walk.tick()
    journey.steps.filter(kind="wait").update(days=10)
    journeys.publish(journey, at=walk.clock.now)
    walk.order(email="bea@example.com")
    walk.tick(hours=1)
    walk.tick(days=2)
    assert [message.to for message in mail.outbox] == [["ada@example.com"]]
    assert list(Enrolment.objects.order_by("pk").values_list("version__number", "state")) == [
        (2, "finished"),
        (3, "active"),
    ]


def test_speed_divides_waits(walk: Walk, switch: Switch, settings: object) -> None:
    settings.RETENTION = {**settings.RETENTION, "SPEED": 24.0}  # type: ignore[attr-defined]
    journey = switch("next-order")
    journey.steps.create(position=0, kind="wait", days=1)
    journeys.publish(journey, at=walk.clock.now)
    walk.order()
    walk.tick(minutes=59)
    assert mail.outbox == []
    walk.tick(minutes=2)
    assert len(mail.outbox) == 1


def test_a_journey_that_is_off_holds_who_is_in_it_and_leaves_out_what_is_too_late(walk: Walk, switch: Switch) -> None:
    journey = switch("next-order")
    journey.steps.create(position=0, kind="wait", days=1)
    journeys.publish(journey, at=walk.clock.now)
    walk.order()
    walk.order(email="bea@example.com")
    walk.tick()
    switch("next-order", Journey.State.OFF)
    walk.tick(days=2)
    assert states() == [("active", ""), ("active", "")]
    switch("next-order")
    Enrolment.objects.filter(customer__address="bea@example.com").update(due_at=walk.clock.now.replace(month=1))
    walk.tick()
    assert states() == [("finished", ""), ("exited", "too late")]
    assert [message.to for message in mail.outbox] == [["ada@example.com"]]


@pytest.mark.parametrize("state", [Journey.State.OFF, Journey.State.DRY])
def test_a_mail_of_a_journey_switched_off_meanwhile_does_not_leave(walk: Walk, switch: Switch, state: str) -> None:
    switch("next-order")
    walk.order()
    settle(at=walk.clock.now)
    enrolments.advance(at=walk.clock.now)
    switch("next-order", state)
    delivery.deliver(at=walk.clock.now)
    assert (Message.objects.get().state, Message.objects.get().reason) == ("skipped", "journey is off")
