"""Conditions in admin are chosen by name and filled in by their own questions, not as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
import time_machine
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.forms import inlineformset_factory
from django.http import QueryDict
from django.test import Client

from campaigns.admin.condition_forms import ConditionForm, ConditionFormSet
from campaigns.models import Journey, JourneyCondition, Offer, OfferCondition
from retention import registry
from retention.registry import Condition
from retention.testing.shop import FakeShop
from tests.campaigns.crowd import segment
from tests.campaigns.shelf import NOW, make_offer

pytestmark = pytest.mark.django_db

FORMSET = inlineformset_factory(
    Offer, OfferCondition, form=ConditionForm, formset=ConditionFormSet, fields=("condition",), extra=0
)


@pytest.fixture(autouse=True)
def at_nine() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def offer(fake_shop: FakeShop) -> Offer:
    return make_offer()


def posted(*rows: dict[str, Any], before: int = 0) -> dict[str, Any]:
    data: dict[str, Any] = {"conditions-TOTAL_FORMS": len(rows), "conditions-INITIAL_FORMS": before}
    for n, row in enumerate(rows):
        data |= {f"conditions-{n}-{name}": value for name, value in row.items()}
    return data


def stored(offer: Offer) -> list[tuple[str, Any]]:
    return list(offer.conditions.order_by("pk").values_list("name", "parameters"))


def save(offer: Offer, *rows: dict[str, Any], before: int = 0) -> Any:
    formset = FORMSET(posted(*rows, before=before), instance=offer)
    if formset.is_valid():
        formset.save()
    return formset


SPENT = {
    "condition": "retention.spent",
    "condition-retention.spent-amount": "1e2",
    "condition-retention.spent-currency": "eur",
}


def test_the_answers_of_the_chosen_condition_are_stored_and_no_others(offer: Offer) -> None:
    save(
        offer,
        {**SPENT, "condition-campaigns.nth_order-n": "3"},
        {"condition": "campaigns.first_order"},
        {"condition": "retention.bought_product", "condition-retention.bought_product-product": "7"},
    )
    assert stored(offer) == [
        ("retention.spent", {"amount": "100", "currency": "EUR"}),
        ("campaigns.first_order", {}),
        ("retention.bought_product", {"product": "7", "days": None}),
    ]


def test_a_row_left_empty_is_no_condition(offer: Offer) -> None:
    assert save(offer, {"condition": ""}, {"condition": "", "condition-retention.spent-amount": "7"}).is_valid()
    assert stored(offer) == []


def test_another_condition_takes_the_place_of_one_and_the_same_answers_change_nothing(offer: Offer) -> None:
    row = offer.conditions.create(name="retention.spent", parameters={"amount": "100", "currency": "EUR"})
    assert save(offer, {**SPENT, "id": row.pk}, before=1).changed_objects == []
    save(offer, {"condition": "campaigns.nth_order", "condition-campaigns.nth_order-n": "2", "id": row.pk}, before=1)
    assert stored(offer) == [("campaigns.nth_order", {"n": 2})]
    save(offer, {"condition": "campaigns.nth_order", "id": row.pk, "DELETE": "on"}, before=1)
    assert stored(offer) == []


@pytest.mark.parametrize(
    ("row", "errors"),
    [
        ({"condition": "shop.starsign"}, ["There is no such condition."]),
        ({"condition": "x" * 10_000}, ["There is no such condition."]),
        ({"condition": "campaigns.nth_order"}, ["Please look at what is asked below."]),
        ({"condition": "campaigns.nth_order", "condition-campaigns.nth_order-n": "0"},
         ["Please look at what is asked below."]),
    ],
)  # fmt: skip
def test_what_cannot_be_stored_is_refused(offer: Offer, row: dict[str, str], errors: list[str]) -> None:
    formset = save(offer, row)
    assert formset.errors == [{"condition": errors}]
    assert stored(offer) == []


def test_a_condition_whose_app_is_away_stays_as_it_is(offer: Offer) -> None:
    row = offer.conditions.create(name="shop.starsign", parameters={"is": "leo"})
    formset = FORMSET(instance=offer)
    assert "shop.starsign (not there any more)" in str(formset)
    save(offer, {"condition": "shop.starsign", "id": row.pk}, before=1)
    assert stored(offer) == [("shop.starsign", {"is": "leo"})]


class Fields(HTMLParser):
    """Collects what a page asks: names of inputs, and what is selected or filled in."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.parts: list[str] = []
        self.required: list[str] = []
        self.values: dict[str, str] = {}
        self.described: dict[str, str] = {}
        self.ids: set[str] = set()
        self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id", ""))
        if tag in ("input", "select", "textarea"):
            self.names.append(given["name"])
            self._select = given["name"] if tag == "select" else ""
            self.values[given["name"]] = given.get("value", "")
            self.described[given["name"]] = given.get("aria-describedby", "")
            if "required" in given:
                self.required.append(given["name"])
        if tag == "option" and "selected" in given:
            self.values[self._select] = given["value"]
        if tag == "fieldset":
            self.parts.append(given["data-condition"])


