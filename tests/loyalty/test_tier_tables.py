"""A tier table that makes no sense is refused with a sentence for each mistake."""

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


def test_the_database_refuses_doubles_and_a_second_table_in_force(db: None) -> None:
    made = table(("Silver", 50000))
    for rank, name, minor in ((1, "Gold", 1), (2, "Silver", 1), (2, "Gold", 50000)):
        with pytest.raises(IntegrityError), transaction.atomic():
            Tier.objects.create(table=made, rank=rank, name=name, threshold_minor=minor)
    with pytest.raises(IntegrityError), transaction.atomic():
        TierTable.objects.create(name="Other", active=True, currency="EUR")
