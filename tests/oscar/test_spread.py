"""Dividing a discount among lines."""

from decimal import Decimal

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
