"""Whatever is in the basket and whatever comes off: never below zero, to the cent, the same in every order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns import pricing
from campaigns.baskets import Basket, Line
from campaigns.models import Coupon, Offer, OfferVersion
from campaigns.services import engine
from campaigns.terms import Goods, Kind, Money, Terms
from retention.testing.shop import FakeShop
from retention.testing.world import FakeWorld

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SHIPPING = 400
"""What the shop in memory asks for it, minor units."""
PRODUCTS = ("p1", "p2", "p3", "p4")

goods = st.builds(
    Goods,
    only_products=st.lists(st.sampled_from(PRODUCTS), max_size=2, unique=True).map(tuple),
    never_products=st.lists(st.sampled_from(PRODUCTS), max_size=1).map(tuple),
)
percents = st.decimals("0.01", "100", places=2)
amounts = st.builds(Money, currency=st.just("EUR"), amount=st.integers(1, 20_000))


def of_kind(kind: str) -> st.SearchStrategy[Terms]:
    return st.builds(
        Terms,
        kind=st.just(kind),
        valid_days=st.just(30),
        percent=percents if kind == Kind.PERCENTAGE else st.none(),
        money=amounts.map(lambda one: (one,)) if kind == Kind.AMOUNT else st.just(()),
        goods=goods,
        sale_goods=st.booleans(),
        exclusive=st.just(False),
        priority=st.integers(0, 2),
    )


terms = st.one_of([of_kind(str(kind)) for kind in Kind])


def coupons_of(some: Sequence[Terms]) -> list[Coupon]:
    """Return coupons with these terms; nothing is saved."""
    offer = Offer(pk=1, slug="any", name="Any")
    return [
        Coupon(
            pk=number,
            code=f"CODE{number}",
            offer=offer,
            version=OfferVersion(offer=offer, number=number, terms_json=one.to_json()),
            currency="EUR",
            issued_at=NOW,
            expires_at=NOW + timedelta(days=30),
        )
        for number, one in enumerate(some, start=1)
    ]


@st.composite
def lines(draw: st.DrawFn) -> Line:
    price = draw(st.integers(0, 100_000))
    now = draw(st.none() | st.integers(0, price))
    return Line(product=draw(st.sampled_from(PRODUCTS)), quantity=draw(st.integers(1, 7)), price=price, now=now)


baskets = st.builds(
    Basket,
    currency=st.just("EUR"),
    lines=st.lists(lines(), max_size=6).map(tuple),
    shipping=st.integers(0, 2000),
)


@settings(max_examples=300, deadline=None)
@given(basket=baskets, some=st.lists(terms, max_size=5), data=st.data())
def test_never_below_zero_to_the_cent_and_the_same_in_every_order(
    basket: Basket, some: list[Terms], data: st.DataObject
) -> None:
    coupons = coupons_of(some)
    off = pricing.discounts(coupons, basket, {})
    left, shipping = [line.due for line in basket.lines], basket.shipping
    for coupon in pricing.in_turn(coupons):
        discount = off[coupon.pk]
        assert sum(discount.lines) + discount.shipping == discount.total
        assert all(0 <= part <= rest for part, rest in zip(discount.lines, left, strict=True))
        assert 0 <= discount.shipping <= shipping
        left = [rest - part for rest, part in zip(left, discount.lines, strict=True)]
        shipping -= discount.shipping
        meant = pricing.meant(coupon.terms, basket, {})
        assert all(not part for index, part in enumerate(discount.lines) if index not in meant)
    assert pricing.discounts(data.draw(st.permutations(coupons)), basket, {}) == off


@settings(max_examples=150, deadline=None)
@given(
    some=st.lists(terms, min_size=1, max_size=4),
    pieces=st.lists(st.tuples(st.just(0) | st.integers(100, 9_999), st.integers(1, 4)), min_size=1, max_size=4),
    sale=st.none() | st.integers(1, 60),
)
def test_the_shop_in_memory_takes_off_the_same(
    some: list[Terms], pieces: list[tuple[int, int]], sale: int | None
) -> None:
    """One meaning of an offer, whoever reckons: what we quote is what a host with vouchers takes off."""
    shop = FakeShop()
    visitor = FakeWorld(shop).visit()
    for price, quantity in pieces:
        shop.put(visitor, shop.add_product(price=Decimal(price) / 100), quantity)
    if sale is not None:
        shop.put_on_sale("p1", Decimal(sale))
    before = shop.get_cart(visitor)
    lines = [
        Line(product=line.product, quantity=line.quantity, price=cents(line.price), now=cents(line.left))
        for line in before.lines
    ]
    basket = Basket(currency="EUR", lines=tuple(lines), shipping=SHIPPING)
    # one that is for nothing in the basket is refused before anybody reckons
    coupons = [coupon for coupon in coupons_of(some) if pricing.meant(coupon.terms, basket, {})]
    shop.create_coupons(engine.spec_of(coupon) for coupon in coupons)
    shop.carts[before.reference].coupons = [coupon.code for coupon in coupons]
    after = shop.get_cart(visitor)

    ours = pricing.discounts(coupons, basket, {})
    theirs = {use.code: cents(use.discount) for use in after.discounts}
    assert {coupon.code: ours[coupon.pk].total for coupon in coupons if ours[coupon.pk].total} == theirs
    left = [line.due - sum(off.lines[number] for off in ours.values()) for number, line in enumerate(lines)]
    assert left == [cents(line.left) for line in after.lines]


def cents(amount: Decimal) -> int:
    return int(amount * 100)
