"""A tier table that makes no sense is refused with a sentence for each mistake."""

from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction

from loyalty.models import Tier, TierTable
from loyalty.services.tables import Rung, mistakes
from tests.loyalty.till import table


def rungs(*given: tuple[int, str, int]) -> list[Rung]:
    return [Rung(rank=rank, name=name, threshold_minor=minor) for rank, name, minor in given]


@pytest.mark.parametrize(
    ("ladder", "said"),
    [
        (rungs((1, "Silver", 50000), (2, "Gold", 200000)), []),
        (rungs((2, "Gold", 200000), (1, "Silver", 50000)), []),
        (rungs((1, "Member", 0)), []),
        ([], ["A tier table needs at least one tier."]),
        (
            rungs((1, "Silver", 50000), (3, "Gold", 200000)),
            ["Ranks count from 1 without a gap; missing: 2."],
        ),
        (
            rungs((2, "Silver", 50000), (3, "Gold", 200000)),
            ["Ranks count from 1 without a gap; missing: 1."],
        ),
        (
            rungs((1, "Silver", 200000), (2, "Gold", 50000)),
            ["“Gold” stands above “Silver” but begins at less: €500.00 against €2,000.00."],
        ),
        (
            rungs((1, "Silver", 50000), (2, "Gold", 50000)),
            ["“Silver” and “Gold” begin at the same spend, €500.00."],
        ),
        (
            rungs((1, "Silver", 50000), (1, "Gold", 200000)),
            ["Rank 1 is given to 2 tiers."],
        ),
        (
            rungs((1, "Gold", 50000), (2, "gold ", 200000)),
            ["Two tiers are called “gold ”."],
        ),
    ],
)
def test_each_mistake_has_a_sentence(ladder: list[Rung], said: list[str]) -> None:
    assert mistakes(ladder, currency="EUR") == said


def test_what_keeps_a_tier_is_no_more_than_what_gives_it_and_rises_with_the_ranks() -> None:
    silver, gold = rungs((1, "Silver", 30000), (2, "Gold", 50000))
    assert mistakes([silver, replace(gold, keep_minor=50001)], currency="EUR") == [
        "“Gold” begins at €500.00 and cannot ask for more, €500.01, to be kept."
    ]
    assert mistakes([silver, replace(gold, keep_minor=29999)], currency="EUR") == [
        "“Gold” stands above “Silver” but is kept from less: €299.99 against €300.00."
    ]
    assert mistakes([replace(silver, keep_minor=10000), replace(gold, keep_minor=10000)], currency="EUR") == []


def test_orders_and_points_are_named_as_such() -> None:
    ladder = rungs((1, "Friend", 3), (2, "Regular", 3))
    assert mistakes(ladder, metric="orders") == ["“Friend” and “Regular” begin at the same number, 3 orders."]
    ladder = rungs((1, "Friend", 3), (2, "Regular", 1))
    assert mistakes(ladder, metric="points") == [
        "“Regular” stands above “Friend” but begins at less: 1 point against 3 points."
    ]


def test_the_database_refuses_doubles_and_a_second_table_in_force(db: None) -> None:
    made = table(("Silver", 50000))
    for rank, name, minor in ((1, "Gold", 1), (2, "Silver", 1), (2, "Gold", 50000)):
        with pytest.raises(IntegrityError), transaction.atomic():
            Tier.objects.create(table=made, rank=rank, name=name, threshold_minor=minor)
    with pytest.raises(IntegrityError), transaction.atomic():
        TierTable.objects.create(name="Other", active=True, currency="EUR")
