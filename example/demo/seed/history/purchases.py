"""What somebody buys in the year, and what becomes of each order."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from random import Random

from example.demo.seed.goods import GOODS, MEMBERSHIP
from example.demo.seed.history.cast import Habit, Person
from example.demo.seed.history.club import MONTHS


class Fate(Enum):
    """What becomes of an order."""

    KEPT = "kept"
    CANCELLED = "cancelled before it left"
    RETURNED = "all of it refunded"
    PART_RETURNED = "one line refunded"


@dataclass(frozen=True, kw_only=True, slots=True)
class Purchase:
    """One order to be."""

    person: Person
    at: datetime
    basket: tuple[tuple[str, int], ...]
    """Pairs of SKU and quantity."""
    collected: bool
    fate: Fate
    pace: float
    """How quickly the shop handles it: 1 as usual, more is slower."""


SHOPPER_CAME = (318, 247, 122, 74, 38, 6)
"""How many days ago the shopper whose password is printed has bought: long ago, and lately."""

CHOSEN = {38: (("CB-1", 1), (MEMBERSHIP.sku, 1)), 6: (("TE-2", 1), ("NB-1", 1))}
"""What they bought so many days ago, where it matters: the membership, and one of three teas."""


def half_a_year_ago(end: datetime) -> datetime:
    """Return when the shopper bought what brought the points that end with this month."""
    months = end.year * 12 + end.month - 1 - MONTHS
    return end.replace(year=months // 12, month=months % 12 + 1, day=3, hour=14, minute=12, second=5, microsecond=0)


def of_shopper(random: Random, person: Person, *, end: datetime) -> Iterator[Purchase]:
    """Yield the shopper's orders: enough for a tier, coupons used and not, and points still pending."""
    came = [(_at_shop_hours(random, end - timedelta(days=days)), CHOSEN.get(days)) for days in SHOPPER_CAME]
    for at, chosen in sorted([*came, (half_a_year_ago(end), (("PN-1", 1), ("CB-4", 1)))]):
        yield Purchase(
            person=person,
            at=at,
            basket=chosen or tuple(_fill(random, person.taste)),
            collected=False,
            fate=Fate.KEPT,
            pace=1.0,
        )


def plan(random: Random, person: Person, *, start: datetime, end: datetime) -> Iterator[Purchase]:
    """Yield this person's orders between two times, oldest first."""
    at = _first(random, person.habit, start=start, end=end)
    for _ in range(person.habit.most):
        if at >= end:
            return
        [fate] = random.choices(list(Fate), [90, 4, 3, 3])
        yield Purchase(
            person=person,
            at=at,
            basket=tuple(_fill(random, person.taste)),
            collected=person.country == "DE" and random.random() < 0.2,
            fate=fate,
            pace=random.uniform(0.6, 1.8),
        )
        at = _at_shop_hours(random, at + person.habit.gap * random.gammavariate(4, 0.25) + timedelta(days=1))


def with_membership(purchase: Purchase) -> Purchase:
    """Return the same order with the paid membership beside it."""
    return replace(purchase, basket=(*purchase.basket, (MEMBERSHIP.sku, 1)))


def _first(random: Random, habit: Habit, *, start: datetime, end: datetime) -> datetime:
    # Who has lapsed came early; the others are spread over a shop that grows.
    share = random.uniform(0.02, 0.45) if habit is Habit.LAPSED else random.random() ** 0.8
    return _at_shop_hours(random, start + (end - start) * share)


def _at_shop_hours(random: Random, day: datetime) -> datetime:
    """The same day, at an hour when people buy (UTC)."""
    hour = min(21, max(6, round(random.gauss(15, 4))))
    return day.replace(hour=hour, minute=random.randrange(60), second=random.randrange(60), microsecond=0)


def _fill(random: Random, taste: str) -> Iterator[tuple[str, int]]:
    others = [name for name in GOODS if name != taste]
    shelf = [good.sku for good in GOODS[taste]]
    if random.random() < 0.45:
        shelf += [good.sku for good in GOODS[random.choice(others)]]
    for sku in random.sample(shelf, random.choices([1, 2, 3, 4], [34, 38, 20, 8])[0]):
        yield sku, random.choices([1, 2, 3], [78, 17, 5])[0]
