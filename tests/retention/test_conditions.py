"""What offers, segments and journeys may ask of customers, orders and consent."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from campaigns.services import permission
from retention import registry
from retention.hashing import address_hash, normal
from retention.models import Consent, Customer, Suppression
from retention.services import consent, customers, persons, suppression
from retention.shop import LineData
from retention.testing.settling import settle
from retention.testing.shop import FakeShop
from retention.testing.world import FakeWorld
from tests.retention.shop import NOON

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


def holds(name: str, **parameters: Any) -> set[str]:
    """Return kind and address of everybody it holds for."""
    condition = registry.conditions[f"retention.{name}"]
    where = condition.where(condition.clean(parameters), at=NOON)
    return {f"{row.kind} {row.address}" for row in Customer.objects.living().filter(where)}


def member(world: FakeWorld, email: str) -> Customer:
    return customers.for_user(world.add_user(email), at=NOON)


def test_an_account_is_that_of_the_person_whichever_row_is_asked(customer: Make, fake_world: FakeWorld) -> None:
    member(fake_world, "ada@example.com")
    customer("ada@example.com")
    customer("bo@example.com")
    customer("")
    assert holds("member") == {"member ada@example.com", "guest ada@example.com"}
    assert holds("guest") == {"guest bo@example.com", "guest "}


def test_a_language_means_its_variants_too(customer: Make) -> None:
    for email, language in (
        ("a@x.com", "en"),
        ("b@x.com", "en-GB"),
        ("c@x.com", "es"),
        ("d@x.com", ""),
        ("e@x.com", "ena"),
    ):
        customer(email, language=language)
    assert holds("language", language="en") == {"guest a@x.com", "guest b@x.com"}


def test_a_country_is_known_of_the_row_or_of_an_order(
    customer: Make, fake_shop: FakeShop, fake_world: FakeWorld
) -> None:
    customer("de@example.com", country="DE")
    user = fake_world.add_user("ada@example.com")
    fake_shop.place(user=user, email="ada@example.com", country="DE")
    fake_shop.place(email="fr@example.com", country="FR")
    settle(at=NOON)
    assert holds("country", country="DE") == {"guest de@example.com", "member ada@example.com"}


def test_first_seen_is_the_first_time_of_all_rows(customer: Make, fake_world: FakeWorld) -> None:
    customer("old@example.com", at=NOON - timedelta(days=31))
    customer("day@example.com", at=NOON - timedelta(days=30))
    customer("ada@example.com", at=NOON - timedelta(days=400))
    Customer.objects.filter(pk=member(fake_world, "ada@example.com").pk).update(created_at=NOON)
    old = {"guest old@example.com", "guest ada@example.com", "member ada@example.com"}
    assert holds("first_seen", when="before", days=30) == old
    assert holds("first_seen", when="since", days=30) == {"guest day@example.com"}


@pytest.fixture
def buyers(fake_shop: FakeShop, fake_world: FakeWorld) -> FakeShop:
    """Ada has an account and ordered once with it, once as a guest; Bo once; Cy's was cancelled; Di's paid back."""

    def goods(price: str) -> dict[str, Any]:
        cup = LineData(
            reference="1", product="cup-7", categories=("clay", "clay/cups"), list_price=Decimal(price),
            amount=Decimal(price),
        )  # fmt: skip
        return {"total": Decimal(price), "lines": (cup,)}

    user = fake_world.add_user("ada@example.com")
    fake_shop.place(user=user, email="ada@example.com", **goods("10.00"), at=NOON - timedelta(days=20))
    fake_shop.place(email="ada@example.com", total=Decimal("30.00"), at=NOON - timedelta(days=40))
    fake_shop.place(email="bo@example.com", **goods("39.99"), at=NOON - timedelta(days=60))
    fake_shop.mark(fake_shop.place(email="cy@example.com", **goods("40.00")), "cancelled")
    fake_shop.refund(fake_shop.place(email="di@example.com", **goods("40.00")), Decimal("40.00"))
    settle(at=NOON)
    return fake_shop


ADA = {"guest ada@example.com", "member ada@example.com"}
BO = {"guest bo@example.com"}
NONE = {"guest cy@example.com", "guest di@example.com"}


@pytest.mark.parametrize(
    ("name", "parameters", "whom"),
    [
        ("orders", {"at_least": 1}, ADA | BO),
        ("orders", {"at_least": 2}, ADA),
        ("orders", {"at_least": 0, "at_most": 0}, NONE),
        ("orders", {"at_least": 1, "at_most": 1}, BO),
        ("ordered_since", {"days": 20}, set()),
        ("ordered_since", {"days": 21}, ADA),
        ("ordered_since", {"days": 61}, ADA | BO),
        ("spent", {"amount": "40", "currency": "eur"}, ADA),
        ("spent", {"amount": "39.99", "currency": "EUR"}, ADA | BO),
        ("spent", {"amount": "0.01", "currency": "USD"}, set()),
        ("bought_category", {"category": "clay/cups"}, ADA | BO),
        ("bought_category", {"category": "clay/cups", "days": 59}, ADA),
        ("bought_category", {"category": "clay"}, ADA | BO),
        ("bought_category", {"category": "cla"}, set()),
        ("bought_category", {"category": '"; DROP TABLE'}, set()),
        ("bought_product", {"product": "cup-7"}, ADA | BO),
        ("bought_product", {"product": "cup-7", "days": 30}, ADA),
        ("bought_product", {"product": "cup"}, set()),
    ],
)  # fmt: skip
def test_orders_of_all_rows_of_an_address_count(
    buyers: FakeShop, name: str, parameters: dict[str, Any], whom: set[str]
) -> None:
    assert holds(name, **parameters) == whom


def test_who_spent_in_another_currency_has_spent_nothing_in_this_one(fake_shop: FakeShop) -> None:
    fake_shop.place(email="yen@example.com", total=Decimal("5000"), currency="JPY")
    settle(at=NOON)
    assert holds("spent", amount="5000", currency="JPY") == {"guest yen@example.com"}
    assert holds("spent", amount="1", currency="EUR") == set()


def test_marketing_mail_needs_a_yes_and_no_suppression(customer: Make) -> None:
    wants = ("marketing",)
    customer("yes@example.com", wants=wants)
    customer("never@example.com")
    consent.unsubscribe(customer("gone@example.com", wants=wants), purpose="marketing", source="test", at=NOON)
    for scope in ("all", "marketing", "survey"):
        customer(f"{scope}@example.com", wants=wants)
        suppression.add(f"{scope}@example.com", scope=scope, reason="bounced", at=NOON)
    persons.erase_person(customer("erased@example.com", wants=wants), at=NOON)
    assert holds("marketing") == {"guest yes@example.com", "guest survey@example.com"}


def test_the_database_says_of_marketing_what_permission_says(customer: Make, fake_world: FakeWorld) -> None:
    dice = random.Random(8)
    for n in range(60):
        email = f"{n % 20}@example.com"
        row = customer(email) if n < 20 else member(fake_world, email)
        if dice.random() < 0.7:
            Consent.objects.create(
                customer=row, purpose="marketing", granted=dice.random() < 0.7,
                changed_at=NOON + timedelta(days=dice.randrange(3)),
            )  # fmt: skip
        if dice.random() < 0.1:
            scope, reason = dice.choice(["all", "marketing", "survey"]), dice.choice(["bounced", "erased"])
            suppression.add(email, scope=scope, reason=reason, at=NOON)
    rows = {row.pk: row.address for row in Customer.objects.all()}
    reached = {rows[pk] for pk in permission.granted(rows, purpose="marketing")}
    assert 0 < len(reached) < 20
    condition = registry.conditions["retention.marketing"]
    assert condition.matching(rows, {}, NOON) == {pk for pk, address in rows.items() if address in reached}


def test_an_address_has_its_hash_wherever_the_row_comes_from(customer: Make, fake_world: FakeWorld) -> None:
    made = customer("Ada@Example.com")
    assert made.address_hash == address_hash("ada@example.com")
    Customer.objects.bulk_create([Customer(kind="guest", address="bo@example.com", created_at=NOON)])
    user = fake_world.add_user("cy@example.com")
    customers.for_user(user, at=NOON)
    user.email = "new@example.com"
    user.save()
    customers.change_address(user=user, at=NOON)
    fake_world.shop.place(user=fake_world.add_user("di@example.com"), email="other@example.com")
    settle(at=NOON)
    rows = Customer.objects.all()
    assert {row.address for row in rows} >= {
        "ada@example.com",
        "bo@example.com",
        "new@example.com",
        "other@example.com",
    }
    assert all(row.address_hash == address_hash(row.address) for row in rows)
    persons.erase_person(made, at=NOON)
    made.refresh_from_db()
    assert made.address_hash == ""


def test_an_address_without_its_hash_counts_as_suppressed(customer: Make) -> None:
    customer(wants=("marketing",))
    Customer.objects.update(address_hash="")
    assert holds("marketing") == set()


CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("member", {}, "has an account", "has no account"),
    ("guest", {}, "has no account", "has an account"),
    ("language", {"language": "es"}, "reads Spanish", "does not read Spanish"),
    ("country", {"country": "DE"}, "is from Germany", "is not from Germany"),
    ("first_seen", {"when": "since", "days": 1}, "came first in the last 1 day", "came first more than 1 day ago"),
    ("marketing", {}, "may get marketing mail", "may not get marketing mail"),
    ("orders", {"at_least": 2, "at_most": None}, "has ordered at least 2 times", "has not ordered at least 2 times"),
    ("orders", {"at_least": 1, "at_most": 1}, "has ordered exactly 1 time", "has not ordered exactly 1 time"),
    ("orders", {"at_least": 2, "at_most": 5}, "has ordered 2 to 5 times", "has not ordered 2 to 5 times"),
    ("ordered_since", {"days": 90}, "has ordered in the last 90 days", "has not ordered in the last 90 days"),
    ("spent", {"amount": "100", "currency": "EUR"}, "has spent at least €100.00", "has spent less than €100.00"),
    ("bought_product", {"product": "7", "days": None}, "has ordered product 7", "has not ordered product 7"),
    ("bought_category", {"category": "cups", "days": 30}, "has ordered from “cups” in the last 30 days",
     "has not ordered from “cups” in the last 30 days"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parameters", "words", "opposite"), CASES)
def test_each_goes_on_from_who(name: str, parameters: dict[str, Any], words: str, opposite: str) -> None:
    condition = registry.conditions[f"retention.{name}"]
    assert condition.clean(parameters) == parameters, "what is stored can be asked again"
    assert (condition.words(parameters), condition.opposite(parameters)) == (words, opposite)


@pytest.mark.parametrize(("name", "parameters", "words", "opposite"), CASES)
def test_one_query_whoever_is_asked_about_and_never_null(
    customer: Make, name: str, parameters: dict[str, Any], words: str, opposite: str
) -> None:
    people = {customer(f"{n}@example.com").pk for n in range(30)}
    condition = registry.conditions[f"retention.{name}"]
    with CaptureQueriesContext(connection) as asked:
        found = condition.matching(people, parameters, NOON)
    assert len(asked) == 1
    others = Customer.objects.exclude(pk__in=Customer.objects.filter(condition.where(parameters, at=NOON)).values("pk"))
    assert {row.pk for row in others} == people - found


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("orders", {"at_least": 3, "at_most": 2}, "That is fewer than at least."),
        ("orders", {"at_least": -1}, "greater than or equal to 0"),
        ("spent", {"amount": "1", "currency": "QQQ"}, "There is no such currency."),
        ("spent", {"amount": "-1", "currency": "EUR"}, "greater than or equal to 0.01"),
        ("country", {"country": "Germany"}, "not one of the available choices"),
        ("language", {"language": "tlh"}, "not one of the available choices"),
        ("first_seen", {"when": "before", "days": 10**9}, "less than or equal to 36500"),
        ("bought_product", {}, "required"),
        ("member", {"since": 1}, "There is no parameter since."),
    ],
)
def test_parameters_that_are_none_are_refused_in_words(name: str, parameters: dict[str, Any], words: str) -> None:
    condition = registry.conditions[f"retention.{name}"]
    with pytest.raises(ValueError, match=words):
        condition.read(parameters)
    if name != "member":
        assert condition.matching([1], parameters, NOON) == set()


def test_a_suppression_outlives_the_row_and_meets_the_next_one(customer: Make) -> None:
    suppression.add("ada@example.com", scope="all", reason="complained", at=NOON)
    assert Suppression.objects.get().address_hash == customer(wants=("marketing",)).address_hash
    assert holds("marketing") == set()
    assert normal(" ADA@example.com") == "ada@example.com"
