"""Staff make rewards, see what each does before it is saved, and give claims back."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from campaigns.models import Offer
from campaigns.services import offers
from campaigns.terms import Money, Terms
from loyalty.models import Claim, Reward, Task
from loyalty.services import claims, verifying
from retention import registry
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.test_admin import hidden, text
from tests.loyalty.test_claims import five_off, member, now, state
from tests.loyalty.till import start, who

ADD = "/admin/retention_loyalty/reward/add/"


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("grace", "grace@example.com", "a long password"))
    return client


def offer(clock: Clock) -> Offer:
    terms = Terms(kind="amount", valid_days=90, money=(Money(currency="EUR", amount=500, minimum=2000),))
    return offers.create(slug="five", name="Five off", terms=terms, at=clock.now)


def form(**given: Any) -> dict[str, Any]:
    return {
        "name": "5.00 off", "words": "", "kind": "coupon", "cost": "500", "offer": "", "valid_days": "30",
        "stock": "", "per_person": "", "starts_at_0": "", "starts_at_1": "", "ends_at_0": "", "ends_at_1": "",
        "only_for": "", "active": "on", "position": "10", "replaces": "", **given,
    }  # fmt: skip


def test_a_reward_says_what_it_costs_in_money_before_it_is_saved(
    staff: Client,
    shop: FakeShop,
    clock: Clock,
) -> None:
    start(rate="2", worth="0.01")
    wanted = form(offer=str(offer(clock).pk), per_person="2", stock="100")
    question = staff.post(ADD, wanted)
    words = text(question)
    assert "500 points = €5.00 off, from €20.00" in words
    assert "So a point is worth 0.01 EUR here." in words
    assert "A customer earns 500 points with goods for €250.00." in words
    assert "One person can have it 2 times." in words
    assert "There are 100 of it, 0 taken." in words
    assert not Reward.objects.exists()
    assert staff.post(ADD, hidden(question)).status_code == 302
    reward = Reward.objects.get()
    assert (reward.cost, reward.stock, reward.per_person, reward.active) == (500, 100, 2, True)


def test_points_off_the_basket_say_what_they_pay_and_make_an_offer_of_their_own(
    staff: Client,
    shop: FakeShop,
    clock: Clock,
) -> None:
    start(worth="0.01")
    question = staff.post(ADD, form(kind="points", cost="100", name="Points off"))
    assert "Points pay for goods: 100 points = €1.00 off" in text(question)
    assert not Offer.objects.exists()
    assert staff.post(ADD, hidden(question)).status_code == 302
    made = Offer.objects.get()
    assert (Reward.objects.get().offer, made.exclusive, made.priority) == (made, False, 99)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cost": "0"}, "A reward costs at least one point."),
        ({"cost": "-5"}, "Ensure this value is greater than or equal to 0."),
        ({"cost": "10000000000000"}, "Ensure this value is less than or equal to 1000000000000."),
        ({"kind": "coupon"}, "Say of which offer the coupon is."),
        ({"stock": "-1"}, "Ensure this value is greater than or equal to 0."),
        ({"valid_days": "0"}, "Ensure this value is greater than or equal to 1."),
        (
            {"starts_at_0": "2026-05-02", "starts_at_1": "00:00", "ends_at_0": "2026-05-01", "ends_at_1": "00:00"},
            "It ends before it begins.",
        ),
        ({"name": ""}, "This field is required."),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    staff: Client,
    shop: FakeShop,
    given: dict[str, str],
    words: str,
) -> None:
    answer = staff.post(ADD, form(**{"kind": "custom", **given}))
    assert words in text(answer)
    assert not Reward.objects.exists()


def test_a_condition_is_kept_with_its_parameters(staff: Client, shop: FakeShop) -> None:
    given = form(kind="custom", only_for="loyalty.has_points", **{"only_for-loyalty.has_points-points": "700"})
    question = staff.post(ADD, given)
    assert "Only for who has at least 700 points to spend." in text(question)
    staff.post(ADD, hidden(question))
    reward = Reward.objects.get()
    assert (reward.condition, reward.parameters) == ("loyalty.has_points", {"points": 700})


def test_what_has_been_claimed_keeps_its_terms_and_another_takes_its_place(
    staff: Client,
    shop: FakeShop,
    clock: Clock,
) -> None:
    reward = five_off(clock)
    url = reverse("admin:retention_loyalty_reward_change", args=[reward.pk])
    assert 'name="cost"' in staff.get(url).content.decode()
    claims.claim(reward, who(member(600, clock)), key="a", at=clock.now)
    page = staff.get(url)
    assert 'name="cost"' not in page.content.decode()
    assert "It has been claimed, so it keeps its terms. Make another in its place" in text(page)
    staff.post(url, {**form(cost="1", name="Other name"), "_confirmed": "1"})
    reward.refresh_from_db()
    assert (reward.cost, reward.name) == (500, "Other name")

    question = staff.post(ADD, form(offer=str(reward.offer_id), cost="700", replaces=str(reward.pk)))
    assert "“Other name” is switched off; what was claimed of it stays good." in text(question)
    reward.refresh_from_db()
    assert reward.active
    staff.post(ADD, hidden(question))
    assert list(Reward.objects.order_by("pk").values_list("cost", "active")) == [(500, False), (700, True)]
    assert staff.post(url.replace("change", "delete"), {"post": "yes"}).status_code == 403


def test_a_stock_is_not_set_below_what_is_taken(staff: Client, shop: FakeShop, clock: Clock) -> None:
    reward = five_off(clock, stock=5)
    for n in range(2):
        claims.claim(reward, who(member(600, clock, f"{n}@example.com")), key=str(n), at=clock.now)
    url = reverse("admin:retention_loyalty_reward_change", args=[reward.pk])
    answer = staff.post(url, form(stock="1", offer=str(reward.offer_id)))
    assert "More than that have been claimed already." in text(answer)


def test_saving_a_reward_does_not_undo_what_was_taken_meanwhile(shop: FakeShop, clock: Clock) -> None:
    reward = five_off(clock, stock=5)
    claims.claim(reward, who(member(600, clock)), key="a", at=clock.now)
    assert reward.taken == 0, "this copy is from before"
    reward.name = "Another name"
    reward.save()
    assert list(Reward.objects.values_list("name", "taken")) == [("Another name", 1)]


def release(client: Client, made: Claim) -> Any:
    url = reverse("admin:retention_loyalty_claim_changelist")
    return client.post(url, {"action": "release", "_selected_action": [str(made.pk)]})


def test_staff_with_the_permission_give_a_claim_back_once(
    staff: Client,
    shop: FakeShop,
    clock: Clock,
) -> None:
    user = member(600, clock)
    made = claims.claim(five_off(clock), who(user), key="a", at=clock.now)
    looker = Client()
    bob = get_user_model().objects.create_user("bob", "bob@example.com", "a long password", is_staff=True)
    bob.user_permissions.add(Permission.objects.get(codename="view_claim"))
    looker.force_login(bob)
    release(looker, made)
    assert state(user) == (600, 500)
    answer = release(staff, made)
    assert [str(message) for message in get_messages(answer.wsgi_request)] == ["The points of 1 claim are back."]
    assert (state(user), now(made).reason) == ((600, 0), "staff")
    assert LogEntry.objects.get().change_message == "The points are back."
    answer = release(staff, made)
    assert "it is over already" in str(list(get_messages(answer.wsgi_request))[-1])
    assert state(user) == (600, 0)
    assert list(verifying.differences()) == []


def test_tasks_are_closed_by_who_may(staff: Client, shop: FakeShop, clock: Clock) -> None:
    evening = Reward.objects.create(name="Evening", kind="custom", cost=100, active=True, created_at=clock.now)
    user = member(600, clock)
    for key in ("a", "b"):
        claims.claim(evening, who(user), key=key, at=clock.now)
    first, second = Task.objects.order_by("pk")
    url = reverse("admin:retention_loyalty_task_changelist")
    assert "Evening" in text(staff.get(url))
    staff.post(url, {"action": "done", "_selected_action": [str(first.pk)]})
    staff.post(url, {"action": "decline", "_selected_action": [str(first.pk), str(second.pk)]})
    assert list(Task.objects.order_by("pk").values_list("state", "by")) == [("done", "grace"), ("declined", "grace")]
    assert state(user) == (500, 0)


@pytest.mark.parametrize("kind", ["reward", "claim"])
def test_lists_and_pages_open(staff: Client, shop: FakeShop, clock: Clock, kind: str) -> None:
    made = claims.claim(five_off(clock), who(member(600, clock)), key="a", at=clock.now)
    pk = made.pk if kind == "claim" else made.reward_id
    assert "5.00 off" in text(staff.get(reverse(f"admin:retention_loyalty_{kind}_changelist")))
    assert staff.get(reverse(f"admin:retention_loyalty_{kind}_change", args=[pk])).status_code == 200


def test_the_customers_page_shows_claims_and_when_they_end(
    staff: Client,
    shop: FakeShop,
    clock: Clock,
) -> None:
    user = member(600, clock)
    claims.claim(five_off(clock), who(user), key="a", at=clock.now)
    page = text(staff.get(reverse("admin:retention_customer_change", args=[who(user).pk])))
    assert "500 set aside" in page
    assert "Claimed: 5.00 off" in page
    assert "Claim ends unless an order uses it: 5.00 off" in page


def test_what_is_wrong_with_rewards_is_said(shop: FakeShop, clock: Clock) -> None:
    def said() -> list[str]:
        return [str(trouble.what) for trouble in registry.troubles["loyalty.rewards"](clock.now)]

    reward = five_off(clock)
    assert said() == []
    assert reward.offer is not None
    Offer.objects.update(active=False)
    assert said() == ["“5.00 off” cannot be claimed: The offer is switched off."]
    Offer.objects.update(active=True)
    Reward.objects.create(name="Off", kind="points", cost=1, active=True, created_at=clock.now)
    assert said() == ["“Off” is on, and no rate says what a point is worth"]
    made = claims.claim(reward, who(member(500, clock)), key="a", at=clock.now)
    Claim.objects.filter(pk=made.pk).update(state="committed", missing=200)
    assert said()[0] == "1 order used a reward whose points were not there any more"
