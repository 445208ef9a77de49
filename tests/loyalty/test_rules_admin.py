"""What staff do with rules, actions and limits: told first what a change will do, and never able to edit the past."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from loyalty.models import ActionAward, ActionRule, EarningRule, Entry, Programme
from loyalty.services import actions, rules
from loyalty.services.actions import Done
from retention import registry
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.test_admin import hidden, programme_form, text
from tests.loyalty.till import START, account, join, start, table, who

Drain = Callable[[datetime], None]

ADD_RULE, ADD_ACTION = "/admin/retention_loyalty/earningrule/add/", "/admin/retention_loyalty/actionrule/add/"
RULES = "/admin/retention_loyalty/earningrule/"
AWARDS = "/admin/retention_loyalty/actionaward/"


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("grace", "grace@example.com", "a long password"))
    return client


def rule_form(programme: Programme, **given: str) -> dict[str, str]:
    return {
        "programme": str(programme.pk), "name": "Tea weeks", "effect": "times", "times": "3", "points": "",
        "goods": "only", "products": "", "categories": "food/tea\n", "when": "always", "nth": "", "tier": "",
        "asked": "", **given,
    }  # fmt: skip


def change(kind: str, pk: int) -> str:
    return reverse(f"admin:retention_loyalty_{kind}_change", args=[pk])


def test_a_rule_says_what_an_order_would_earn_before_it_is_saved(staff: Client, shop: FakeShop) -> None:
    programme = start()
    rules.set_rule(programme, at=START, name="Welcome", when="first", effect="order", points=50)
    answer = staff.post(ADD_RULE, rule_form(programme))
    assert EarningRule.objects.count() == 1
    said = text(answer)
    assert "Tea weeks: 3 × the points on tea." in said
    assert "An order of €100.00 with €40.00 of tea earns 180 points." in said
    assert "Where “Tea weeks” and “Welcome” both hold, the customer gets both." in said
    assert "Such an order of €100.00 earns 350 points." in said
    assert "It holds for orders placed from now on." in said
    assert staff.post(ADD_RULE, hidden(answer)).status_code == 302
    made = EarningRule.objects.latest("pk")
    assert (made.name, made.categories, made.times, made.points) == ("Tea weeks", ["food/tea"], Decimal(3), None)


def test_of_two_multipliers_it_says_that_only_the_better_counts(staff: Client, shop: FakeShop) -> None:
    programme = start()
    rules.set_rule(programme, at=START, name="Double", times=Decimal(2))
    said = text(staff.post(ADD_RULE, rule_form(programme)))
    assert "Where “Tea weeks” and “Double” both hold, only the better of them counts: × 3." in said
    assert "Such an order of €100.00 earns 300 points." in said


def test_a_contradiction_is_refused_with_a_sentence(staff: Client, shop: FakeShop) -> None:
    programme = start()
    rules.set_rule(
        programme, at=START, name="Tea days", goods="only", categories=["food/tea"], times=Decimal(2)
    )  # fmt: skip
    answer = staff.post(ADD_RULE, rule_form(programme))
    assert answer.status_code == 200
    assert "“Tea days” says something else of the same goods and orders at the same time" in text(answer)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"times": "0"}, "Say how many times, above zero"),
        ({"times": ""}, "Say how many times, above zero"),
        ({"effect": "order", "points": ""}, "Say how many extra points, at least 1."),
        ({"effect": "piece", "points": "0"}, "Say how many extra points, at least 1."),
        ({"effect": "order", "points": "-3"}, "greater than or equal to 0"),
        ({"categories": ""}, "Name at least one product or category."),
        ({"effect": "nothing", "goods": "all"}, "Then no order would earn anything"),
        ({"when": "nth"}, "Say which order it is, counted from 1."),
        ({"when": "every", "nth": "0"}, "Say which order it is, counted from 1."),
        ({"when": "tier", "tier": "Gould"}, "There is no such tier in the table that is in force."),
        ({"when": "asked"}, "Choose the condition."),
        (
            {"placed_from_0": "2026-03-02", "placed_from_1": "10:00", "placed_until_0": "2026-03-01",
             "placed_until_1": "10:00"},
            "It ends before it starts.",
        ),
    ],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_refused_in_words(
    staff: Client, shop: FakeShop, given: dict[str, str], said: str
) -> None:
    table(("Gold", 1000))
    answer = staff.post(ADD_RULE, rule_form(start(), **given))
    assert answer.status_code == 200
    assert said in text(answer)
    assert EarningRule.objects.count() == 0


def test_a_tier_and_a_condition_can_be_asked_for(staff: Client, shop: FakeShop) -> None:
    table(("Gold", 1000))
    programme = start()
    tier = rule_form(programme, when="tier", tier="gold", goods="all", _confirmed="1")
    assert staff.post(ADD_RULE, tier).status_code == 302
    asked = rule_form(
        programme, when="asked", asked="loyalty.has_points", name="Rich", times="2", _confirmed="1",
        **{"asked-loyalty.has_points-points": "100"},
    )  # fmt: skip
    assert staff.post(ADD_RULE, asked).status_code == 302
    made = EarningRule.objects.latest("pk")
    assert (made.condition, made.parameters) == ("loyalty.has_points", {"points": 100})
    assert "for who has at least 100 points to spend" in text(staff.get(change("earningrule", made.pk)))


def test_a_changed_rule_is_a_new_version_and_the_old_one_can_only_be_looked_at(
    staff: Client, shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    programme = start()
    old = rules.set_rule(programme, at=START, name="Tea", goods="only", categories=["food/tea"], times=Decimal(2))
    answer = staff.post(change("earningrule", old.pk), rule_form(programme, _confirmed="1"))
    assert answer.status_code == 302, text(answer)
    versions = [(one.times, one.superseded_at is None, one.replaces_id) for one in EarningRule.objects.order_by("pk")]
    assert versions == [(Decimal(2), False, None), (Decimal(3), True, old.pk)]
    page = staff.get(change("earningrule", old.pk))
    assert 'name="_save"' not in page.content.decode()
    assert staff.post(change("earningrule", old.pk), rule_form(programme, _confirmed="1")).status_code == 403
    assert EarningRule.objects.count() == 2
    assert (text(staff.get(RULES)).count("Tea weeks"), "also earlier" in text(staff.get(RULES))) == (2, True)


def test_rules_end_by_an_action_and_are_never_deleted(staff: Client, shop: FakeShop) -> None:
    rule = rules.set_rule(start(), at=START, name="Double", times=Decimal(2))
    form = {"action": "end", "_selected_action": str(rule.pk)}
    assert "1 rule has ended" in text(staff.post(RULES, form, follow=True))
    assert not EarningRule.objects.current().exists()
    assert staff.post(f"{RULES}{rule.pk}/delete/", {"post": "yes"}).status_code == 403


def test_an_action_says_what_shoppers_will_read(staff: Client, shop: FakeShop) -> None:
    programme = start(cap_day=100)
    form = {"programme": str(programme.pk), "action": "review", "points": "30", "often": "thing", "approval": "on"}
    answer = staff.post(ADD_ACTION, form)
    assert ActionRule.objects.count() == 0
    said = text(answer)
    assert "“30 points for reviewing a product, whatever you say, after we have looked at it.”" in said
    assert staff.post(ADD_ACTION, hidden(answer)).status_code == 302
    rule = ActionRule.objects.get()
    edited = staff.post(
        change("actionrule", rule.pk), {"points": "40", "often": "thing", "_confirmed": "1"}
    )  # fmt: skip
    assert edited.status_code == 302, text(edited)
    rows = ActionRule.objects.order_by("pk")
    versions = [(one.action, one.points, one.approval, one.superseded_at is None) for one in rows]
    assert versions == [("review", 30, True, False), ("review", 40, False, True)]
    wrong = staff.post(ADD_ACTION, {**form, "action": "account", "often": "day"})
    assert "This can be worth points so often: once." in text(wrong)


def waiting(clock: Clock, *things: str) -> Any:
    actions.set_rule(start(), action="review", points=30, often="thing", approval=True, at=START)
    user = join()
    me = who(user).pk
    actions.did([Done(action="review", customer=me, subject=thing, at=clock.now) for thing in things], at=clock.now)
    return user


def selected(action: str, *awards: ActionAward, **more: str) -> dict[str, Any]:
    return {"action": action, "_selected_action": [str(award.pk) for award in awards], **more}


def test_staff_approve_and_decline_with_a_reason(staff: Client, shop: FakeShop, clock: Clock) -> None:
    user = waiting(clock, "tea", "cup")
    tea, cup = ActionAward.objects.order_by("pk")
    assert "were given" in text(staff.post(AWARDS, selected("approve", tea), follow=True)) or account(user) == (30, 0)
    refused = staff.post(AWARDS, selected("decline", cup), follow=True)
    assert "Say why not" in text(refused)
    assert ActionAward.objects.get(pk=cup.pk).state == "waiting"
    staff.post(AWARDS, selected("decline", cup, reason="copied"), follow=True)
    assert ActionAward.objects.values_list("state", "decided_by", "reason").get(pk=cup.pk) == (
        "declined", "grace", "copied"
    )  # fmt: skip
    staff.post(AWARDS, selected("approve", tea, cup), follow=True)
    assert account(user) == (30, 0)
    assert "Review written" in text(staff.get(reverse("admin:retention_customer_change", args=[who(user).pk])))


def test_approving_is_a_permission_of_its_own(db: None, shop: FakeShop, clock: Clock) -> None:
    user = waiting(clock, "tea")
    helper = get_user_model().objects.create_user("helper", "helper@example.com", "a long password", is_staff=True)
    helper.user_permissions.add(Permission.objects.get(codename="view_actionaward"))
    client = Client()
    client.force_login(helper)
    client.post(AWARDS, selected("approve", ActionAward.objects.get()), follow=True)
    assert account(user) == (0, 0)
    helper.user_permissions.add(Permission.objects.get(codename="approve_actions"))
    client.post(AWARDS, selected("approve", ActionAward.objects.get()), follow=True)
    assert account(user) == (30, 0)


def test_what_waits_for_approval_is_a_trouble_after_a_while(shop: FakeShop, clock: Clock) -> None:
    waiting(clock, "tea", "cup")

    def said() -> list[str]:
        return [str(trouble.what) for trouble in registry.troubles["loyalty.actions"](clock.now)]

    assert said() == []
    clock.forward(days=8)
    assert said() == ["2 actions of customers wait for approval for more than a week"]


def test_switching_off_a_programme_says_what_becomes_of_the_points(
    staff: Client, shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    programme = start(pending_days=14)
    user = join()
    shop.place(user=user)
    shop.place(user=user, at=clock.now, paid_at=clock.now)
    drain(clock.now)
    form = programme_form(total=1)
    form.pop("active")
    form |= {"rates-0-id": str(programme.rates.get().pk), "rates-0-programme": str(programme.pk)}
    answer = staff.post(change("programme", programme.pk), form)
    said = text(answer)
    assert "1 member holds 0 points to spend, and 80 pending ones." in said
    assert "None of them is lost" in said
    assert Programme.objects.get().active
    assert staff.post(change("programme", programme.pk), hidden(answer)).status_code == 302
    assert account(user) == (0, 80)


def test_limits_say_what_they_hold_for(staff: Client, shop: FakeShop) -> None:
    answer = staff.post(
        "/admin/retention_loyalty/programme/add/",
        programme_form(("EUR", "1", ""), cap_day="100", cap_total="0", shown_as="money", basis="net"),
    )
    said = text(answer)
    assert "The limits hold for actions and for what rules add to the rate, never for the rate itself." in said
    assert "A limit of 0 lets nothing through." in said
    assert "The goods earn without their tax." in said
    assert "These currencies have no worth of a point and show points all the same: EUR." in said


def test_an_entry_says_which_rules_made_it(staff: Client, shop: FakeShop, clock: Clock, drain: Drain) -> None:
    programme = start(cap_day=30)
    rules.set_rule(programme, at=START, name="Double", times=Decimal(2))
    user = join()
    shop.place(user=user)
    drain(clock.now)
    first, second = Entry.objects.order_by("pk")
    pages = [text(staff.get(change("entry", entry.pk))) for entry in (first, second)]
    assert any("€40.00 × 1, and by rules Double +40, makes 80 points" in page for page in pages)
    customer = text(staff.get(reverse("admin:retention_customer_change", args=[who(user).pk])))
    assert "10 points not given: at most 30 a day" in customer
    assert re.search(r"Double \+40", customer)
