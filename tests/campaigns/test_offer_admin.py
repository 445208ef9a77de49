"""Staff read what an offer will do before it is saved, and what came of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns import queries
from campaigns.baskets import Basket, Line
from campaigns.models import Coupon, Offer, OfferGoods, OfferLimit, OfferVersion
from campaigns.services import checking
from campaigns.services.limits import Cap
from campaigns.terms import Goods
from retention.testing.shop import FakeShop
from tests.campaigns.desk import ADD, change, confirm, edited, form, goods, limit, money, rows, said
from tests.campaigns.shelf import NOW, amount, give, guest, make_offer, percentage, reserve

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_nine() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def test_the_least_percent_that_is_said_to_be_possible_is(staff: Client) -> None:
    confirm(staff, ADD, form(percent="0.01"))
    assert Offer.objects.get().percent == Decimal("0.01")


def test_an_offer_is_put_into_words_before_anything_is_saved(staff: Client) -> None:
    answer = staff.post(ADD, form(**rows("money", money("EUR", minimum="30"))))
    assert answer.status_code == 200
    for sentence in (
        "10% off, on goods from €30.00.",
        "Only for orders in EUR.",
        "Each coupon is good for 30 days from issue and can be used once.",
        "Only for a first order: who has ordered before, as a guest too, gets none and cannot use one.",
        "One person can use the offer once, over all coupons and spellings of one mailbox.",
        "It cannot be used together with another coupon.",
        "It is a new offer. No coupon of it is out.",
        "There is no limit over all coupons and people.",
        "Nothing has been saved yet.",
    ):
        assert sentence in said(answer)
    assert "once more" not in said(answer)
    assert Offer.objects.count() == OfferVersion.objects.count() == 0


def test_confirmed_it_is_saved_with_its_first_version(staff: Client) -> None:
    confirm(staff, ADD, form(**rows("money", money("eur", minimum="30"))))
    offer = Offer.objects.get()
    version = OfferVersion.objects.get()
    assert (offer.slug, offer.prefix, version.number, version.created_by) == ("welcome", "WELCOME", 1, "staff")
    assert version.terms.in_currency("EUR").minimum == 3000  # type: ignore[union-attr]


def test_an_offer_with_everything_is_said_and_saved_as_typed(staff: Client, fake_shop: FakeShop) -> None:
    cup, mug = fake_shop.add_product("Cup"), fake_shop.add_product("Mug")
    data = form(
        first_order_only="",
        exclusive="",
        priority="3",
        per_customer="2",
        per_customer_period="month",
        starts_on="2026-05-01",
        ends_on="2026-05-31",
        uses="4",
        **rows("money", money("EUR", minimum="30"), money("JPY", minimum="4000")),
        **rows("goods", goods(cup), goods(" clay/cups/ ", "category"), goods(mug, rule="never")),
        **rows("limits", limit("500"), limit("1000.50", "eur", "month"), limit("80000", "JPY", "year")),
    )
    del data["first_order_only"], data["exclusive"], data["sale_goods"]
    page = confirm(staff, ADD, data)
    for sentence in (
        "10% off, on goods from €30.00.",
        "10% off, on goods from ¥4,000.",
        "Each coupon is for one of these currencies: EUR, JPY.",
        "Only for these: Cup (p1), category clay/cups.",
        "Never for these: Mug (p2).",
        "Only the goods that it is for count for the minimum.",
        "Nothing comes off what the shop itself sells at a reduced price.",
        "Each coupon is good for 30 days from issue and can be used 4 times.",
        "Nobody can use one before May 1, 2026; the days of those issued earlier count from then.",
        "None is good after May 31, 2026, whenever it was issued.",
        "One person can use the offer 2 times a month, over all coupons and spellings of one mailbox.",
        "Its turn is 3: the lowest takes its part first, the next one of what is left to pay.",
        "At most 500 uses in all, over all coupons and people; taken so far: 0 uses.",
        "At most €1,000.50 a month, over all coupons and people; taken this month: €0.00.",
        "At most ¥80,000 a year, over all coupons and people; taken this year: ¥0.",
    ):
        assert sentence in said(page)
    terms = OfferVersion.objects.get().terms
    assert terms.goods == Goods(only_products=(cup,), only_categories=("clay/cups",), never_products=(mug,))
    assert (terms.starts_on, terms.ends_on, terms.priority) == (date(2026, 5, 1), date(2026, 5, 31), 3)
    assert (terms.exclusive, terms.sale_goods, terms.per_customer_period) == (False, False, "month")
    saved = OfferLimit.objects.order_by("most").values_list("measure", "period", "currency", "most")
    assert list(saved) == [
        ("uses", "ever", "", 500), ("discount", "year", "JPY", 80_000), ("discount", "month", "EUR", 100_050),
    ]  # fmt: skip


def test_a_free_product_is_said_by_its_titles(staff: Client, fake_shop: FakeShop) -> None:
    cup, bowl = fake_shop.add_product("Cup"), fake_shop.add_product("Bowl")
    data = form(kind="free_product", percent="", **rows("goods", goods(cup), goods(bowl)))
    page = confirm(staff, ADD, data)
    assert "One of these free: Cup or Bowl, whatever the goods are worth." in said(page)
    assert "One piece is free, the cheapest in the basket of these: Cup (p1), Bowl (p2)." in said(page)
    assert Offer.objects.get().percent is None


def test_changed_terms_say_how_many_coupons_keep_theirs(staff: Client) -> None:
    offer = make_offer(amount(("EUR", 500, None)))
    give(offer, guest("ada@example.com"))
    give(offer, guest("bo@example.com"))
    page = confirm(staff, change(offer), edited(offer, **{"money-0-amount": "3"}))
    assert "€3.00 off, whatever the goods are worth." in said(page)
    assert "Coupons from now on get these terms, as version 2." in said(page)
    assert "2 coupons that are out keep what they promised." in said(page)
    assert OfferVersion.objects.latest("number").terms.money[0].amount == 300
    assert set(Coupon.objects.values_list("version__number", flat=True)) == {1}


def test_nothing_is_changed_by_reading_the_plan(staff: Client) -> None:
    offer = make_offer(amount(("EUR", 500, None)), max_uses=5)
    staff.post(change(offer), edited(offer, **{"money-0-amount": "3", "limits-0-most": "1"}))
    assert (offer.money.get().amount_minor, offer.limits.get().most) == (500, 5)
    assert OfferVersion.objects.count() == 1


def basket(worth: int = 5000) -> Basket:
    return Basket(reference="c1", currency="EUR", lines=(Line(product="p1", price=worth),), email="ada@example.com")


def test_who_holds_a_coupon_keeps_what_was_promised_when_the_offer_gets_stricter(staff: Client) -> None:
    offer = make_offer(amount(("EUR", 500, None)))
    old = give(offer)
    data = edited(
        offer, first_order_only="on", ends_on="2026-03-02", **{"money-0-amount": "1", "money-0-minimum": "80"}
    )
    assert "1 coupon that is out keeps what it promised." in said(confirm(staff, change(offer), data))
    [held] = queries.by_code([old.code])
    assert checking.check([held], basket=basket(), at=NOW) == {}
    assert checking.amounts([held], basket(), {}) == {held.pk: 500}
    new = give(Offer.objects.get(), guest("bo@example.com"))
    assert (new.money.amount, new.money.minimum) == (100, 8000)  # type: ignore[union-attr]
    assert new.expires_at < old.expires_at


def test_a_coupon_that_waits_for_its_first_day_is_one_that_is_out(staff: Client) -> None:
    offer = make_offer(percentage(starts_on=date(2026, 5, 1)))
    give(offer)
    assert "1 coupon that is out keeps what it promised." in said(staff.post(change(offer), edited(offer, percent="5")))


def test_a_change_of_the_name_alone_leaves_the_version(staff: Client) -> None:
    offer = make_offer()
    page = confirm(staff, change(offer), edited(offer, name="Another"))
    assert "The terms stay as they are (version 1)." in said(page)
    assert (Offer.objects.get().name, OfferVersion.objects.count()) == ("Another", 1)


def test_what_comes_off_is_forgotten_with_the_kind_that_it_was_for(staff: Client) -> None:
    offer = make_offer(amount(("EUR", 500, 3000)))
    data = edited(offer, kind="percentage", percent="10")
    confirm(staff, change(offer), data)
    confirm(staff, change(offer), edited(Offer.objects.get(), kind="free_shipping"))
    saved = Offer.objects.get()
    assert (saved.percent, saved.money.get().amount_minor, saved.money.get().minimum_minor) == (None, None, 3000)


def test_an_offer_is_switched_off_and_never_deleted(staff: Client) -> None:
    offer = make_offer()
    assert staff.post(f"/admin/retention_campaigns/offer/{offer.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Offer.objects.filter(pk=offer.pk).exists()


def test_goods_are_shown_with_their_titles_and_what_is_gone_is_said(staff: Client, fake_shop: FakeShop) -> None:
    cup = fake_shop.add_product("Cup")
    offer = make_offer(percentage(goods=Goods(only_products=(cup, "p9"), never_categories=("clay/cups",))))
    text = said(staff.get(change(offer)))
    assert "<p>Cup</p>" in text
    assert "<p>not in the shop</p>" in text
    assert "Only for these: Cup (p1), p9 (the shop has no such product)." in text
    page = confirm(staff, change(offer), edited(offer, name="Another"))
    assert "The shop has no such product any more: p9." in said(page)
    assert OfferGoods.objects.count() == 3


def test_the_page_asks_the_shop_for_titles_as_often_for_many_goods_as_for_one(
    staff: Client, fake_shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    products = [fake_shop.add_product(f"Cup {n}") for n in range(9)]
    asked: list[int] = []
    known = fake_shop.get_products
    monkeypatch.setattr(fake_shop, "get_products", lambda found: asked.append(len(found)) or known(found))

    def times(n: int) -> int:
        offer = make_offer(percentage(goods=Goods(only_products=tuple(products[:n]))), slug=f"offer-{n}")
        asked.clear()
        staff.get(change(offer))
        return len(asked)

    assert times(1) == times(9) == 2  # its goods, its versions


def test_the_list_shows_what_came_of_each_offer(staff: Client) -> None:
    offer = make_offer(percentage("10"))
    reserve(give(offer, key="used"))
    give(offer, key="open")
    text = said(staff.get("/admin/retention_campaigns/offer/"))
    assert "10% off" in text
    assert "1 of 2" in text
    assert "1 of 2" in said(staff.get(change(offer)))


@pytest.mark.parametrize("where", ["list", "page"])
def test_more_rows_cost_no_more_queries(staff: Client, where: str) -> None:
    def cost(offer: Offer) -> int:
        url = "/admin/retention_campaigns/offer/" if where == "list" else change(offer)
        staff.get(url)  # what is looked up once, such as content types, is known now
        with CaptureQueriesContext(connection) as asked:
            staff.get(url)
        return len(asked)

    one = cost(make_offer(amount(("EUR", 500, None), goods=Goods(only_products=("p1",))), caps=[Cap(most=1)]))
    for n in range(5):
        offer = make_offer(
            amount(*((currency, 500, None) for currency in ("EUR", "USD", "GBP"))),
            slug=f"more-{n}",
            caps=[Cap(most=1, period=period) for period in ("ever", "day", "week", "month")],
        )
    assert cost(offer) == one
