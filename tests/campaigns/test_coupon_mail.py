"""The mail with a coupon names all that decides its use, by the terms of that coupon."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core import mail

from campaigns.models import Journey, Offer, OfferGoods
from campaigns.services import offers
from tests.campaigns.test_journey_welcome import confirm
from tests.campaigns.walks import Walk, guest

Switch = Callable[..., Journey]


def edit(walk: Walk, **changes: Any) -> Offer:
    """Change what the welcome journey's offer says."""
    offer = Offer.objects.get(slug="welcome")
    for name, value in changes.items():
        setattr(offer, name, value)
    offer.save()
    offers.publish(offer, at=walk.clock.now)
    return offer


def sent(walk: Walk) -> str:
    confirm(walk, guest("ada@example.com", at=walk.clock.now))
    walk.tick()
    [message] = mail.outbox
    return f"{message.subject}\n{message.body}"


def test_a_plain_coupon_says_nothing_of_goods_or_days_to_come(walk: Walk, switch: Switch) -> None:
    switch("welcome")
    text = sent(walk)
    assert "It can be used once." in text
    for words in ("Please note", "Good from", "per person"):
        assert words not in text


def test_titles_goods_and_how_often_are_in_the_mail(walk: Walk, switch: Switch) -> None:
    switch("welcome")
    cup, bowl = walk.shop.add_product("Cup"), walk.shop.add_product("Bowl")
    offer = edit(walk, kind="free_product", percent=None, per_customer=2, per_customer_period="month", sale_goods=False)
    for reference, rule in ((cup, "only"), (bowl, "never")):
        OfferGoods.objects.create(offer=offer, rule=rule, kind="product", reference=reference)
    offers.publish(offer, at=walk.clock.now)
    text = sent(walk)
    assert "Welcome to Paper & Clay: Free: Cup" in text
    assert "Please note: not for reduced goods, not for: Bowl." in text
    assert "The offer can be used 2 times a month per person." in text


def test_a_coupon_whose_first_day_is_to_come_is_mailed_all_the_same_and_says_so(walk: Walk, switch: Switch) -> None:
    switch("welcome")
    first = (walk.clock.now + timedelta(days=10)).date()
    edit(walk, starts_on=first)
    text = sent(walk)
    assert f"Good from {first:%B} {first.day}, {first.year} on." in text
