"""Who buys: how often, what, from where, and what they say when asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from random import Random

from example.demo.seed.people import SHOPPER

PEOPLE = 240
"""How many customers a shop of this size has in a year."""

FIRST = (
    *("Ada", "Bo", "Cleo", "Dara", "Eli", "Fay", "Gus", "Hana", "Ivo", "Jun", "Kai", "Lena", "Mika", "Noa", "Ola"),
    *(
        "Pia",
        "Quin",
        "Rafa",
        "Sia",
        "Tove",
        "Uma",
        "Vito",
        "Wren",
        "Xenia",
        "Yara",
        "Zeno",
        "Alba",
        "Beni",
        "Cato",
        "Dina",
    ),
)
LAST = (
    *("Alder", "Birch", "Brook", "Cliff", "Dale", "Elm", "Fern", "Field", "Glen", "Heath"),
    *("Hill", "Lake", "Marsh", "Moss", "Reed", "Ridge", "Shore", "Stone", "Vale", "Wood"),
)
PLACES = {
    "DE": ("Berlin", "10115"),
    "AT": ("Vienna", "1010"),
    "ES": ("Madrid", "28001"),
    "FR": ("Lyon", "69001"),
    "NL": ("Utrecht", "3511"),
    "GB": ("Leeds", "LS1 4AP"),
    "US": ("Portland", "97201"),
}


class Habit(Enum):
    """How somebody comes back: mean days between two orders, and how many orders there are at most."""

    REGULAR = (38, 12)
    NOW_AND_THEN = (95, 4)
    LAPSED = (24, 4)
    ONCE = (0, 1)

    @property
    def gap(self) -> timedelta:
        return timedelta(days=self.value[0])

    @property
    def most(self) -> int:
        return self.value[1]


class Account(Enum):
    """How somebody comes to an account, if at all."""

    BEFORE = "registered before the first order"
    AFTER = "on the thank-you page of the first order"
    PROVEN = "on the thank-you page, and confirmed the address"
    NEVER = "stays a guest"


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """One customer to be."""

    first: str
    last: str
    email: str
    country: str
    language: str
    habit: Habit
    account: Account
    taste: str
    """The category that most of the basket comes from."""
    opts_out: bool
    """Ticks the box under the order."""
    signs_up: bool
    """Asks for the shop's mail before the first order."""
    temper: float
    """How satisfied somebody tends to be, 0 to 1."""

    @property
    def place(self) -> tuple[str, str]:
        return PLACES[self.country]


def shopper() -> Person:
    """The shopper whose password is printed."""
    return Person(
        first="Ada",
        last="Example",
        email=SHOPPER.email,
        country="DE",
        language="en",
        habit=Habit.REGULAR,
        account=Account.BEFORE,
        taste="Tea",
        opts_out=False,
        signs_up=True,
        temper=0.9,
    )


def gather(random: Random, *, count: int, tastes: list[str]) -> Iterator[Person]:
    """Yield so many people, as far as there are names: no two have the same address."""
    names = [(first, last) for first in FIRST for last in LAST]
    for first, last in random.sample(names, min(count, len(names))):
        [country] = random.choices(list(PLACES), [46, 9, 13, 8, 8, 10, 6])
        [habit] = random.choices(list(Habit), [20, 34, 16, 30])
        chances = [12, 22, 14, 52] if habit is Habit.ONCE else [22, 22, 22, 34]
        [account] = random.choices(list(Account), chances)
        yield Person(
            first=first,
            last=last,
            email=f"{first}.{last}@example.org".lower(),
            country=country,
            language="es" if country == "ES" else "en",
            habit=habit,
            account=account,
            taste=random.choice(tastes),
            opts_out=random.random() < 0.18,
            signs_up=random.random() < 0.14,
            temper=random.betavariate(4, 2),
        )
