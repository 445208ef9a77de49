"""Our coupons among Oscar's own things: shared rows, taxes, other offers, the dashboard."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from oscar.apps.partner import strategy
from oscar.core.loading import get_model

from retention.contrib.oscar import coupons, redeeming, rules
from retention.contrib.oscar.models import CouponTerms, SharedOffer
from retention.testing.contract.coupons import refusal, total
from retention.testing.contract.making import counting, coupon, filled
from tests.oscar.world import OscarWorld


def site_offer(*, percent: int = 25, exclusive: bool = True) -> Any:
    """The merchant's own offer for everybody; exclusive is Oscar's default."""
    everything = get_model("offer", "Range").objects.create(name="All", includes_all_products=True)
    return get_model("offer", "ConditionalOffer").objects.create(
        name="Sale",
        exclusive=exclusive,
        condition=get_model("offer", "Condition").objects.create(range=everything, type="Count", value=1),
        benefit=get_model("offer", "Benefit").objects.create(range=everything, type="Percentage", value=percent),
    )


def test_coupons_of_one_offer_share_its_rows(world: OscarWorld) -> None:
    for number in range(5):
        coupon(world, f"SHARED-CODE-{number}", email=f"person{number}@example.com")
    assert get_model("offer", "ConditionalOffer").objects.count() == 1
    assert get_model("offer", "Condition").objects.count() == 1
    assert get_model("offer", "Benefit").objects.count() == 1
    assert SharedOffer.objects.count() == 1
    assert CouponTerms.objects.values("owner_key").distinct().count() == 5


@pytest.mark.parametrize(
    "terms",
    [
        {"value": Decimal(11)},
        {"minimum": Decimal("1.00")},
        {"products": ("1",)},
        {"categories": ("clay",)},
        {"excluded_products": ("1",)},
        {"excluded_categories": ("clay",)},
        {"exclusive": True},
        {"sale_goods": False},
        {"priority": 11},
    ],
    ids=lambda terms: next(iter(terms)),
)
def test_other_terms_are_other_rows(world: OscarWorld, terms: dict[str, Any]) -> None:
    coupon(world, "FIRST-CODE-0001")
    coupon(world, "OTHER-CODE-0001", **terms)
    coupon(world, "THIRD-CODE-0001")
    assert SharedOffer.objects.count() == 2


def test_the_offer_in_oscar_comes_after_every_offer_of_the_shops_own(world: OscarWorld) -> None:
    for number, priority in enumerate((0, 50, 99)):
        coupon(world, f"TURN-CODE-{number}", offer=f"turn {number}", priority=priority, exclusive=bool(number))
    offers = get_model("offer", "ConditionalOffer").objects.order_by("pk")
    assert list(offers.values_list("priority", "exclusive")) == [(-101, False), (-151, False), (-200, False)]


def test_an_offer_that_was_deleted_in_the_dashboard_is_made_again(world: OscarWorld) -> None:
    old = coupon(world, "BEFORE-CODE-01")
    get_model("offer", "ConditionalOffer").objects.all().delete()
    assert refusal(world, filled(world), old) == "no_discount"
    visitor = filled(world, price="10.00")
    world.ask(visitor, world.shop.apply_coupon, coupon(world, "AFTER-CODE-001"))
    assert total(world, visitor) == Decimal("9.00")
    assert SharedOffer.objects.count() == 1


def test_a_code_of_the_merchants_own_stays_theirs(world: OscarWorld) -> None:
    day = timedelta(days=1)
    theirs = get_model("voucher", "Voucher").objects.create(
        name="Theirs", code="THEIRS", start_datetime=world.now() - day, end_datetime=world.now() + day
    )
    coupon(world, "theirs")
    assert theirs.offers.count() == 0
    assert CouponTerms.objects.count() == 0
    world.shop.disable_coupons(["THEIRS"])
    theirs.refresh_from_db()
    assert theirs.end_datetime > world.now()
    assert world.shop.uninstall().lines == ("Nothing of ours is in Oscar.",)
    assert get_model("voucher", "Voucher").objects.count() == 1


@pytest.mark.parametrize("name", ["Весенняя скидка", "春季优惠", "Spring", "x" * 200])
def test_any_name_will_do_even_one_that_oscar_has(world: OscarWorld, name: str) -> None:
    get_model("offer", "ConditionalOffer").objects.create(
        name=name[:120],
        offer_type="Voucher",
        condition=get_model("offer", "Condition").objects.create(type="Count", value=1),
        benefit=get_model("offer", "Benefit").objects.create(type="Percentage", value=1),
    )
    product = world.add_product("Bowl", Decimal("10.00"))
    for number, offer in enumerate(("one", "two")):
        coupon(world, f"NAMED-CODE-{number}", offer=offer, name=name, products=(product,), value=Decimal(10 + number))
    visitor = world.visit()
    world.put(visitor, product)
    world.ask(visitor, world.shop.apply_coupon, "NAMED-CODE-1")
    assert total(world, visitor) == Decimal("8.90")


def test_vouchers_that_oscar_refuses_are_an_error_and_nothing_is_half_made(world: OscarWorld) -> None:
    day = timedelta(days=1)
    get_model("voucher", "Voucher").objects.create(
        name="Spring SPRING-CODE-01", code="X", start_datetime=world.now() - day, end_datetime=world.now() + day
    )
    with pytest.raises(coupons.NotCreated):
        coupon(world, "SPRING-CODE-01")
    assert CouponTerms.objects.count() == 0
    assert get_model("voucher", "Voucher").objects.count() == 1


def test_an_unknown_kind_is_refused_loudly(world: OscarWorld) -> None:
    with pytest.raises(rules.UnknownKind):
        coupon(world, kind="a pony")


@pytest.mark.parametrize("offers_incl_tax", [False, True])
@pytest.mark.parametrize(("kind", "value", "left"), [("amount", "5.00", "19.00"), ("percentage", "10", "21.60")])
def test_with_tax_the_shopper_saves_what_the_coupon_says(
    world: OscarWorld,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    offers_incl_tax: bool,
    kind: str,
    value: str,
    left: str,
) -> None:
    """20 net are 24 with tax. Oscar's own "5 off" would take 6 of them by default."""
    settings.OSCAR_OFFERS_INCL_TAX = offers_incl_tax
    monkeypatch.setattr(strategy.Selector, "strategy", lambda self, request=None, **_more: strategy.UK(request))
    visitor = filled(world, price="20.00")
    assert total(world, visitor) == Decimal("24.00")
    code = coupon(world, kind=kind, value=Decimal(value), minimum=Decimal("24.00"))
    world.ask(visitor, world.shop.apply_coupon, code)
    assert total(world, visitor) == Decimal(left)
    reference = world.checkout(visitor, "ada@example.com")
    data = world.shop.get_orders([reference])[reference]
    assert data.items == Decimal(left)
    assert data.coupons[0].discount == Decimal("24.00") - Decimal(left)


