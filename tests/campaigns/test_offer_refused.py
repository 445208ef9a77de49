"""What does not fit in an offer is said where it was typed, and nothing is saved."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.test import Client

from campaigns.models import Offer, OfferLimit
from retention.shop import Capability
from retention.testing.shop import FakeShop
from tests.campaigns.desk import ADD, change, edited, form, goods, limit, money, rows, said
from tests.campaigns.shelf import NOW, make_offer, percentage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_nine() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def amounts(*given: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "amount", "percent": "", **rows("money", *given)}


NO_CURRENCY = "There is no such currency."
HOW_MUCH = "Say for each currency how much comes off."
WHICH_FREE = "Say which products or categories are free: name them here, “only these”."
BOTH = "The same goods cannot be both in and out, nor named twice."


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        # what comes off
        ({"percent": "101"}, "less than or equal to 100"),
        ({"percent": "100.01"}, "less than or equal to 100"),
        ({"percent": "0"}, "How many percent come off?"),
        ({"percent": "-5"}, "greater than or equal to 0.01"),
        ({"percent": "NaN"}, "Enter a number."),
        ({"percent": ""}, "How many percent come off?"),
        ({"kind": "half"}, "half is not one of the available choices."),
        (amounts(), HOW_MUCH),
        (amounts(money("EUR")), HOW_MUCH),
        (amounts(money("EUR", "5"), money("USD", "", "30")), HOW_MUCH),
        (amounts(money("EUR", "0")), "greater than or equal to 0.001"),
        (amounts(money("EUR", "-1")), "greater than or equal to 0.001"),
        (amounts(money("EUR", "5", "-1")), "greater than or equal to 0"),
        (amounts(money("EUR", "0.005")), "EUR has no more than 2 digits after the point."),
        (amounts(money("JPY", "99.5")), "JPY has no more than 0 digits after the point."),
        (amounts(money("EUR", "99999999999")), "less than or equal to 1000000000"),
        (amounts(money("QQQ", "5")), NO_CURRENCY),
        (amounts(money("€", "5")), NO_CURRENCY),
        (amounts(money("EURO", "5")), "at most 3 characters"),
        (amounts(money("", "5")), "This field is required."),
        (amounts(money("EUR", "5"), money("eur", "6")), "A currency stands there twice: say each one once."),
        # how long
        ({"valid_days": "0"}, "greater than or equal to 1"),
        ({"valid_days": "-3"}, "greater than or equal to 0"),
        ({"valid_days": ""}, "Say for how many days a coupon is good, or until which last day."),
        ({"valid_days": "", "starts_on": "2026-05-01"}, "or until which last day."),
        ({"starts_on": "2026-05-02", "ends_on": "2026-05-01"}, "It ends before it begins."),
        ({"ends_on": "31.2.2026"}, "Enter a valid date."),
        # how often, and together with what
        ({"uses": "0"}, "greater than or equal to 1"),
        ({"per_customer": "0"}, "greater than or equal to 1"),
        ({"per_customer_period": "hour"}, "hour is not one of the available choices."),
        ({"priority": "100"}, "less than or equal to 99"),
        ({"priority": "-1"}, "greater than or equal to 0"),
        # names
        ({"prefix": "Würze"}, "Capital letters and digits only."),
        ({"slug": "not a slug"}, "valid “slug”"),
        ({"name": ""}, "This field is required."),
        # goods
        ({"kind": "free_product", "percent": ""}, WHICH_FREE),
        ({"kind": "free_product", **rows("goods", goods("clay", "category", "never"))}, WHICH_FREE),
        (rows("goods", goods("p9")), "The shop has no product with this reference."),
        (rows("goods", goods("", "category", "never")), "This field is required."),
        (rows("goods", goods("x" * 129, "category")), "at most 128 characters"),
        (rows("goods", goods("clay", "category"), goods("clay/", "category", "never")), BOTH),
        (rows("goods", goods("clay", "category"), goods("clay", "category")), BOTH),
        (rows("goods", goods("clay", "shelf")), "shelf is not one of the available choices."),
        # limits
        (rows("limits", limit("-1")), "greater than or equal to 0"),
        (rows("limits", limit("2.5")), "Uses are whole numbers."),
        (rows("limits", limit("", period="day")), "This field is required."),
        (rows("limits", limit("100", "QQQ")), NO_CURRENCY),
        (rows("limits", limit("100", "", measure="discount")), "A discount is counted in one currency: which?"),
        (rows("limits", limit("100", "EUR", measure="uses")), "Uses are counted, whatever the currency"),
        (rows("limits", limit("9.999", "EUR")), "EUR has no more than 2 digits after the point."),
        (rows("limits", limit("9"), limit("8")), "The same limit stands there twice."),
        (rows("limits", limit("9", "EUR", "day"), limit("8", "eur", "day")), "The same limit stands there twice."),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_at_its_field(staff: Client, wrong: dict[str, str], words: str) -> None:
    answer = staff.post(ADD, form(**{**wrong, "_confirmed": "1"}))
    assert answer.status_code == 200
    assert words in said(answer)
    assert Offer.objects.count() == 0


def test_a_name_is_taken_once(staff: Client) -> None:
    make_offer(slug="welcome")
    assert "Offer with this Short name already exists." in said(staff.post(ADD, form(_confirmed="1")))
    assert Offer.objects.count() == 1


@pytest.mark.parametrize(
    "fits",
    [
        {"percent": "100"},
        {"percent": "0.02"},
        {"priority": "99"},
        {"priority": "0"},
        {"valid_days": "", "ends_on": "2026-05-31"},
        {"starts_on": "2026-05-01", "ends_on": "2026-05-01"},
        amounts(money("KWD", "0.001")),
        amounts(money("JPY", "100", "0")),
        rows("limits", limit("9"), limit("9", period="day"), limit("9", "EUR"), limit("9", "USD")),
        rows("goods", goods("p1", "category"), goods("P1", "category", "never")),
    ],
)
def test_what_is_at_the_edge_fits(staff: Client, fits: dict[str, str]) -> None:
    assert staff.post(ADD, form(**{**fits, "_confirmed": "1"})).status_code == 302
    assert Offer.objects.count() == 1


def test_where_the_shop_has_no_catalogue_products_are_taken_as_typed(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeShop, "capabilities", frozenset(Capability) - {Capability.CATALOGUE})
    page = staff.post(ADD, form(**rows("goods", goods("p9"))))
    assert "Only for these: p9." in said(page)
    assert "no such product" not in said(page)


def test_what_is_wrong_with_one_row_keeps_what_was_typed_in_the_others(staff: Client, fake_shop: FakeShop) -> None:
    fake_shop.add_product("Cup")
    data = form(**rows("goods", goods("p1"), goods("p9")), **rows("limits", limit("12.34", "EUR", "week")))
    text = said(staff.post(ADD, data))
    assert 'value="12.34"' in text
    assert 'value="p9"' in text
    assert "<p>Cup</p>" in text


def test_a_limit_that_somebody_else_added_meanwhile_stays(staff: Client) -> None:
    offer = make_offer(percentage(), max_uses=5)
    data = edited(offer, **{"limits-0-most": "7"})
    OfferLimit.objects.create(offer=offer, measure="uses", period="day", most=2)
    assert staff.post(change(offer), {**data, "_confirmed": "1"}).status_code == 302
    assert sorted(OfferLimit.objects.values_list("period", "most")) == [("day", 2), ("ever", 7)]
