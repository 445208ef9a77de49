"""Shared codes: one word for everybody, so often in all, once a person, and staff are told what may come of it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from campaigns import code_words
from campaigns.models import Coupon, Offer
from campaigns.reasons import Reason
from campaigns.services import redemptions, sharing
from campaigns.services.limits import Cap
from campaigns.terms import Terms
from retention.shop import CouponSpec
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import NOW, amount, give, guest, make_offer, percentage, reserve

pytestmark = pytest.mark.django_db

TODAY = NOW.date()


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop) -> FakeShop:
    return fake_shop


def look(offer: Offer, code: str = "Spring 24", *, cap: int = 3, **given: Any) -> sharing.Shared:
    return sharing.look(offer, code=code, cap=cap, at=NOW, **given)


def share(offer: Offer, code: str = "Spring 24", *, key: str = "k", **given: Any) -> Coupon:
    return sharing.share(offer, look(offer, code, **given), key=key, source="staff:7", at=NOW)


def test_a_word_is_made_a_code_for_everybody_with_a_cap(shop: FakeShop) -> None:
    coupon = share(make_offer(prefix="LEAF"))
    assert (coupon.code, coupon.customer, coupon.max_uses, coupon.per_customer) == ("SPRING24", None, 3, 1)
    assert coupon.source == "staff:7"
    spec = shop.coupons["SPRING24"].spec
    assert (spec.email, spec.user_id, spec.uses) == ("", None, 3)


def test_it_is_used_as_often_as_its_cap_says_and_once_a_mailbox() -> None:
    coupon = share(make_offer())
    reserve(coupon, "c1", email="ada@example.com")
    with pytest.raises(redemptions.Refused) as again:
        reserve(coupon, "c2", email="ADA+more@example.com")
    assert again.value.reason == Reason.CUSTOMER_LIMIT
    reserve(coupon, "c3", email="bo@example.com")
    reserve(coupon, "c4", email="cy@example.com")
    with pytest.raises(redemptions.Refused) as fourth:
        reserve(coupon, "c5", email="di@example.com")
    assert fourth.value.reason in (Reason.USED, Reason.RESERVED)
    assert Coupon.objects.get().used == 3


@pytest.mark.parametrize(
    ("typed", "code"),
    [("summer", "SUMMER"), (" sum\u200bmer – 24 ", "SUMMER-24"), ("ЅUММЕR", "SUMMER"), ("2024", "2024")],
)
def test_the_code_is_as_shoppers_will_type_it(typed: str, code: str) -> None:
    assert look(make_offer(), typed).code == code


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("abc", "It is too short: at least 4 letters or digits."),
        ("a-b-c", "It is too short: at least 4 letters or digits."),
        ("----", "It is too short: at least 4 letters or digits."),
        ("лето2024", "A code has letters from A to Z, digits and hyphens, up to 40 of them."),
        ("<b>hi</b>", "A code has letters from A to Z, digits and hyphens, up to 40 of them."),
        ("夏天夏天", "A code has letters from A to Z, digits and hyphens, up to 40 of them."),
        ("", "A code has letters from A to Z, digits and hyphens, up to 40 of them."),
        ("A" * 41, "A code has letters from A to Z, digits and hyphens, up to 40 of them."),
        ("A" * 10_000, "A code has letters from A to Z, digits and hyphens, up to 40 of them."),
    ],
)
def test_what_is_no_code_is_said_at_the_code(typed: str, words: str) -> None:
    with pytest.raises(sharing.NotPossible) as refusal:
        look(make_offer(), typed)
    assert (refusal.value.field, str(refusal.value)) == ("code", words)


def test_a_code_of_ours_or_of_the_shops_own_is_taken(shop: FakeShop) -> None:
    offer = make_offer()
    mine = give(offer)
    shop.create_coupons(
        [
            CouponSpec(
                code="MERCHANT", offer="own", name="Own", kind="percentage", value=0, starts_at=NOW,  # type: ignore[arg-type]
                ends_at=NOW + timedelta(days=1),
            )
        ]
    )  # fmt: skip
    for code in (mine.code, mine.code.lower(), "merchant"):
        with pytest.raises(sharing.CodeTaken):
            look(offer, code)
    assert Coupon.objects.count() == 1


def test_the_shop_gets_no_code_that_somebody_else_took_a_moment_earlier(shop: FakeShop) -> None:
    offer = make_offer()
    mine, theirs = look(offer), look(offer)
    sharing.share(offer, theirs, key="theirs", source="staff:1", at=NOW)
    with pytest.raises(sharing.CodeTaken):
        sharing.share(offer, mine, key="mine", source="staff:2", at=NOW)
    assert Coupon.objects.get().source == "staff:1"


def test_the_button_pressed_twice_makes_one_coupon() -> None:
    offer = make_offer()
    shared = look(offer)
    first = sharing.share(offer, shared, key="abc", source="staff:7", at=NOW)
    assert sharing.share(offer, shared, key="abc", source="staff:7", at=NOW) == first == sharing.made("abc")
    assert sharing.made("other") is None


@pytest.mark.parametrize("cap", [0, -1])
def test_a_cap_of_none_is_refused(cap: int) -> None:
    with pytest.raises(sharing.NotPossible) as refusal:
        look(make_offer(), cap=cap)
    assert refusal.value.field == "cap"


# Dates


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_dates_are_the_offers_unless_they_are_said() -> None:
    # the shop is in Berlin
    offer = make_offer(percentage(valid_days=30))
    assert look(offer).starts_at is None
    assert look(offer).expires_at == instant("2026-04-02T00:00:00+02:00")
    said = look(offer, starts_on=date(2026, 3, 10), ends_on=date(2026, 3, 12))
    assert said.starts_at == instant("2026-03-10T00:00:00+01:00")
    assert said.expires_at == instant("2026-03-13T00:00:00+01:00")


def test_days_of_an_offer_count_from_the_first_day() -> None:
    later = look(make_offer(percentage(valid_days=2)), starts_on=date(2026, 3, 10))
    assert later.expires_at == instant("2026-03-13T00:00:00+01:00")


def test_a_first_day_that_has_begun_means_at_once() -> None:
    assert look(make_offer(), starts_on=TODAY - timedelta(days=3)).starts_at is None


def test_today_can_be_the_last_day() -> None:
    assert look(make_offer(), ends_on=TODAY).expires_at == instant("2026-03-03T00:00:00+01:00")


@pytest.mark.parametrize(
    ("terms", "given", "field", "words"),
    [
        ({}, {"starts_on": 9, "ends_on": 8}, "ends_on", "It ends before it begins."),
        ({}, {"ends_on": 1}, "ends_on", "This day is over."),
        ({"ends_on": 20}, {"ends_on": 21}, "ends_on", "The offer ends on March 20, 2026."),
        ({"ends_on": 20}, {"starts_on": 21}, "starts_on", "The offer ends on March 20, 2026."),
        ({"starts_on": 9}, {"starts_on": 8}, "starts_on", "The offer begins on March 9, 2026."),
        ({"starts_on": 9}, {"ends_on": 8}, "ends_on", "It ends before it begins."),
    ],
)
def test_days_that_cannot_be_are_said_at_their_field(
    terms: dict[str, int], given: dict[str, int], field: str, words: str
) -> None:
    def march(days: dict[str, int]) -> dict[str, Any]:
        return {name: date(2026, 3, day) for name, day in days.items()}

    with pytest.raises(sharing.NotPossible) as refusal:
        look(make_offer(percentage(**march(terms))), **march(given))
    assert (refusal.value.field, str(refusal.value)) == (field, words)


@pytest.mark.parametrize(("day", "ends"), [(date.min, "This day is over."), (date.max, "This day is too far away.")])
def test_days_at_the_ends_of_time(day: date, ends: str) -> None:
    with pytest.raises(sharing.NotPossible) as refusal:
        look(make_offer(), ends_on=day)
    assert (refusal.value.field, str(refusal.value)) == ("ends_on", ends)


def test_an_offer_that_is_off_gives_no_shared_code() -> None:
    offer = make_offer()
    shared = look(offer)
    Offer.objects.update(active=False)
    offer.refresh_from_db()
    for attempt in (
        lambda: look(offer),
        lambda: sharing.share(offer, shared, key="k", source="staff:7", at=NOW),
    ):
        with pytest.raises(sharing.NotPossible) as refusal:
            attempt()
        assert (refusal.value.field, str(refusal.value)) == ("offer", "The offer is switched off.")
    assert Coupon.objects.count() == 0


def test_a_currency_is_one_of_the_offers() -> None:
    offer = make_offer(amount(("EUR", 500, None), ("GBP", 400, None)))
    assert [look(offer).currency, look(offer, currency="GBP").currency] == ["EUR", "GBP"]
    assert share(offer, currency="GBP").currency == "GBP"
    with pytest.raises(sharing.NotPossible) as refusal:
        look(offer, "other", currency="USD")
    assert refusal.value.field == "currency"


# What staff read before


def test_staff_read_what_the_code_will_be() -> None:
    offer = make_offer(amount(("EUR", 500, 3000)))
    assert code_words.shared(offer, look(offer, cap=200, ends_on=date(2026, 3, 12))) == [
        "The code is SPRING24, of “Thanks”.",
        "€5.00 off, on goods from €30.00.",
        "Terms: not together with another coupon.",
        "Good until March 12, 2026, that day included.",
        "It can be used 200 times in all.",
        "Each person can use this code once; spellings of one mailbox count as one person.",
    ]


def test_staff_are_warned_who_will_use_it_and_what_it_can_cost() -> None:
    offer = make_offer(amount(("EUR", 500, None)))
    assert code_words.risks(offer, look(offer, "hello", cap=200)) == [
        "Anybody who hears the code can use it, and codes like it end up on public lists.",
        "It has only 5 letters: it can be guessed. A longer one with some digits is safer.",
        "They can cost at most 200 × €5.00 = €1,000.00.",
    ]


def costs(terms: Terms, *caps: Cap) -> list[str]:
    offer = make_offer(terms, caps=caps)
    return code_words.risks(offer, look(offer))[2:]


def test_what_a_percentage_costs_cannot_be_said_but_a_budget_can_end_it() -> None:
    assert costs(percentage()) == [
        "What that can cost cannot be said: a percentage grows with the basket.",
        "Set a budget in the offer, and it can never cost more than that.",
    ]


def test_a_budget_is_said() -> None:
    assert costs(percentage(), Cap(measure="discount", period="month", currency="EUR", most=50_000)) == [
        "What that can cost cannot be said: a percentage grows with the basket.",
        "The offer's budget ends it at €500.00, a month.",
    ]


@pytest.mark.parametrize("kind", ["free_shipping", "free_product"])
def test_nor_can_that_of_what_is_free(kind: str) -> None:
    assert costs(Terms(kind=kind, valid_days=7))[0].startswith("What that can cost cannot be said: it depends on w")


def test_a_shared_code_is_nobodys_own() -> None:
    share(make_offer())
    assert not Coupon.objects.filter(customer=guest().pk).exists()
