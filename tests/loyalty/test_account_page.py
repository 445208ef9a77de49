"""The shopper's page: balance, what is pending and when it opens, tier and the way to the next, history."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from loyalty import sections
from loyalty.models import Entry, Programme, Rate, Reward
from loyalty.services import awards, points
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import join, start, table, who

Drain = Callable[[datetime], None]


@pytest.fixture
def client() -> Client:
    return Client()


def page(client: Client, user: Any, clock: Clock, path: str = "/retention/account/") -> str:
    """Return the page as text: no tags, single spaces."""
    client.force_login(user)
    with time_machine.travel(clock.now, tick=False):
        answer = client.get(path)
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_who_has_nothing_yet_is_told_how_to_begin(shop: FakeShop, clock: Clock, client: Client) -> None:
    start(rate="1", pending_days=14)
    text = page(client, join(), clock)
    assert "0 points" in text
    assert "No points yet. Your next order brings the first ones." in text
    assert "You earn 1 point for each €1.00 on goods, after discounts and without shipping." in text
    assert "Points can be used 14 days after the order was paid." in text


def test_without_a_programme_there_is_no_section(shop: FakeShop, clock: Clock, client: Client) -> None:
    assert "points" not in page(client, join(), clock).replace("My points and coupons", "")


def test_balance_worth_and_history_with_running_balance(
    shop: FakeShop, clock: Clock, drain: Drain, client: Client
) -> None:
    start(worth="0.015")
    user = join()
    first = shop.place(user=user)
    drain(clock.now)
    shop.place(user=user, total=Decimal("27.50"), at=clock.forward(days=1))
    drain(clock.now)
    shop.refund(first, Decimal("40.00"), at=clock.forward(days=1))
    drain(clock.now)
    text = page(client, user, clock)
    assert "27 points worth €0.40" in text  # rounded down from 0.405
    assert "03/04/2026 Order 1001 refunded −40 27 03/03/2026 Order 1002 +27 67 03/02/2026 Order 1001 +40 40" in text


def test_what_is_pending_is_shown_with_its_day(shop: FakeShop, clock: Clock, drain: Drain, client: Client) -> None:
    start(pending_days=14)
    user = join()
    shop.place(user=user)
    drain(clock.now)
    text = page(client, user, clock)
    assert "0 points" in text
    assert "40 points for order 1001, yours to spend on March 16, 2026" in text
    awards.open_due(at=clock.forward(days=14), limit=10)
    text = page(client, user, clock)
    assert "Pending" not in text
    assert "Order 1001 +40 40" in text


@pytest.mark.parametrize(
    ("shown_as", "listed"),
    [
        ("points", "May 31, 2026: 40 points June 30, 2026: 30 points"),
        ("money", "May 31, 2026: €0.40 June 30, 2026: €0.30"),
    ],
)
def test_the_page_lists_what_ends_when(
    shop: FakeShop, clock: Clock, client: Client, shown_as: str, listed: str
) -> None:
    programme = start(expires="month", expires_after=2, worth="0.01", shown_as=shown_as)
    user = join()
    for key, number in (("a", 25), ("b", 15)):
        points.grant([(key, who(user).pk, "")], points=number, source="test", at=clock.now)
    points.grant([("c", who(user).pk, "")], points=30, source="test", at=clock.forward(days=31))
    text = page(client, user, clock)
    assert f"What ends when {listed} History" in text
    programme.expires = "never"
    programme.save()
    assert "What ends when" not in page(client, user, clock)


def test_points_that_wait_for_sending_say_so(shop: FakeShop, clock: Clock, drain: Drain, client: Client) -> None:
    start(pending_days=7, pending_from="fulfilled")
    user = join()
    shop.place(user=user)
    drain(clock.now)
    assert "40 points for order 1001, yours to spend 7 days after it is sent" in page(client, user, clock)


def test_tier_and_the_way_to_the_next_as_words_and_bar(
    shop: FakeShop, clock: Clock, drain: Drain, client: Client
) -> None:
    start()
    table(("Silver", 5000), ("Gold", 10000))
    user = join()
    shop.place(user=user, total=Decimal("58.00"))
    drain(clock.now)
    text = page(client, user, clock)
    assert "You are Silver : €58.00 in the last 365 days." in text
    assert "Spend €42.00 more to become Gold." in text
    with time_machine.travel(clock.now, tick=False):
        html = client.get("/retention/account/").content.decode()
    assert '<p id="retention-tier-way">' in html
    assert 'aria-labelledby="retention-tier-way" max="100" value="58"' in html
    assert "style=" not in html
    shop.place(user=user, total=Decimal("100.00"))
    drain(clock.now)
    text = page(client, user, clock)
    assert "You are Gold" in text
    assert "There is no tier above yours." in text


def test_a_debt_is_said_in_words_and_never_as_a_negative_balance(
    shop: FakeShop, clock: Clock, drain: Drain, client: Client
) -> None:
    start()
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    points.post(
        [points.Posting(key="s", customer=who(user).pk, points=-30, kind=points.Kind.CORRECTION, at=clock.now)],
        at=clock.now,
    )
    shop.mark(order, "cancelled")
    drain(clock.now)
    text = page(client, user, clock)
    assert "0 points" in text
    assert "30 points of returned orders were spent already; your next points make up for them." in text
    Programme.objects.update(shown_as="money")
    Rate.objects.update(worth="0.05")
    text = page(client, user, clock)
    assert "€1.50 for returned orders was spent already; what you earn next makes up for it." in text
    assert "€0.00" in text


def test_nobody_sees_the_points_of_somebody_else(shop: FakeShop, clock: Clock, drain: Drain, client: Client) -> None:
    start()
    shop.place(user=join("ada@example.com"), total=Decimal("777.00"))
    drain(clock.now)
    other = join("bob@example.com")
    for path in ("/retention/account/", "/retention/points/", "/retention/points/?before=999999"):
        assert "777" not in page(client, other, clock, path)


def test_the_history_goes_page_by_page(shop: FakeShop, clock: Clock, client: Client, settings: Any) -> None:
    settings.LOYALTY = {"HISTORY_ROWS": 3}
    start()
    user = join()
    for number in range(1, 8):
        points.grant([(str(number), who(user).pk, "")], points=number, source="test", at=clock.now)
    assert "All movements" in page(client, user, clock)
    client.force_login(user)
    seen, path = [], "/retention/points/"
    while path:
        html = client.get(path).content.decode()
        seen += re.findall(r'retention-number">\+(\d+)<', html)
        older = re.search(r'href="(\?before=\d+)"', html)
        path = f"/retention/points/{older[1]}" if older else ""
    assert seen == ["7", "6", "5", "4", "3", "2", "1"]


@pytest.mark.parametrize("before", ["", "abc", "-1", "0", "９", "99999999999999999999", "1;DROP"])
def test_a_page_that_nobody_offered_is_no_error(shop: FakeShop, clock: Clock, client: Client, before: str) -> None:
    client.force_login(join())
    assert client.get("/retention/points/", {"before": before}).status_code == 200


def test_the_history_is_for_the_signed_in_only_and_changes_nothing(shop: FakeShop, client: Client) -> None:
    assert client.get("/retention/points/").status_code == 302
    client.force_login(join())
    assert client.post("/retention/points/").status_code == 405


def test_the_section_takes_as_many_queries_with_a_long_ledger_as_with_a_short_one(
    shop: FakeShop, clock: Clock, django_assert_max_num_queries: Any
) -> None:
    start(worth="0.01")
    table(("Silver", 5000))
    customer, counts = who(join()), []
    for batch in range(2):
        points.grant(
            [(f"{batch}:{number}", customer.pk, "") for number in range(30)], points=1, source="test",
            at=clock.now + timedelta(days=batch),
        )  # fmt: skip
        with django_assert_max_num_queries(10) as captured:
            sections.points(None, customer)  # type: ignore[arg-type]
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_where_points_are_money_history_and_rewards_are_money_too(shop: FakeShop, clock: Clock) -> None:
    start(worth="0.05", shown_as="money")
    ada = join("ada@example.com")
    points.post([points.Posting(key="gift", customer=who(ada).pk, points=50, kind=Entry.Kind.GRANT, at=clock.now)],
                at=clock.now)  # fmt: skip
    for name, cost in (("Near", 40), ("Far", 90)):
        Reward.objects.create(name=name, kind="custom", cost=cost, active=True, created_at=clock.now)
    client = Client()
    client.force_login(ada)

    said = " ".join(client.get("/retention/account/").content.decode().split())

    assert 'class="retention-number">Amount</th>' in said
    assert ">+€2.50</td>" in said
    assert 'data-label="Balance">€2.50</td>' in said
    assert "What came and went, newest first" in said
    assert "Get it for €2.00" in said
    assert "€2.00 more is needed." in said
    assert "50 points" not in said
    history = client.get("/retention/points/").content.decode()
    assert ">+€2.50</td>" in history
