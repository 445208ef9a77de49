"""Dividing a discount among lines: in decimals as a host has them, and in minor units."""

from decimal import Decimal, localcontext
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from retention.spreading import spread

CENT = Decimal("0.01")
prices = st.lists(st.decimals("0.00", "9999.99", places=2), min_size=1, max_size=12)


@given(weights=prices, part=st.integers(0, 100))
def test_shares_add_up_to_the_discount_in_whole_cents_and_none_exceeds_its_line(
    weights: list[Decimal], part: int
) -> None:
    total = (sum(weights, start=Decimal(0)) * part / 100).quantize(CENT)
    total = min(total, sum(weights, start=Decimal(0)))
    shares = spread(total, weights, CENT)
    assert sum(shares, start=Decimal(0)) == total
    assert all(Decimal(0) <= share <= weight for share, weight in zip(shares, weights, strict=True))
    assert all(share == share.quantize(CENT) for share in shares)


def test_thirds_leave_the_odd_cent_to_the_last() -> None:
    assert spread(Decimal("1.00"), [Decimal(10)] * 3, CENT) == [Decimal("0.33"), Decimal("0.33"), Decimal("0.34")]


@given(weights=st.lists(st.integers(0, 10**15), max_size=12), data=st.data())
def test_minor_units_are_divided_to_the_last_one(weights: list[int], data: Any) -> None:
    total = data.draw(st.integers(min_value=0, max_value=sum(weights)))
    shares = spread(total, weights, 1)
    assert sum(shares) == total
    assert all(type(share) is int and 0 <= share <= weight for share, weight in zip(shares, weights, strict=True))
    exact = [Decimal(share) for share in shares]
    assert spread(Decimal(total), [Decimal(weight) for weight in weights], Decimal(1)) == exact, "they are one rule"


def test_shares_are_by_weight_and_the_rest_goes_to_the_last() -> None:
    assert spread(100, [300, 300, 300], 1) == [33, 33, 34]
    assert spread(5, [10, 0], 1) == [5, 0]
    assert spread(0, [5], 1) == [0]
    assert spread(0, [], 1) == []


def test_what_is_a_hair_below_a_cent_is_not_taken_for_the_cent() -> None:
    """With the usual 28 digits its share would be more than there is."""
    hair = Decimal("0.00" + "9" * 32)
    weights = [hair, Decimal(1)]
    with localcontext(prec=50):
        total = hair + 1
    assert spread(total, weights, CENT) == weights
