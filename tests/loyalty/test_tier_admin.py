"""Tier tables and benefits in admin: what they do is said before it is saved, and what makes no sense is refused."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Offer
from campaigns.services import offers
from campaigns.terms import Money, Terms
from loyalty.models import EarningRule, Tier, TierBenefit, TierTable
from loyalty.services import rules, tiers
from retention import registry
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.test_admin import ADD_TABLE, hidden, table_form, text
from tests.loyalty.till import START, join, start, table

Drain = Callable[[datetime], None]
ADD_BENEFIT = "/admin/retention_loyalty/tierbenefit/add/"


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    client.force_login(get_user_model().objects.create_superuser("grace", "grace@example.com", "a long password"))
    return client


def test_every_setting_is_said_in_words_before_it_is_saved(staff: Client) -> None:
    form = table_form(
        (1, "Silver", "500"), (2, "Gold", "2000"), window="calendar", term="year", grace_days="14", down="step",
        notice_days="60",
    )  # fmt: skip
    said = text(staff.post(ADD_TABLE, {**form, "tiers-1-keep": "1500"}))
    for sentence in (
        "A customer with €500.00 in a calendar year becomes Silver; today that is 0 of 0.",
        "€1,500.00 keeps Gold.",
        "A tier is kept to the end of the calendar year after the one in which it was reached.",
        "After that it can be saved for 14 days more.",
        "Who does not keep a tier goes down one step.",
        "60 days before a tier is lost its holder gets a mail that says what keeps it.",
        "Refunds count against, cancelled orders and other currencies do not count.",
    ):
        assert sentence in said
    assert TierTable.objects.count() == 0


def test_orders_are_whole_and_have_no_currency(staff: Client) -> None:
    answer = staff.post(ADD_TABLE, table_form((1, "Friend", "2.5"), metric="orders"))
    assert "A whole number: nobody places half an order or earns half a point." in text(answer)
    answer = staff.post(ADD_TABLE, table_form((1, "Friend", "3"), metric="orders"))
    assert "A customer with 3 orders in 365 days becomes Friend; today that is 0 of 0." in text(answer)
    assert staff.post(ADD_TABLE, hidden(answer)).status_code == 302
    made = TierTable.objects.get()
    assert (made.currency, made.tiers.get().threshold_minor) == ("", 3)
    page = text(staff.get(reverse("admin:retention_loyalty_tiertable_change", args=[made.pk])))
    assert "Try it on the real customers" in staff.get(ADD_TABLE).content.decode()
    assert "Orders count once they are paid" in page


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"term": "days", "term_days": "0"}, "greater than or equal to 1"),
        ({"term": "days", "term_days": ""}, "A term has at least one day. Say how many."),
        ({"term": "days", "term_days": "90", "window": "calendar"}, "a term in days goes with a window in days"),
        ({"down": "step"}, "Going down one step at a time needs a term or some days of grace"),
        ({"window_days": "0"}, "The window has at least one day."),
        ({"currency": ""}, "Say in which currency spend counts"),
        ({"currency": "EUX"}, "is no currency"),
        ({"tiers-1-keep": "2000.01"}, "“Gold” begins at €2,000.00 and cannot ask for more, €2,000.01, to be kept."),
        ({"tiers-1-keep": "499"}, "“Gold” stands above “Silver” but is kept from less: €499.00 against €500.00."),
        ({"tiers-1-name": "silver"}, "Two tiers are called “silver”."),
    ],
)
def test_a_table_that_makes_no_sense_is_refused_in_words(staff: Client, given: dict[str, str], said: str) -> None:
    for button in ({}, {"_try": "Try"}, {"_confirmed": "1"}):
        answer = staff.post(ADD_TABLE, {**table_form((1, "Silver", "500"), (2, "Gold", "2000")), **given, **button})
        assert answer.status_code == 200
        assert said in text(answer)
    assert TierTable.objects.count() == 0


def test_a_currency_in_which_nobody_orders_is_refused_while_the_table_is_active(
    staff: Client, shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    shop.place(user=join(), total=Decimal(10))
    drain(clock.now)
    form = table_form((1, "Silver", "500"), currency="USD")
    said = "Nobody has ordered in USD; orders are in EUR."
    assert said in text(staff.post(ADD_TABLE, form))
    assert said not in text(staff.post(ADD_TABLE, {**form, "active": ""}))
    table(("Silver", 100), currency="USD")
    (trouble,) = registry.troubles["loyalty.tiers"](clock.now)
    assert trouble.what == "The tier table “Tiers” counts what is spent in USD, and nobody orders in it"


def made_offer(**terms: Any) -> Offer:
    given = {"kind": "free_shipping", "valid_days": 365, "uses": 100, "exclusive": False, **terms}
    return offers.create(slug="ship", name="Free shipping", terms=Terms(**given), at=timezone.now())


def benefit_form(kind: str, **given: Any) -> dict[str, str]:
    gold = Tier.objects.get(name="Gold")
    form = {"tier": gold.pk, "kind": kind, "active": "on", "words": "", "due_days": "14", **given}
    return {name: str(value) for name, value in form.items()}


def test_a_benefit_says_who_gets_it_before_it_is_saved(
    staff: Client, shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    table(("Gold", 50000))
    shop.place(user=join(), total=Decimal(600))
    drain(clock.now)
    tiers.recompute(at=clock.now)
    answer = staff.post(ADD_BENEFIT, benefit_form("points", points=200, multiplier=3))
    assert "Who comes up into Gold gets once: 200 points as a welcome to the tier." in text(answer)
    assert TierBenefit.objects.count() == 0
    assert staff.post(ADD_BENEFIT, hidden(answer)).status_code == 302
    assert TierBenefit.objects.values_list("kind", "points", "multiplier").get() == ("points", 200, None)
    answer = staff.post(ADD_BENEFIT, benefit_form("shipping", offer=made_offer().pk))
    assert "Who stands in Gold has: free shipping, without a code to type." in text(answer)
    assert "Today that is 1 customer; with the tier it ends." in text(answer)
    assert staff.post(ADD_BENEFIT, hidden(answer)).status_code == 302
    page = text(staff.get(reverse("admin:retention_loyalty_tierbenefit_changelist")))
    assert "200 points as a welcome to the tier" in page
    again = staff.post(ADD_BENEFIT, benefit_form("shipping", offer=Offer.objects.get().pk))
    assert "A tier gives this once." in text(again)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("multiplier", "Say how many times the points, e.g. 1.5."),
        ("points", "Say how many points."),
        ("coupon", "Say of which offer the coupon is."),
        ("shipping", "Say by which offer shipping is free."),
        ("task", "Say what is to be arranged"),
    ],
)
def test_a_benefit_without_what_it_gives_is_refused(staff: Client, kind: str, said: str) -> None:
    table(("Gold", 50000))
    assert said in text(staff.post(ADD_BENEFIT, benefit_form(kind)))
    assert TierBenefit.objects.count() == 0


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"kind": "amount", "money": (Money(currency="EUR", amount=500),)}, "does not make shipping free"),
        ({"uses": 1}, "Let each coupon of this offer be used many times, at least 10"),
        ({"exclusive": True}, "would be in the way of every code"),
        ({"first_order_only": True}, "for first orders only"),
    ],
)
def test_an_offer_that_cannot_be_somebodys_for_long_is_refused(staff: Client, terms: dict[str, Any], said: str) -> None:
    table(("Gold", 50000))
    assert said in text(staff.post(ADD_BENEFIT, benefit_form("shipping", offer=made_offer(**terms).pk)))


def test_earning_rules_follow_the_new_names_of_tiers(staff: Client) -> None:
    programme = start()
    made = table(("Silver", 50000), ("Gold", 200000))
    for name in ("Silver", "gold"):
        rules.set_rule(programme, at=START, name=name, when="tier", tier=name, effect="times", times=Decimal(2))
    ids = {tier.name: str(tier.pk) for tier in made.tiers.all()}
    form = table_form((1, "Silver", "500"), (2, "Gold Club", "2000"), **{"tiers-INITIAL_FORMS": "2"})
    form |= {
        "tiers-0-id": ids["Silver"], "tiers-0-table": str(made.pk),
        "tiers-1-id": ids["Gold"], "tiers-1-table": str(made.pk),
    }  # fmt: skip
    page = reverse("admin:retention_loyalty_tiertable_change", args=[made.pk])
    answer = staff.post(page, form)
    assert set(EarningRule.objects.values_list("tier", flat=True)) == {"Silver", "gold"}, "nothing is saved yet"
    assert staff.post(page, hidden(answer)).status_code == 302
    assert list(EarningRule.objects.order_by("pk").values_list("name", "tier", "superseded_at")) == [
        ("Silver", "Silver", None), ("gold", "Gold Club", None),
    ]  # fmt: skip
