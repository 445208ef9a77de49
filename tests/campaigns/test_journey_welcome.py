"""Who signs up without having bought gets a coupon for a first order, once a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.core import mail

from campaigns.models import Coupon, Enrolment, Journey
from retention.facts import SignupConfirmed
from retention.models import Customer
from retention.services import customers, facts
from tests.campaigns.walks import Walk, guest, states

Switch = Callable[..., Journey]


def confirm(walk: Walk, person: Customer) -> None:
    facts.publish([SignupConfirmed(customer=person.pk, at=walk.clock.now, source="test")])


def test_a_confirmed_sign_up_brings_a_coupon_for_a_first_order(walk: Walk, switch: Switch) -> None:
    switch("welcome")
    confirm(walk, guest("ada@example.com", at=walk.clock.now))
    walk.tick()
    assert states() == [("finished", "")]
    assert Coupon.objects.get().terms.first_order_only is True
    assert [message.subject for message in mail.outbox] == ["Welcome to Paper & Clay: 10% off"]
    assert "http://127.0.0.1:8000/retention/u/" in mail.outbox[0].body


def test_who_has_bought_gets_the_coupon_for_the_next_order_and_not_both(walk: Walk, switch: Switch) -> None:
    switch("welcome")
    switch("next-order")
    walk.order()
    walk.tick()
    confirm(walk, Customer.objects.get())
    walk.tick(minutes=1)
    assert list(Coupon.objects.values_list("source", flat=True)) == ["journey:next-order"]
    assert len(mail.outbox) == 1


def test_an_order_that_is_read_after_the_sign_up_but_was_placed_before_it_ends_the_welcome(
    walk: Walk, switch: Switch
) -> None:
    journey = switch("welcome")
    journey.steps.create(position=0, kind="wait", hours=1)
    switch("welcome", Journey.State.OFF)
    switch("welcome")
    walk.shop.silent = True
    earlier = walk.clock.now - timedelta(minutes=5)
    walk.shop.place(at=earlier)
    confirm(walk, guest("ada@example.com", at=walk.clock.now))
    walk.tick()
    walk.shop.silent = False
    walk.shop.mark("1", "fulfilled")
    walk.tick(hours=2)
    assert states() == [("exited", "ordered")]
    assert Coupon.objects.count() == 0


def test_a_second_sign_up_of_the_same_mailbox_under_another_spelling_brings_nothing(walk: Walk, switch: Switch) -> None:
    switch("welcome")
    confirm(walk, guest("ada@example.com", at=walk.clock.now))
    confirm(walk, guest("ada+again@example.com", at=walk.clock.now))
    walk.tick()
    confirm(walk, Customer.objects.get(address="ada@example.com"))
    walk.tick(days=1)
    assert (Enrolment.objects.count(), Coupon.objects.count(), len(mail.outbox)) == (1, 1, 1)


def test_a_sign_up_without_consent_brings_nothing(walk: Walk, switch: Switch) -> None:
    switch("welcome")
    confirm(walk, guest("ada@example.com", at=walk.clock.now, consents=False))
    walk.tick()
    assert states() == [("exited", "no consent")]
    assert Coupon.objects.count() == 0


def test_a_guest_that_becomes_a_member_takes_the_passage_along(
    walk: Walk, switch: Switch, django_user_model: type
) -> None:
    journey = switch("welcome")
    journey.steps.create(position=0, kind="wait", hours=1)
    switch("welcome", Journey.State.OFF)
    switch("welcome")
    person = guest("ada@example.com", at=walk.clock.now)
    confirm(walk, person)
    walk.tick()
    member = customers.for_user(
        django_user_model.objects.create(username="ada", email="ada@example.com"),  # type: ignore[attr-defined]
        at=walk.clock.now,
    )
    customers.prove_address(member, at=walk.clock.now)
    walk.tick(hours=2)
    assert Enrolment.objects.get().customer == member
    assert Coupon.objects.get().customer == member
    assert len(mail.outbox) == 1