def test_without_known_tax_the_coupon_takes_from_the_net_price(
    world: OscarWorld, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OSCAR_OFFERS_INCL_TAX = False
    monkeypatch.setattr(strategy.Selector, "strategy", lambda self, request=None, **_more: strategy.US(request))
    visitor = filled(world, price="20.00")
    world.ask(visitor, world.shop.apply_coupon, coupon(world, kind="amount", value=Decimal("5.00")))
    assert total(world, visitor) == Decimal("15.00")


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_coupon_takes_its_part_of_the_sale_price(world: OscarWorld, exclusive: bool) -> None:
    site_offer(percent=25, exclusive=exclusive)
    visitor = filled(world, price="40.00")
    assert total(world, visitor) == Decimal("30.00")
    world.ask(visitor, world.shop.apply_coupon, coupon(world, value=Decimal(10)))
    assert total(world, visitor) == Decimal("27.00")
    reference = world.checkout(visitor, "ada@example.com")
    data = world.shop.get_orders([reference])[reference]
    assert (data.items, data.lines[0].list_price) == (Decimal("27.00"), Decimal("40.00"))
    assert [(use.code, use.discount) for use in data.coupons] == [("SPRING-CODE-01", Decimal("3.00"))]


def test_a_coupon_that_stands_alone_takes_its_part_of_the_sale_price_too(world: OscarWorld) -> None:
    site_offer(percent=25)
    visitor = filled(world, price="40.00")
    world.ask(visitor, world.shop.apply_coupon, coupon(world, exclusive=True))
    assert total(world, visitor) == Decimal("27.00")


def test_two_coupons_that_combine_take_their_parts_one_after_the_other(world: OscarWorld) -> None:
    visitor = filled(world, price="40.00")
    world.ask(visitor, world.shop.apply_coupon, coupon(world, "TEN-CODE-00001"))
    world.ask(visitor, world.shop.apply_coupon, coupon(world, "FIVE-CODE-0001", offer="five", kind="amount",
                                                       value=Decimal("5.00")))  # fmt: skip
    assert total(world, visitor) == Decimal("31.00")


def test_an_order_of_nothing_left_to_pay_can_be_placed(world: OscarWorld) -> None:
    visitor = filled(world, price="3.00", quantity=3)
    world.ask(visitor, world.shop.apply_coupon, coupon(world, kind="amount", value=Decimal("50.00")))
    reference = world.checkout(visitor, "ada@example.com")
    data = world.shop.get_orders([reference])[reference]
    assert (data.items, data.coupons[0].discount) == (Decimal("0.00"), Decimal("9.00"))


def test_the_shopper_is_told_what_is_missing_to_the_minimum(world: OscarWorld) -> None:
    code = coupon(world, minimum=Decimal("20.00"))
    visitor = filled(world, price="25.00")
    world.ask(visitor, world.shop.apply_coupon, code)
    product = get_model("catalogue", "Product").objects.get()
    product.stockrecords.update(price=Decimal("15.00"))

    def upsell(request: Any) -> Any:
        [voucher] = request.basket.vouchers.all()
        [offer] = voucher.offers.all()
        offer.set_voucher(voucher)
        assert offer.is_condition_partially_satisfied(request.basket)
        return offer.get_upsell_message(request.basket)

    assert world.ask(visitor, upsell) == "Spend €5.00 more to use your coupon."


def test_the_dashboard_and_django_admin_show_our_offers(world: OscarWorld) -> None:
    bowl = world.add_product("Bowl", Decimal("30.00"))
    for number, (kind, value) in enumerate(
        [("percentage", 10), ("amount", 5), ("free_product", 0), ("free_shipping", 0)]
    ):
        coupon(world, f"KIND-CODE-{number}", offer=kind, name=kind, kind=kind, value=Decimal(value),
               minimum=Decimal("20.00") if number else None, products=(bowl,), excluded_categories=("clay",),
               sale_goods=False, exclusive=True)  # fmt: skip
    staff = world.visit(world.add_staff())
    page = staff.get("/dashboard/offers/")
    assert page.status_code == 200
    html = page.content.decode()
    for words in ("10 % off", "€5.00 off", "The cheapest piece free", "for its owner, from €20.00"):
        assert words in html
    for words in ("some goods only", "goods that another offer has reduced", "not together with another coupon"):
        assert words in html
    for offer in get_model("offer", "ConditionalOffer").objects.all():
        assert staff.get(f"/dashboard/offers/{offer.pk}/").status_code == 200
        assert staff.get(f"/admin/offer/conditionaloffer/{offer.pk}/change/").status_code == 200
    for voucher in get_model("voucher", "Voucher").objects.all():
        assert staff.get(f"/dashboard/vouchers/stats/{voucher.pk}/").status_code == 200
    assert staff.get("/dashboard/ranges/").status_code == 200


def test_what_was_promised_stays_though_somebody_changes_the_benefit_in_the_dashboard(world: OscarWorld) -> None:
    code = coupon(world, value=Decimal(10))
    get_model("offer", "Benefit").objects.update(value=Decimal(90))
    visitor = filled(world, price="10.00")
    world.ask(visitor, world.shop.apply_coupon, code)
    assert total(world, visitor) == Decimal("9.00")
    assert get_model("offer", "Benefit").objects.get().name == "10 % off"


def test_a_coupon_is_reckoned_with_fewer_queries_than_oscars_own_voucher(world: OscarWorld) -> None:
    """The condition of a coupon for everything asks no question per line."""
    everything = get_model("offer", "Range").objects.create(name="All", includes_all_products=True)
    offer = get_model("offer", "ConditionalOffer").objects.create(
        name="Theirs", offer_type="Voucher", max_basket_applications=1,
        condition=get_model("offer", "Condition").objects.create(range=everything, type="Count", value=1),
        benefit=get_model("offer", "Benefit").objects.create(range=everything, type="Percentage", value=10),
    )  # fmt: skip
    day = timedelta(days=1)
    theirs = get_model("voucher", "Voucher").objects.create(
        name="Theirs", code="THEIRS", usage="Single use",
        start_datetime=world.now() - day, end_datetime=world.now() + day,
    )  # fmt: skip
    theirs.offers.add(offer)
    ours = coupon(world, email="ada@example.com")
    counts = {}
    for code in ("THEIRS", ours):
        visitor = filled(world, price="10.00")
        for _ in range(2):
            world.put(visitor, world.add_product("Pad", Decimal("5.00")))
        world.ask(visitor, world.shop.apply_coupon, code)
        with counting() as queries:
            world.ask(visitor, redeeming.reckon)
        counts[code] = len(queries)
    assert counts[ours] < counts["THEIRS"]


@pytest.mark.postgres
def test_many_workers_at_once_make_the_rows_of_an_offer_once(transactional_db: None) -> None:
    world = OscarWorld()

    def create(number: int) -> None:
        try:
            # each its own, and all of them the last
            coupon(world, f"RACE-CODE-{number:04}")
            coupon(world, "RACE-CODE-LAST")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(create, range(8)))
    assert SharedOffer.objects.count() == 1
    assert get_model("offer", "ConditionalOffer").objects.count() == 1
    assert CouponTerms.objects.count() == 9
    last = get_model("voucher", "Voucher").objects.get(code="RACE-CODE-LAST")
    assert last.offers.count() == 1