def test_without_a_script_every_question_is_there_with_a_label_and_none_is_required(offer: Offer) -> None:
    offer.conditions.create(name="retention.spent", parameters={"amount": "100", "currency": "EUR"})
    page = Fields(str(FORMSET(instance=offer)[0]["condition"]))
    asking = [condition for condition in registry.conditions if condition.form.base_fields]
    assert page.parts == [condition.name for condition in asking]
    assert page.required == []
    assert page.values["conditions-0-condition"] == "retention.spent"
    assert page.values["conditions-0-condition-retention.spent-amount"] == "100"
    assert page.values["conditions-0-condition-retention.spent-currency"] == "EUR"
    assert page.values["conditions-0-condition-campaigns.nth_order-n"] == ""
    assert len(page.names) == len(set(page.names)) == 1 + sum(len(one.form.base_fields) for one in asking)


def test_a_row_added_by_a_script_has_names_that_admin_can_number(offer: Offer) -> None:
    page = Fields(str(FORMSET(instance=offer).empty_form["condition"]))
    assert all(name.startswith("conditions-__prefix__-condition") for name in page.names)


def test_an_error_stands_beside_its_question_and_what_was_typed_stays(offer: Offer) -> None:
    formset = save(offer, {**SPENT, "condition-retention.spent-currency": "QQQ"})
    text = str(formset[0]["condition"])
    page, name = Fields(text), "conditions-0-condition-retention.spent-currency"
    assert page.values[name] == "QQQ"
    assert page.values["conditions-0-condition-retention.spent-amount"] == "1e2"
    assert "There is no such currency." in text
    assert page.described[name]
    assert page.described[name] in page.ids
    assert text.count('aria-invalid="true"') == 1 + 1, "the choice, and the question"


class Leo(Condition):
    name = "test.leo"
    label = "is a lion"

    class form(forms.Form):
        mane = forms.MultipleChoiceField(choices=lambda: [("long", "long"), ("short", "short")])
        fierce = forms.BooleanField(required=False)

    def where(self, parameters: Any, *, at: Any) -> Q:
        return Q(pk__isnull=False)

    def clean(self, given: Any) -> dict[str, Any]:
        cleaned = super().clean(given)
        if cleaned["fierce"] and "short" in cleaned["mane"]:
            raise ValidationError({"mane": ["No fierce lion has that."]})
        return cleaned


@pytest.fixture
def leo() -> Iterator[Condition]:
    yield registry.conditions.add("test.leo", Leo())
    registry.conditions.remove("test.leo")


def test_a_merchants_own_condition_brings_its_own_questions(offer: Offer, leo: Condition) -> None:
    row = {"condition": "test.leo", "condition-test.leo-mane": ["long", "short"]}
    data = posted(row)
    formset = FORMSET(_multi(data), instance=offer)
    assert formset.is_valid(), formset.errors
    formset.save()
    assert stored(offer) == [("test.leo", {"mane": ["long", "short"], "fierce": False})]
    formset = FORMSET(_multi({**data, "conditions-0-condition-test.leo-fierce": "on"}), instance=offer)
    assert formset.errors == [{"condition": ["No fierce lion has that."]}]


def _multi(data: dict[str, Any]) -> Any:
    """Return data as a browser sends it."""
    given = QueryDict(mutable=True)
    for name, value in data.items():
        given.setlist(name, value if isinstance(value, list) else [value])
    return given


def test_choices_are_looked_up_once_for_all_rows(offer: Offer, django_assert_num_queries: Any) -> None:
    segment("vip", kind="list")
    for _ in range(5):
        offer.conditions.create(name="campaigns.in_segment", parameters={"segment": "vip"})
    offer.conditions.create(name="campaigns.used_offer", parameters={"offer": "thanks"})
    with django_assert_num_queries(1 + 5):  # the rows; segments, offers twice (two conditions ask), tiers, plans
        assert "Vip" in str(FORMSET(instance=offer))


def test_journeys_ask_in_the_same_way(offer: Offer, admin_client: Client) -> None:
    journey = Journey.objects.create(name="Hello", slug="hello")
    JourneyCondition.objects.create(journey=journey, name="campaigns.nth_order", parameters={"n": 2})
    answer = admin_client.get(f"/admin/retention_campaigns/journey/{journey.pk}/change/")
    text = answer.content.decode()
    assert "campaigns/conditions.js" in text
    assert "campaigns/conditions.css" in text
    assert 'name="conditions-0-condition-campaigns.nth_order-n" value="2"' in text
    assert 'name="conditions-__prefix__-condition"' in text
