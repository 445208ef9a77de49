"""Who orders by a member's link: two friends of the shopper, and three of somebody whom staff should look at."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from example.demo.seed.history.cast import Account, Habit, Person
from example.demo.seed.history.purchases import Fate, Purchase

HOME = "198.51.100.20"
CAFE = "203.0.113.7"
"""Networks that are kept for examples."""


def of_shopper(shopper: Person, *, end: datetime) -> Iterator[tuple[Purchase, Person, str]]:
    """Yield orders, by whose link each came, and from which network: one rewarded by now, one that waits."""
    for name, days in (("Mira Meadow", 30), ("Jon Juniper", 5)):
        yield _order(_friend(name, country="DE"), end - timedelta(days=days)), shopper, HOME


def in_a_row(referrer: Person, *, end: datetime) -> Iterator[tuple[Purchase, Person, str]]:
    """Yield three orders from one network within a day; the last buyer has the referrer's own name and postcode."""
    same = f"{referrer.first} {referrer.last}"
    for name, hours in (("Lou Linden", 80), ("Kim Cypress", 74), (same, 66)):
        yield _order(_friend(name, country=referrer.country), end - timedelta(hours=hours)), referrer, CAFE


def _friend(name: str, *, country: str) -> Person:
    first, last = name.split()
    return Person(
        first=first,
        last=last,
        email=f"{first}.{last}@example.com".lower(),
        country=country,
        language="en",
        habit=Habit.ONCE,
        account=Account.NEVER,
        taste="Tea",
        opts_out=False,
        signs_up=False,
        temper=0.8,
    )


def _order(person: Person, at: datetime) -> Purchase:
    basket = (("CB-2", 1), ("TE-2", 1))
    return Purchase(person=person, at=at, basket=basket, collected=False, fate=Fate.KEPT, pace=0.5)
