"""So much of each order goes to a cause: counted by cause, currency and month, undone on cancel, paid out by staff."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from loyalty.models import Cause, Contribution, Payout, Pledge
from loyalty.services import causes, giving
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.gifts import buy
from tests.loyalty.till import START, join, who

Drain = Callable[[datetime], None]


def cause(name: str = "Forest", *, at: datetime = START, currency: str = "EUR", **sums: Any) -> Cause:
    made = Cause.objects.create(name=name)
    causes.pledge(made, currency=currency, at=at, **(sums or {"amount_minor": 50}))
    return made


def given() -> list[tuple[str, str, int]]:
    return list(Contribution.objects.order_by("order", "cause__name").values_list("order", "currency", "amount_minor"))


def owed() -> list[tuple[str, str, int, int, int]]:
    return [(o.cause.name, o.currency, o.given_minor, o.paid_minor, o.owed_minor) for o in causes.owed()]


def pay(made: Cause, minor: int, *, key: str = "k", currency: str = "EUR") -> Payout:
    return causes.pay_out(
        made, currency=currency, amount_minor=minor, first_month=date(2026, 1, 1), last_month=date(2026, 3, 1),
        by="sam", key=key, at=START,
    )  # fmt: skip


def test_each_order_gives_its_amount_once(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    cause()
    user = join()
    placed = buy(shop, user, 3)
    drain(clock.now)
    assert given() == [("1", "EUR", 50), ("2", "EUR", 50), ("3", "EUR", 50)]
    assert giving.settle(placed, at=clock.now) == 0
    assert owed() == [("Forest", "EUR", 150, 0, 150)]
    assert giving.by_customer(who(user)) == {Cause.objects.get().pk: {"EUR": 150}}


def test_a_share_is_that_of_the_goods_after_refunds_rounded_down(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    cause(percent=Decimal("1.50"))
    [order] = buy(shop, join(), 1, total="39.99")
    drain(clock.now)
    assert given() == [(order, "EUR", 59)]  # 59.985
    shop.refund(order, Decimal("20.00"), at=clock.now)
    drain(clock.now)
    assert given() == [(order, "EUR", 29)]  # 1.5 % of 19.99


def test_a_cancelled_or_wholly_refunded_order_gives_nothing_and_an_amount_stays_whole_otherwise(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    cause()
    first, second, third = buy(shop, join(), 3)
    drain(clock.now)
    shop.mark(first, "cancelled", at=clock.now)
    shop.refund(second, Decimal("40.00"), at=clock.now)
    shop.refund(third, Decimal("39.99"), at=clock.now)
    drain(clock.now)
    assert given() == [(first, "EUR", 0), (second, "EUR", 0), (third, "EUR", 50)]
    shop.reinstate(first)
    drain(clock.now)
    assert given()[0] == (first, "EUR", 50)


def test_guests_orders_give_as_well_and_follow_the_account(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    cause()
    order = shop.place(email="ada@example.com")
    drain(clock.now)
    assert given() == [(order, "EUR", 50)]
    user = join()
    shop._change(order, user_id=user.pk)
    drain(clock.now)
    assert Contribution.objects.get().customer == who(user)


def test_currencies_are_never_added_up_and_one_without_a_pledge_gives_nothing(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    made, user = cause(), join()
    causes.pledge(made, currency="JPY", at=START, percent=Decimal(2))
    buy(shop, user, 2)
    buy(shop, user, 1, total="5000", currency="JPY")
    buy(shop, user, 1, total="50", currency="USD")
    drain(clock.now)
    assert owed() == [("Forest", "EUR", 100, 0, 100), ("Forest", "JPY", 100, 0, 100)]


def test_a_changed_pledge_is_for_orders_from_then_on(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    made, user = cause(), join()
    first = buy(shop, user, 1)
    causes.pledge(made, currency="EUR", at=clock.now, amount_minor=70)
    second = buy(shop, user, 1)
    drain(clock.now)
    assert given() == [(first[0], "EUR", 50), (second[0], "EUR", 70)]
    assert causes.end(made, at=clock.now) == 1
    buy(shop, user, 1)
    drain(clock.now)
    assert len(given()) == 2
    assert Pledge.objects.filter(ends_at=None).count() == 0


def test_history_and_unpaid_orders_give_nothing(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    cause(at=datetime(2020, 1, 1, tzinfo=UTC))
    shop.place(user=join(), at=datetime(2023, 1, 1, tzinfo=UTC))
    unpaid = shop.place(email="bob@example.com", paid_at=None)
    drain(clock.now)
    assert given() == []
    shop.mark(unpaid, "paid", at=clock.now)
    drain(clock.now)
    assert given() == [(unpaid, "EUR", 50)]


def test_months_are_those_of_the_shops_calendar(shop: FakeShop, clock: Clock, drain: Drain, settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "TIME_ZONE": "Asia/Tokyo"}
    cause()
    shop.place(user=join(), at=datetime(2026, 2, 28, 14, 59, tzinfo=UTC))
    shop.place(user=join("bob@example.com"), at=datetime(2026, 2, 28, 15, 0, tzinfo=UTC))
    drain(clock.now)
    found = [(m.cause.name, m.currency, m.month, m.orders, m.given_minor) for m in causes.months()]
    assert found == [("Forest", "EUR", date(2026, 3, 1), 1, 50), ("Forest", "EUR", date(2026, 2, 1), 1, 50)]


def test_a_payout_lowers_what_is_owed_and_never_pays_more(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    made = cause()
    first, *_ = buy(shop, join(), 3)
    drain(clock.now)
    with pytest.raises(causes.MoreThanOwed) as refused:
        pay(made, 151)
    assert refused.value.owed_minor == 150
    assert pay(made, 100) == pay(made, 100)  # the form was sent twice
    with pytest.raises(causes.KeyReused):
        pay(made, 50)
    assert owed() == [("Forest", "EUR", 150, 100, 50)]
    with pytest.raises(ValueError, match="nothing to pay"):
        pay(made, 0, key="other")
    pay(made, 50, key="other")
    shop.mark(first, "cancelled", at=clock.now)
    drain(clock.now)
    assert owed() == [("Forest", "EUR", 100, 150, -50)]  # the next order makes up for it
    with pytest.raises(causes.MoreThanOwed):
        pay(made, 1, key="third")


def test_a_pledge_is_one_sum_above_zero(db: None) -> None:
    made = Cause.objects.create(name="Forest")
    for sums in ({}, {"amount_minor": 0}, {"percent": Decimal(0)}, {"percent": Decimal(101)},
                 {"amount_minor": 1, "percent": Decimal(1)}):  # fmt: skip
        with pytest.raises(causes.NothingPledged):
            causes.pledge(made, currency="EUR", at=START, **sums)
    with pytest.raises(IntegrityError, match="loyalty_pledge_is_one_sum"), transaction.atomic():
        Pledge.objects.create(cause=made, currency="EUR", starts_at=START)


def test_the_thank_you_page_can_say_it_before_the_order_is_read(db: None) -> None:
    cause(percent=Decimal("2.5"))
    cause("Sea", amount_minor=30)
    said = giving.promised(currency="EUR", items_minor=4000, placed_at=START)
    assert [(pledge.cause.name, minor) for pledge, minor in said] == [("Forest", 100), ("Sea", 30)]
    assert giving.promised(currency="USD", items_minor=4000, placed_at=START) == []
