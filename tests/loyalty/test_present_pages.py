"""What the shopper's page says of gifts, challenges and giving; and the button to take part."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.template import Context, Template
from django.test import Client, RequestFactory

from campaigns.models import Coupon
from loyalty.models import Cause, Participation
from loyalty.services import causes, challenges, participants
from retention.shop import get_shop
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.gifts import buy, challenge, offer, plan
from tests.loyalty.till import START, join, start, who

Drain = Callable[[datetime], None]


@pytest.fixture
def client() -> Client:
    return Client()


def page(client: Client, user: Any, clock: Clock) -> str:
    """Return the account page as text: no tags, single spaces."""
    client.force_login(user)
    with time_machine.travel(clock.now, tick=False):
        answer = client.get("/retention/account/")
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def press(client: Client, user: Any, clock: Clock, pk: int) -> str:
    client.force_login(user)
    with time_machine.travel(clock.now, tick=False):
        answer = client.post(f"/retention/challenges/{pk}/join/")
    assert answer.status_code == 302
    return page(client, user, clock)


# Gifts


def test_the_way_to_the_gift_is_told_in_words_and_as_a_bar(
    shop: FakeShop, clock: Clock, drain: Drain, client: Client
) -> None:
    plan(5, points=50, minimums={"EUR": 2000})
    user = join()
    buy(shop, user, 3)
    drain(clock.now)
    text = page(client, user, clock)
    assert "A little extra 2 more orders to your gift. 3 of 5 orders are there." in text
    assert "Every 5 orders bring you a gift: 50 points. An order counts from goods for €20.00 on." in text
    html = client.get("/retention/account/").content.decode()
    assert re.search(r'<progress [^>]*aria-labelledby="retention-gift-\d+" max="5" value="3">3 / 5</progress>', html)
    buy(shop, user, 2)
    drain(clock.now)
    text = page(client, user, clock)
    assert "5 more orders to your gift. 0 of 5 orders are there." in text
    assert "Gifts that you have 50 points, March 2, 2026, for order 1005" in text


def test_where_points_are_shown_as_money_gifts_and_challenges_are_money(
    shop: FakeShop, clock: Clock, drain: Drain, client: Client
) -> None:
    start(worth="0.01", shown_as="money")
    plan(1, points=80)
    challenge(clock, points=100)
    user = join()
    buy(shop, user, 1)
    drain(clock.now)
    text = page(client, user, clock)
    assert "Every order brings you a gift: €0.80." in text
    assert "It brings you €1.00." in text
    assert "Gifts that you have €0.80, March 2, 2026, for order 1001" in text
    assert not re.search(r"\d points?\b", text)


def test_who_never_ordered_reads_what_is_promised(shop: FakeShop, clock: Clock, client: Client) -> None:
    plan(1, offer=offer())
    text = page(client, join(), clock)
    assert "1 more order to your gift." in text
    assert "Every order brings you a gift: a coupon: €5.00 off." in text


def test_a_gift_that_begins_later_is_not_promised_yet(shop: FakeShop, clock: Clock, client: Client) -> None:
    plan(2, at=clock.now + timedelta(days=1))
    plan(2, at=clock.now + timedelta(days=1), thing="A postcard", surprise=True)
    user = join()
    assert "Your gifts" not in page(client, user, clock)
    clock.forward(days=1)
    assert "2 more orders to your gift." in page(client, user, clock)


def test_a_surprise_is_said_to_be_there_and_neither_when_nor_what(
    shop: FakeShop, clock: Clock, drain: Drain, client: Client
) -> None:
    plan(2, thing="A postcard", name="Postcards", surprise=True)
    user = join()
    buy(shop, user, 3)
    drain(clock.now)
    text = page(client, user, clock)
    assert "Now and then we put a surprise in for people who come back." in text
    for secret in ("Postcard", "postcard", "more order", "Gifts that you have"):
        assert secret not in text


def test_a_used_gift_that_stands_makes_the_next_one_take_more(
    shop: FakeShop, clock: Clock, drain: Drain, client: Client
) -> None:
    plan(2, offer=offer())
    user = join()
    placed = buy(shop, user, 2)
    drain(clock.now)
    Coupon.objects.update(used=1)
    shop.mark(placed[0], "cancelled", at=clock.now)
    drain(clock.now)
    assert "3 more orders to your gift. 1 of 4 orders are there." in page(client, user, clock)


# Challenges


def test_a_challenge_is_joined_by_its_button(shop: FakeShop, clock: Clock, drain: Drain, client: Client) -> None:
    made, user = challenge(clock), join()
    text = page(client, user, clock)
    assert "Three in a month Place 3 orders. It brings you 100 points." in text
    assert "From March 1, 2026 until April 1, 2026. Orders that you place after joining count." in text
    text = press(client, user, clock, made.pk)
    assert "You take part. Your orders count from now on." in text
    assert "0 of 3 orders. It runs until April 1, 2026." in text
    press(client, user, clock, made.pk)
    assert Participation.objects.count() == 1
    buy(shop, user, 2)
    drain(clock.now)
    assert "2 of 3 orders. It runs until April 1, 2026." in page(client, user, clock)
    buy(shop, user, 1)
    drain(clock.now)
    assert "3 of 3 orders. Done: the reward is yours." in page(client, user, clock)


def test_one_that_can_be_done_again_says_how_far_the_next_time_is(
    shop: FakeShop, clock: Clock, drain: Drain, client: Client
) -> None:
    made, user = challenge(clock, target=2, most=2), join()
    participants.join(made, who(user), at=clock.now)
    buy(shop, user, 3)
    drain(clock.now)
    assert "1 of 2 orders. Done: the reward is yours. It runs until April 1, 2026." in page(client, user, clock)
    buy(shop, user, 4)
    drain(clock.now)
    text = page(client, user, clock)
    assert "2 of 2 orders. Done 2 times: the rewards are yours." in text
    assert "A challenge +100" in text


def test_an_ended_challenge_is_said_to_have_ended_and_goes_after_a_month(
    shop: FakeShop, clock: Clock, client: Client
) -> None:
    made, user = challenge(clock), join()
    participants.join(made, who(user), at=clock.now)
    clock.now = made.ends_at
    challenges.close(at=clock.now)
    text = page(client, user, clock)
    assert "0 of 3 orders. It ended on April 1, 2026." in text
    assert "hurry" not in text.lower()
    clock.forward(days=30)
    assert "Three in a month" not in page(client, user, clock)


def test_a_challenge_for_others_is_not_shown_and_not_joined(shop: FakeShop, clock: Clock, client: Client) -> None:
    made, user = challenge(clock, condition="campaigns.nth_order", parameters={"n": 7}), join()
    assert "Three in a month" not in page(client, user, clock)
    assert "This challenge is not for your account." in press(client, user, clock, made.pk)
    assert "This challenge is not open now." in press(client, user, clock, challenge(clock, active=False).pk)
    automatic = challenge(clock, automatic=True, name="By ordering")
    assert "By ordering" in page(client, user, clock)
    assert "there is nothing to join" in press(client, user, clock, automatic.pk)
    assert Participation.objects.count() == 0


def test_a_get_joins_nothing_and_a_stranger_is_sent_to_the_log_in(shop: FakeShop, clock: Clock, client: Client) -> None:
    made = challenge(clock)
    assert client.post(f"/retention/challenges/{made.pk}/join/").status_code == 302
    client.force_login(join())
    assert client.get(f"/retention/challenges/{made.pk}/join/").status_code == 405
    assert client.post("/retention/challenges/999999/join/").status_code == 404
    assert Participation.objects.count() == 0


def test_products_are_called_by_their_titles(shop: FakeShop, clock: Clock, client: Client) -> None:
    cup = shop.add_product("Cup")
    challenge(clock, goal="products", target=2, goods=[("product", cup), ("category", "clay")])
    assert "Buy 2 different products of these: Cup, clay." in page(client, join(), clock)


# Giving


def test_what_the_shop_gave_with_somebodys_orders_is_shown(
    shop: FakeShop, clock: Clock, drain: Drain, client: Client
) -> None:
    forest = Cause.objects.create(name="Forest", words="They plant trees.", show_total=True)
    causes.pledge(forest, currency="EUR", at=START, amount_minor=600)
    user, other = join(), join("bob@example.com")
    text = page(client, user, clock)
    assert "Each order gives €6.00 to Forest. We pay it, you pay nothing more." in text
    buy(shop, user, 2)
    buy(shop, other, 1)
    drain(clock.now)
    text = page(client, user, clock)
    assert "They plant trees. With your orders we gave €12.00 to Forest. All together it is €18.00." in text
    forest.show_total = False
    forest.save()
    assert "All together" not in page(client, user, clock)


def test_the_thank_you_page_says_what_the_order_gives(shop: FakeShop, clock: Clock) -> None:
    forest = Cause.objects.create(name="Forest")
    causes.pledge(forest, currency="EUR", at=START, percent=Decimal("1.5"))
    request = RequestFactory().get("/")
    request.session = {"fake_order": shop.place()}  # type: ignore[assignment]
    assert get_shop().get_request_order(request) is not None
    said = Template("{% load retention %}{% retention_thanks %}").render(Context({"request": request}))
    assert "With this order we give €0.60 to Forest." in said


def test_without_gifts_challenges_and_causes_there_is_no_section(shop: FakeShop, clock: Clock, client: Client) -> None:
    text = page(client, join(), clock)
    for heading in ("Your gifts", "Challenges", "What we give"):
        assert heading not in text


def test_the_page_costs_the_same_with_many_orders(
    shop: FakeShop, clock: Clock, drain: Drain, client: Client, django_assert_max_num_queries: Any
) -> None:
    made, user = challenge(clock, goal="products", target=3), join()
    plan(50, points=5)
    participants.join(made, who(user), at=clock.now)
    buy(shop, user, 30)
    drain(clock.now)
    client.force_login(user)
    with time_machine.travel(clock.now + timedelta(hours=1), tick=False), django_assert_max_num_queries(40):
        client.get("/retention/account/")
