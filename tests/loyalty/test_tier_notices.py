"""Who is about to lose a tier is told once, with what keeps it and by when; what is said is true."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from loyalty import tier_words
from loyalty.models import Membership, Tier
from loyalty.services import tier_notices, tiers
from retention import registry
from retention.models import Customer, Message, Order
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import join, start, table, who

Drain = Callable[[datetime], None]
LADDER = (("Silver", 30000), ("Gold", 50000))
YEARLY: dict[str, Any] = {"window": "calendar", "term": "year"}


@pytest.fixture(autouse=True)
def greenwich(settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "TIME_ZONE": "UTC"}


def buy(shop: FakeShop, user: Any, total: str, drain: Drain, clock: Clock) -> str:
    order = shop.place(user=user, total=Decimal(total), at=clock.now)
    drain(clock.now)
    return order


def said(user: Any, clock: Clock) -> str:
    """Return the sentence of the account page."""
    standing = tiers.standing(who(user), at=clock.now)
    assert standing is not None
    if standing.keeping is None or standing.tier is None:
        return ""
    return tier_words.to_stay(
        standing.keeping, tier=standing.tier.name, metric=standing.metric, currency=standing.currency
    )


def go(clock: Clock, *day: int) -> datetime:
    clock.now = datetime(*day, 9, tzinfo=UTC)  # type: ignore[misc,arg-type]
    return clock.now


def mails() -> list[str]:
    return list(Message.objects.filter(mail=tier_notices.MAIL).order_by("pk").values_list("state", flat=True))


def test_the_mail_says_what_keeps_it_and_by_when_once(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(*LADDER, window_days=365, term="days", term_days=365)
    go(clock, 2026, 3, 2)
    user = join()
    buy(shop, user, "500.00", drain, clock)
    go(clock, 2026, 9, 1)
    buy(shop, user, "458.00", drain, clock)
    go(clock, 2027, 1, 31)
    assert tier_notices.warn(at=clock.now) == 0
    go(clock, 2027, 2, 1)
    tick = registry.ticks["loyalty.tier_notices"]
    assert (tick.run(clock.now), tick.run(clock.now), tick.run(clock.forward(days=5))) == (1, 0, 0)
    message = Message.objects.get(mail=tier_notices.MAIL)
    assert (message.purpose, message.values) == ("service", {})
    mail = registry.mails[tier_notices.MAIL]
    with translation.override("en"):
        values = mail.build([message], clock.now)[message.pk]
        assert values["tier"] == "Gold"
        assert values["stay"] == "Spend €42.00 by March 2, 2027 to stay Gold."
        assert said(user, clock) == values["stay"]
    assert mail.refuse is not None
    assert mail.refuse([message], clock.now) == {}
    buy(shop, user, "42.00", drain, clock)
    assert mail.refuse([message], clock.now) == {message.pk: "no tier is about to be lost"}
    tiers.recompute(at=go(clock, 2027, 3, 3))
    assert Membership.objects.get().held_until == datetime(2028, 3, 3, tzinfo=UTC)
    assert len(mails()) == 1


def test_the_next_term_is_told_of_again(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(*LADDER, window_days=40, term="days", term_days=60)
    go(clock, 2026, 3, 2)
    user = join()
    buy(shop, user, "500.00", drain, clock)
    assert tier_notices.warn(at=go(clock, 2026, 4, 10)) == 1
    buy(shop, user, "500.00", drain, clock)
    assert tier_notices.warn(at=go(clock, 2026, 4, 20)) == 0
    tiers.recompute(at=go(clock, 2026, 5, 2))
    assert Membership.objects.get().held_until == datetime(2026, 7, 2, tzinfo=UTC)
    assert tier_notices.warn(at=clock.now) == 0
    assert [tier_notices.warn(at=go(clock, 2026, 6, day)) for day in (10, 11)] == [1, 0]
    assert len(mails()) == 2


def test_orders_that_leave_the_window_are_seen_coming(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(*LADDER)
    go(clock, 2026, 3, 2)
    user = join()
    buy(shop, user, "100.00", drain, clock)
    go(clock, 2026, 6, 1)
    buy(shop, user, "458.00", drain, clock)
    go(clock, 2027, 1, 30)
    assert (said(user, clock), tier_notices.warn(at=clock.now)) == ("", 0)
    go(clock, 2027, 2, 2)
    with translation.override("en"):
        assert said(user, clock) == "Spend €42.00 by March 1, 2027 to stay Gold."
    assert (tier_notices.warn(at=clock.now), tier_notices.warn(at=clock.forward(days=3))) == (1, 0)
    tiers.recompute(at=go(clock, 2027, 3, 3))
    assert Membership.objects.get().tier == Tier.objects.get(name="Silver")
    assert tier_notices.warn(at=clock.now) == 0


def test_a_year_says_when_the_next_one_begins_to_count(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(*LADDER, **YEARLY)
    go(clock, 2026, 11, 2)
    user = join()
    buy(shop, user, "500.00", drain, clock)
    with translation.override("en"):
        assert (
            said(user, clock) == "You are Gold until Dec. 31, 2027. €500.00 from Jan. 1, 2027 on keeps it for longer."
        )
        go(clock, 2027, 5, 1)
        assert said(user, clock) == "Spend €500.00 by Dec. 31, 2027 to stay Gold."
        buy(shop, user, "100.00", drain, clock)
        assert said(user, clock) == "Spend €400.00 by Dec. 31, 2027 to stay Gold."
    assert tier_notices.warn(at=go(clock, 2027, 12, 1)) == 0
    assert tier_notices.warn(at=go(clock, 2027, 12, 2)) == 1


def test_a_year_without_a_term_ends_for_everybody_and_nothing_is_asked_for(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    table(*LADDER, window="calendar")
    go(clock, 2026, 11, 2)
    user = join()
    buy(shop, user, "500.00", drain, clock)
    assert (said(user, clock), tier_notices.warn(at=clock.now)) == ("", 0)
    go(clock, 2026, 12, 2)
    with translation.override("en"):
        assert said(user, clock) == "You are Gold until Dec. 31, 2026; then the new year counts."
    assert (tier_notices.warn(at=clock.now), tier_notices.warn(at=clock.now)) == (1, 0)


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("orders", "Place 1 more order by April 30, 2026 to stay Friend."),
        ("points", "Earn 2 more points by April 30, 2026 to stay Friend. They count once they can be used."),
    ],
)
def test_orders_and_points_have_words_of_their_own(
    shop: FakeShop, clock: Clock, drain: Drain, metric: str, words: str
) -> None:
    start()
    table(("Friend", 2), metric=metric, currency="", window_days=30, term="days", term_days=59)
    go(clock, 2026, 3, 2)
    user = join()
    buy(shop, user, "2.00", drain, clock)
    if metric == "orders":
        buy(shop, user, "2.00", drain, clock)
        go(clock, 2026, 4, 20)
        buy(shop, user, "2.00", drain, clock)
    go(clock, 2026, 4, 25)
    with translation.override("en"):
        assert said(user, clock) == words


def test_a_tier_that_everybody_has_and_a_table_without_notice_tell_nobody(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    made = table(("Member", 0), ("Gold", 50000), window_days=30)
    user = join()
    tiers.recompute(at=clock.now)
    assert (said(user, clock), tier_notices.warn(at=clock.now)) == ("", 0)
    buy(shop, user, "500.00", drain, clock)
    clock.forward(days=10)
    type(made).objects.filter(pk=made.pk).update(notice_days=0)
    assert tier_notices.warn(at=clock.now) == 0
    assert said(user, clock)
    type(made).objects.filter(pk=made.pk).update(notice_days=30, active=False)
    assert tier_notices.warn(at=clock.now) == 0


@pytest.mark.postgres  # SQLite inserts so many rows at once and no more
def test_ten_times_the_people_take_as_many_queries(shop: FakeShop, clock: Clock) -> None:
    table(*LADDER, window_days=30, term="days", term_days=60)

    def crowd(count: int, prefix: str) -> int:
        made = Customer.objects.bulk_create(
            Customer(kind="member", address=f"{prefix}{n}@example.com", created_at=clock.now) for n in range(count)
        )
        Order.objects.bulk_create(
            Order(
                reference=f"{prefix}{n}", number=f"{prefix}{n}", customer=one, currency="EUR", total_minor=50000,
                placed_at=clock.now, paid_at=clock.now, first_seen_at=clock.now, read_at=clock.now,
            )
            for n, one in enumerate(made)
        )  # fmt: skip
        tiers.recompute(at=clock.now)
        with CaptureQueriesContext(connection) as captured:
            assert tier_notices.warn(at=clock.now + timedelta(days=35)) == count
        return len(captured)

    assert crowd(9, "few") == crowd(90, "many")


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    "given",
    [
        {"window_days": 60},
        {"window_days": 60, "grace_days": 5},
        {"window_days": 60, "term": "days", "term_days": 45},
        {"window_days": 60, "term": "days", "term_days": 45, "grace_days": 5, "down": "step"},
        YEARLY,
        {**YEARLY, "grace_days": 10},
        {"window_days": 200, "term": "year"},
    ],
    ids=lambda given: " ".join(f"{name}={value}" for name, value in given.items()),
)
def test_who_does_what_is_said_keeps_it_and_who_does_nothing_loses_it(
    db: None, clock: Clock, given: dict[str, Any], seed: int
) -> None:
    """Twelve people buy at random; of those who are told, half do what the sentence says at the last minute."""
    random = Random(seed)
    made = table(*LADDER, **given)
    Tier.objects.filter(name="Gold").update(keep_minor=40000)
    clock.now = datetime(2026, 9, 1, 9, tzinfo=UTC)
    people = Customer.objects.bulk_create(
        Customer(kind="member", address=f"{n}@example.com", created_at=clock.now) for n in range(12)
    )
    numbers = iter(range(10_000))

    def place(customer: int, minor: int, at: datetime) -> None:
        number = str(next(numbers))
        Order.objects.create(
            reference=number, number=number, customer_id=customer, currency="EUR", total_minor=minor, placed_at=at,
            paid_at=at, first_seen_at=at, read_at=at,
        )  # fmt: skip

    def standing() -> dict[int, int | None]:
        return dict(Membership.objects.values_list("customer", "tier"))

    for _ in range(120):
        for person in people:
            if random.random() < 0.03:
                place(person.pk, random.randrange(5000, 35000), clock.forward(minutes=1))
        tiers.recompute(at=clock.forward(days=1))
    told = None
    for _ in range(400):
        found = tier_notices.keeping([person.pk for person in people], at=clock.now)
        told = {pk: one for pk, one in found.items() if one.counts_from is None}
        if len(told) >= 2:
            break
        tiers.recompute(at=clock.forward(days=1))
    if not told:
        return  # nobody of this sample is about to lose anything
    before = standing()
    obedient = [pk for pk, one in sorted(told.items()) if one.missing is not None][::2]
    for day in range(made.notice_days):
        for pk in obedient:
            left = told[pk].until - clock.now
            if timedelta(0) < left <= timedelta(days=1):
                clock.now = max(clock.now, told[pk].until - timedelta(seconds=1))
                place(pk, told[pk].missing or 0, clock.now)
                tiers.recompute(at=clock.now, customers=[pk])
        tiers.recompute(at=clock.forward(days=1))
        for pk, one in told.items():
            if pk in obedient:
                assert standing()[pk] == before[pk], (day, one)
            elif clock.now > one.until + timedelta(days=1 + made.grace_days):
                assert standing()[pk] != before[pk], (day, one)


def test_the_last_day_is_a_whole_one(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(*LADDER, window_days=365, term="days", term_days=10)
    go(clock, 2026, 3, 2)
    user = join()
    order = buy(shop, user, "500.00", drain, clock)
    shop.refund(order, Decimal("100.00"))
    drain(clock.now)
    found = tier_notices.keeping([who(user).pk], at=clock.now)[who(user).pk]
    assert (found.last_day, found.missing) == (date(2026, 3, 12), 10000)
    clock.now = datetime(2026, 3, 12, 23, 59, 59, tzinfo=UTC)
    buy(shop, user, "100.00", drain, clock)
    tiers.recompute(at=clock.forward(days=1))
    assert Membership.objects.get().tier == Tier.objects.get(name="Gold")


def test_all_members_are_looked_at_without_the_lock_and_those_found_once_more_with_it(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    table(*LADDER)
    go(clock, 2026, 3, 2)
    user = join()
    buy(shop, user, "500.00", drain, clock)

    def asked() -> tuple[int, list[int], list[bool]]:
        """Return how many were told, at which queries a lock's transaction began and who was looked at, before it."""
        with CaptureQueriesContext(connection) as captured:
            told = tier_notices.warn(at=clock.now)
        queries = [query["sql"] for query in captured]
        begins = [number for number, sql in enumerate(queries) if sql.startswith("SAVEPOINT")]
        looks = [number for number, sql in enumerate(queries) if "newest" in sql]
        return told, begins[:1], [number > begins[0] for number in looks] if begins else [False for _ in looks]

    assert asked() == (0, [], [False])
    go(clock, 2027, 2, 10)
    told, begins, inside = asked()
    assert (told, len(begins), inside) == (1, 1, [False, True])
    assert asked() == (0, [], [False])
