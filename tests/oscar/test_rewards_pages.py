"""What a shopper sees of rewards, and what the buttons do, in a real Oscar shop."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.utils import timezone
from oscar.core.loading import get_model

from campaigns import queries
from campaigns.models import Coupon, MarginGuard
from campaigns.services import offers, redemptions
from campaigns.services.redemptions import Hold
from campaigns.terms import Money, Terms
from loyalty.models import Account, Claim, Programme, Reward
from loyalty.services import claims, points, verifying
from retention.services import customers, installation
from retention.testing.settling import settle
from tests.loyalty.till import start
from tests.oscar.world import OscarWorld

PAGE = "/retention/account/"
USE = "/retention/points/basket/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def books_agree(db: None) -> Any:
    yield
    assert list(verifying.differences()) == []


@pytest.fixture
def ada(world: OscarWorld) -> Any:
    installation.go_live(at=timezone.now() - timedelta(days=1))
    start(worth="0.01")
    user = world.add_user("ada@example.com")
    give(user, 1000)
    return user


def give(user: Any, number: int) -> None:
    points.grant([(f"gift {number}", whose(user).pk, "")], points=number, source="test", at=timezone.now())


def whose(user: Any) -> Any:
    return customers.for_user(user, at=timezone.now())


def reward(**given: Any) -> Reward:
    return Reward.objects.create(**{"name": "Prize", "active": True, "created_at": timezone.now(), **given})


def points_off(**given: Any) -> Reward:
    return reward(**{"name": "Points off", "kind": "points", "cost": 10, **given})


def five_off(**given: Any) -> Reward:
    terms = Terms(kind="amount", valid_days=90, money=(Money(currency="EUR", amount=500, minimum=3000),))
    offer = offers.create(slug="five", name="Five", terms=terms, at=timezone.now())
    return reward(**{"name": "Five off", "cost": 500, "offer": offer, **given})


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def state() -> tuple[int, int]:
    account = Account.objects.get()
    return account.balance, account.held


def test_one_button_claims_a_reward_and_the_page_says_what_is_set_aside(world: OscarWorld, ada: Any) -> None:
    prize = five_off(words="For your next order.")
    shopper = world.visit(ada)
    page = text(shopper.get(PAGE))
    assert "500 points : €5.00 off, from €30.00" in page
    assert "For your next order." in page
    assert state() == (1000, 0), "a GET changes nothing"
    for _ in range(2):
        answer = shopper.post(f"/retention/rewards/{prize.pk}/", {"key": "pressed"})
        assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert state() == (1000, 500)
    page = text(shopper.get(PAGE))
    assert "500 points of them are set aside" in page
    assert Coupon.objects.get().code in page
    assert "otherwise the points come back to you" in page

    answer = shopper.post(f"/retention/rewards/claims/{Claim.objects.get().pk}/give-up/")
    assert said(answer)[-1] == "Your points are back."
    assert state() == (1000, 0)
    assert Coupon.objects.get().state == "void"


def test_what_is_out_of_reach_has_no_button_and_says_what_is_missing(world: OscarWorld, ada: Any) -> None:
    prize = five_off(cost=1120)
    shopper = world.visit(ada)
    page = shopper.get(PAGE)
    assert "120 points are missing." in text(page)
    assert f"/retention/rewards/{prize.pk}/" not in page.content.decode()
    answer = shopper.post(f"/retention/rewards/{prize.pk}/", {"key": "forged"})
    assert said(answer) == ["120 points are missing."]
    assert state() == (1000, 0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"stock": 0}, "All of these are taken."),
        ({"condition": "loyalty.in_tier", "parameters": {"tier": "Gold"}}, "This is for Gold and above."),
        ({"condition": "nobody.knows"}, "This is for some members only."),
    ],
)
def test_what_else_is_in_the_way_is_said_in_words(world: OscarWorld, ada: Any, given: Any, words: str) -> None:
    prize = five_off(**given)
    shopper = world.visit(ada)
    assert words in text(shopper.get(PAGE))
    assert said(shopper.post(f"/retention/rewards/{prize.pk}/", {"key": "forged"})) == [words]


def test_without_anything_to_claim_or_to_use_there_is_no_empty_section(world: OscarWorld, ada: Any) -> None:
    points_off()
    shopper = world.visit(ada)
    assert ">Rewards<" not in shopper.get(PAGE).content.decode()
    world.put(shopper, world.add_product("Cup", Decimal("4.20")))
    assert "Rewards Points for your basket" in text(shopper.get(PAGE))


def test_a_button_for_what_is_not_on_offer_any_more_says_so(world: OscarWorld, ada: Any) -> None:
    prize, trees = five_off(), reward(name="A tree", kind="donation", cost=200)
    Reward.objects.update(active=False)
    shopper = world.visit(ada)
    for one in (prize, trees):
        answer = shopper.post(f"/retention/rewards/{one.pk}/", {"key": "late"})
        assert (answer["Location"], said(answer)[-1]) == (PAGE, "This reward is not on offer now.")
    assert shopper.post("/retention/rewards/99999/", {"key": "none"}).status_code == 404
    assert state() == (1000, 0)


def test_a_donation_is_asked_about_once_more_and_leaves_at_once(world: OscarWorld, ada: Any) -> None:
    trees = reward(name="A tree", kind="donation", cost=200, words="One tree is planted.")
    shopper = world.visit(ada)
    assert "Give 200 points" in text(shopper.get(PAGE))
    question = shopper.post(f"/retention/rewards/{trees.pk}/", {"key": "k"})
    assert question.status_code == 200
    assert "do not come back" in text(question)
    assert state() == (1000, 0)
    answer = shopper.post(f"/retention/rewards/{trees.pk}/", {"key": "k", "confirmed": "1"})
    assert said(answer) == ["Thank you. Your points are given: A tree."]
    assert state() == (800, 0)
    assert "Spent: A tree" in text(shopper.get(PAGE)), "the history says what for"
    made = Claim.objects.get()
    assert (made.state, made.spent, made.lease_until) == ("committed", 200, None)


def test_nobody_claims_or_gives_up_for_somebody_else(world: OscarWorld, ada: Any) -> None:
    prize = five_off()
    made = claims.claim(prize, whose(ada), key="one", at=timezone.now())
    eve = world.visit(world.add_user("eve@example.com"))
    assert eve.post(f"/retention/rewards/claims/{made.pk}/give-up/").status_code == 404
    assert world.visit().post(f"/retention/rewards/{prize.pk}/", {"key": "x"}).status_code == 302
    assert world.visit().post(USE, {"points": "100"}).status_code == 302
    assert state() == (1000, 500)
    assert Claim.objects.count() == 1


# In the basket


def shopping(world: OscarWorld, ada: Any, price: str = "4.20") -> Any:
    shopper = world.visit(ada)
    world.put(shopper, world.add_product("Cup", Decimal(price)))
    return shopper


def total(world: OscarWorld, shopper: Any) -> Decimal:
    cart = world.ask(shopper, world.shop.get_cart)
    assert cart is not None
    return cart.total


def test_the_basket_says_once_what_points_could_take_off_and_one_button_does_it(world: OscarWorld, ada: Any) -> None:
    points_off()
    shopper = shopping(world, ada)
    page = shopper.get("/basket/")
    assert "Use 420 points on this basket: €4.20 off" in text(page)
    assert state() == (1000, 0)
    answer = shopper.post(USE, {"points": "420", "key": "k"})
    assert answer["Location"] == "/basket/"
    assert said(answer) == ["420 points are set aside for this order."]
    assert total(world, shopper) == Decimal(0)
    assert state() == (1000, 420)
    assert "on this basket" not in text(shopper.get("/basket/"))
    world.checkout(shopper)
    settle(at=timezone.now())
    assert state() == (580 + 4, 0)


def test_a_no_is_remembered(world: OscarWorld, ada: Any) -> None:
    points_off()
    shopper = shopping(world, ada)
    assert shopper.post("/retention/points/basket/no/")["Location"] == "/basket/"
    assert "on this basket" not in text(shopper.get("/basket/"))
    assert "Points for your basket" in text(shopper.get(PAGE)), "who looks for it finds it"


def test_another_number_takes_the_place_of_the_first_even_when_the_checkout_had_begun(
    world: OscarWorld, ada: Any
) -> None:
    points_off()
    shopper = shopping(world, ada, "40.00")
    shopper.post(USE, {"points": "900", "key": "a"})
    assert total(world, shopper) == Decimal("31.00")
    world.to_preview(shopper)
    assert world.ask(shopper, world.shop.get_cart) is not None
    shopper.post(USE, {"points": "950", "key": "b"})
    assert total(world, shopper) == Decimal("30.50")
    assert state() == (1000, 950)
    assert sorted(Claim.objects.values_list("points", "state")) == [(900, "released"), (950, "reserved")]


@pytest.mark.parametrize("limit", [{"per_person": 1}, {"stock": 1}])
def test_a_limit_is_in_no_way_of_another_number_for_the_same_basket(
    world: OscarWorld, ada: Any, limit: dict[str, int]
) -> None:
    points_off(**limit)
    shopper = shopping(world, ada, "40.00")
    shopper.post(USE, {"points": "200", "key": "a"})
    assert "200 points are in your basket" in text(shopper.get(PAGE))
    assert said(shopper.post(USE, {"points": "300", "key": "b"}))[-1] == "300 points are set aside for this order."
    assert state() == (1000, 300)


def test_points_that_another_checkout_holds_stay_there_and_the_shopper_is_told(world: OscarWorld, ada: Any) -> None:
    points_off()
    shopper = shopping(world, ada, "40.00")
    shopper.post(USE, {"points": "300", "key": "a"})
    made = Claim.objects.get()
    assert made.coupon is not None
    [coupon] = queries.by_code([made.coupon.code], cart="phone")
    redemptions.reserve([Hold(coupon=coupon, customer_key="ada", currency="EUR")], cart="phone", at=timezone.now())
    answer = shopper.post(USE, {"points": "200", "key": "b"})
    assert answer["Location"] == "/basket/"
    assert said(answer)[-1] == "An order with it is being placed, so it cannot be given up now."
    assert state() == (1000, 300)


@pytest.mark.parametrize(
    "other",
    [{"condition": "loyalty.in_tier", "parameters": {"tier": "Gold"}}, {"stock": 0}],
)
def test_points_off_that_somebody_cannot_have_stand_in_the_way_of_no_others(
    world: OscarWorld, ada: Any, other: dict[str, Any]
) -> None:
    points_off(name="For others", cost=1, position=1, **other)
    points_off(position=2)
    shopper = shopping(world, ada)
    assert "Use 420 points on this basket" in text(shopper.get("/basket/"))
    shopper.post(USE, {"points": "420", "key": "a"})
    assert (state(), Claim.objects.get().reward.name) == ((1000, 420), "Points off")


def test_a_tab_that_is_older_than_the_programme_is_told_so(world: OscarWorld, ada: Any) -> None:
    points_off()
    shopper = shopping(world, ada)
    Programme.objects.update(active=False)
    assert said(shopper.post(USE, {"points": "420", "key": "a"}))[-1] == "Points cannot be used for this basket now."
    assert state() == (1000, 0)


def test_more_than_the_basket_costs_is_as_much_as_it_costs(world: OscarWorld, ada: Any) -> None:
    points_off()
    shopper = shopping(world, ada)
    shopper.post(USE, {"points": "1000", "key": "a"})
    assert state() == (1000, 420)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("9", "Use at least 10 points at once."),
        ("-5", "Use at least 10 points at once."),
        ("many", "Use at least 10 points at once."),
        ("", "Use at least 10 points at once."),
    ],
)
def test_a_number_that_is_none_is_refused_in_words(world: OscarWorld, ada: Any, asked: str, words: str) -> None:
    points_off()
    shopper = shopping(world, ada)
    assert said(shopper.post(USE, {"points": asked, "key": "a"}))[-1] == words
    assert (state(), total(world, shopper)) == ((1000, 0), Decimal("4.20"))


def cashback() -> None:
    Programme.objects.update(shown_as="money")


def test_where_points_are_shown_as_money_the_basket_speaks_of_money_alone(world: OscarWorld, ada: Any) -> None:
    points_off()
    cashback()
    shopper = shopping(world, ada)
    page = shopper.get("/basket/")
    assert "You have €4.20 for this basket It is set aside now and leaves your account with the order." in text(page)
    assert "Take €4.20 off" in text(page)
    assert "points" not in text(page).lower()
    page = shopper.get(PAGE)
    assert "How much Up to €4.20." in text(page)
    assert 'name="amount" value="4.20"' in page.content.decode()

    answer = shopper.post(USE, {"amount": "1.50", "key": "a"})
    assert said(answer) == ["€1.50 is set aside for this order."]
    assert (state(), total(world, shopper)) == ((1000, 150), Decimal("2.70"))
    page = text(shopper.get(PAGE))
    assert "€1.50 of it is in your basket." in page
    assert "€1.50 of it is set aside for rewards that you have claimed." in page


@pytest.mark.parametrize(
    ("asked", "language", "held"),
    [
        ("1,50", "es", 150), (" 1,5 ", "ru", 150), ("1.50", "zh-hans", 150), ("1.505", "en", 151), ("1000", "en", 420),
        ("0.09", "en", 0), ("0", "en", 0), ("-1", "en", 0), ("", "en", 0), ("some", "en", 0), ("NaN", "en", 0),
        ("9" * 40, "en", 0),
    ],
)  # fmt: skip
def test_an_amount_is_read_as_the_language_writes_it(
    world: OscarWorld, ada: Any, asked: str, language: str, held: int
) -> None:
    points_off()
    cashback()
    shopper = shopping(world, ada)
    answer = shopper.post(USE, {"amount": asked, "key": "a"}, headers={"Accept-Language": language})
    assert state() == (1000, held)
    if not held:
        assert said(answer)[-1] == "Use at least €0.10 at once."


def test_points_stop_at_the_margin_guards_floor(world: OscarWorld, ada: Any) -> None:
    MarginGuard.objects.create(pk=1, share_of_list=Decimal(60))
    points_off()
    shopper = shopping(world, ada, "10.00")
    assert "Use 400 points on this basket: €4.00 off" in text(shopper.get("/basket/"))
    shopper.post(USE, {"points": "1000", "key": "a"})
    assert total(world, shopper) == Decimal("6.00")


def test_a_guest_and_who_has_too_few_points_are_told_nothing(world: OscarWorld, ada: Any) -> None:
    points_off(cost=2000)
    for shopper in (shopping(world, ada), shopping(world, None)):
        assert "on this basket" not in text(shopper.get("/basket/"))


def test_in_a_currency_without_a_worth_points_are_not_offered(world: OscarWorld, ada: Any) -> None:
    points_off()
    shopper = shopping(world, ada)
    get_model("basket", "Line").objects.update(price_currency="USD")
    assert "on this basket" not in text(shopper.get("/basket/"))
    assert said(shopper.post(USE, {"points": "100", "key": "a"})) == ["Points cannot be used for this basket now."]
    assert state() == (1000, 0)
