"""What a tier gives: once a term on getting there, or for as long as somebody stands in it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.template import Context, Template

from campaigns.models import Coupon, Offer
from campaigns.services import offers
from campaigns.terms import Money, Terms
from loyalty import tier_subscribers
from loyalty.facts import TierChanged
from loyalty.models import Membership, Task, Tier, TierBenefit, TierGrant, TierTable
from loyalty.services import persons, standing_coupons, tasks, tiers
from retention import registry
from retention.models import Fact
from retention.registry import Recorded
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import account, join, table, who

Drain = Callable[[datetime], None]
LADDER = (("Silver", 30000), ("Gold", 50000))


@pytest.fixture(autouse=True)
def greenwich(settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "TIME_ZONE": "UTC"}


def gives(tier: str, kind: str, **given: Any) -> TierBenefit:
    return TierBenefit.objects.create(tier=Tier.objects.get(name=tier), kind=kind, **given)


def offer(clock: Clock, slug: str = "thanks", **terms: Any) -> Offer:
    given = {"kind": "amount", "valid_days": 30, "money": (Money(currency="EUR", amount=500),), **terms}
    return offers.create(slug=slug, name=slug.capitalize(), terms=Terms(**given), at=clock.now)


def shipping(clock: Clock) -> Offer:
    return offer(clock, "ship", kind="free_shipping", money=(), uses=100, exclusive=False, valid_days=365)


def buy(shop: FakeShop, user: Any, total: str, drain: Drain, clock: Clock) -> str:
    order = shop.place(user=user, total=Decimal(total), at=clock.now)
    drain(clock.now)
    drain(clock.now)  # what the tiers said
    return order


def leave(shop: FakeShop, order: str, drain: Drain, clock: Clock) -> None:
    shop.mark(order, "cancelled")
    drain(clock.now)
    drain(clock.now)


def ladder(clock: Clock, **given: Any) -> TierTable:
    """Put a table in force that has been computed before: moves are news."""
    made = table(*LADDER, **given)
    tiers.refresh(at=clock.now)
    return made


def test_points_come_once_with_the_tier_and_only_from_below(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    ladder(clock)
    gives("Silver", "points", points=50)
    gives("Gold", "points", points=200)
    user, other = join(), join("bob@example.com")
    buy(shop, user, "300.00", drain, clock)
    assert account(user) == (50, 0)
    second = buy(shop, user, "200.00", drain, clock)
    assert account(user) == (250, 0)
    leave(shop, second, drain, clock)
    assert (account(user), TierGrant.objects.count()) == ((250, 0), 2)
    buy(shop, other, "500.00", drain, clock)
    assert account(other) == (200, 0)


def test_who_falls_and_comes_back_within_the_term_has_had_it(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    ladder(clock, window_days=100)
    gives("Silver", "points", points=50)
    user = join()
    order = buy(shop, user, "300.00", drain, clock)
    leave(shop, order, drain, clock)
    clock.forward(days=99)
    order = buy(shop, user, "300.00", drain, clock)
    assert account(user) == (50, 0)
    leave(shop, order, drain, clock)
    clock.forward(days=1)
    buy(shop, user, "300.00", drain, clock)
    assert account(user) == (100, 0)
    assert list(TierGrant.objects.order_by("pk").values_list("number", flat=True)) == [1, 2]


def test_the_table_that_is_computed_for_the_first_time_gives_nothing_for_the_past(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    user = join()
    buy(shop, user, "300.00", drain, clock)
    table(*LADDER)
    gives("Silver", "points", points=50)
    gives("Silver", "shipping", offer=shipping(clock))
    tiers.recompute(at=clock.now)
    drain(clock.now)
    assert (account(user), TierGrant.objects.count()) == ((0, 0), 0)
    # what a tier gives for as long as it stands is no gift
    assert Coupon.objects.filter(customer=who(user)).count() == 1


def test_old_orders_that_come_in_later_bring_the_tier_and_no_gift(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    ladder(clock)
    gives("Silver", "points", points=50)
    user, other = join(), join("bob@example.com")
    clock.forward(days=1)
    shop.place(user=user, total=Decimal(400), at=clock.now - timedelta(days=100))
    drain(clock.now)
    tiers.refresh(at=clock.now)
    drain(clock.now)
    assert Membership.objects.get().tier == Tier.objects.get(name="Silver")
    assert (account(user), TierGrant.objects.count()) == ((0, 0), 0)
    buy(shop, other, "300.00", drain, clock)
    assert account(other) == (50, 0)


def test_a_coupon_comes_with_the_tier_and_stays_when_it_is_lost(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    ladder(clock)
    benefit = gives("Silver", "coupon", offer=offer(clock))
    user = join()
    order = buy(shop, user, "300.00", drain, clock)
    coupon = Coupon.objects.get(customer=who(user))
    assert (coupon.source, coupon.state, TierGrant.objects.get().coupon) == (f"tier:{benefit.pk}", "issued", coupon)
    leave(shop, order, drain, clock)
    coupon.refresh_from_db()
    assert coupon.state == "issued"


def test_an_offer_that_is_off_gives_nothing_is_a_trouble_and_is_not_held_against_them(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    ladder(clock, window_days=100)
    made = offer(clock)
    gives("Silver", "coupon", offer=made)
    Offer.objects.update(active=False)
    user = join()
    order = buy(shop, user, "300.00", drain, clock)
    assert (Coupon.objects.count(), TierGrant.objects.count()) == (0, 0)
    found = [trouble.what for trouble in registry.troubles["loyalty.tiers"](clock.now)]
    assert found == ["The tier Silver gives a coupon of the offer “Thanks”, which is off"]
    Offer.objects.update(active=True)
    assert list(registry.troubles["loyalty.tiers"](clock.now)) == []
    leave(shop, order, drain, clock)
    buy(shop, user, "300.00", drain, clock)
    assert Coupon.objects.filter(customer=who(user)).count() == 1


def test_a_task_is_opened_for_staff_and_is_a_trouble_when_it_is_late(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    ladder(clock)
    gives("Gold", "task", words="An invitation to the summer evening", due_days=7)
    clock.now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    user = join()
    buy(shop, user, "500.00", drain, clock)
    task = Task.objects.get()
    assert (task.customer, task.what, task.state) == (who(user), "An invitation to the summer evening", "open")
    assert task.due_at == datetime(2026, 3, 10, tzinfo=UTC)
    assert TierGrant.objects.get().task == task
    find = registry.troubles["loyalty.tiers"]
    clock.now = datetime(2026, 3, 10, tzinfo=UTC)
    assert list(find(clock.now)) == []
    late = "1 thing that a tier gives should have been arranged by now"
    assert [trouble.what for trouble in find(clock.forward(seconds=1))] == [late]
    tasks.close(task, state=Task.State.DONE, by="grace", at=clock.now)
    assert list(find(clock.now)) == []


def test_free_shipping_is_theirs_for_as_long_as_they_stand_in_the_tier(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    ladder(clock)
    gives("Gold", "shipping", offer=shipping(clock))
    user = join()
    order = buy(shop, user, "500.00", drain, clock)
    request = HttpRequest()
    request.user = user
    (code,) = standing_coupons.codes(request, clock.now)
    assert Coupon.objects.get(code=code).source == "standing:tier"
    leave(shop, order, drain, clock)
    assert standing_coupons.codes(request, clock.now) == []
    assert Coupon.objects.get(code=code).state == "void"
    buy(shop, user, "500.00", drain, clock)
    assert len(standing_coupons.codes(request, clock.now)) == 1
    request.user = AnonymousUser()
    assert standing_coupons.codes(request, clock.now) == []


def test_a_benefit_that_is_added_later_reaches_who_stands_there_and_one_switched_off_leaves_them(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    made = ladder(clock)
    user = join()
    buy(shop, user, "500.00", drain, clock)
    benefit = gives("Gold", "shipping", offer=shipping(clock))
    tick = registry.ticks["loyalty.tier_shipping"]
    assert (tick.run(clock.now), tick.run(clock.now)) == (1, 0)
    TierBenefit.objects.filter(pk=benefit.pk).update(active=False)
    assert (tick.run(clock.now), tick.run(clock.now)) == (1, 0)
    TierBenefit.objects.filter(pk=benefit.pk).update(active=True)
    assert tick.run(clock.now) == 1
    TierTable.objects.filter(pk=made.pk).update(active=False)
    assert tick.run(clock.now) == 1
    assert set(Coupon.objects.values_list("state", flat=True)) == {"void"}


def test_the_multiplier_is_that_of_the_tier_now(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    ladder(clock)
    gives("Gold", "multiplier", multiplier=Decimal("1.5"))
    user, other = join(), join("bob@example.com")
    order = buy(shop, user, "500.00", drain, clock)
    buy(shop, other, "300.00", drain, clock)
    people = [who(user).pk, who(other).pk]
    assert tiers.multiplier_at(people) == {people[0]: Decimal("1.50")}
    leave(shop, order, drain, clock)
    assert tiers.multiplier_at(people) == {}


def test_templates_ask_who_stands_in_a_tier_or_above(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    ladder(clock)
    user, other = join(), join("bob@example.com")
    buy(shop, user, "500.00", drain, clock)
    buy(shop, other, "300.00", drain, clock)
    tags = '{% in_tier "gold" as early %}{{ early }} {% in_tier "Silver" %} {% in_tier "X" %}'
    page = Template("{% load loyalty_tiers %}" + tags)

    def shown(visitor: Any) -> str:
        request = HttpRequest()
        request.user = visitor
        return page.render(Context({"request": request}))

    assert shown(user) == "True True False"
    assert shown(other) == "False True False"
    assert shown(AnonymousUser()) == "False False False"
    assert page.render(Context({})) == "False False False"


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "multiplier"},
        {"kind": "multiplier", "multiplier": Decimal(1)},
        {"kind": "points"},
        {"kind": "points", "points": 0},
        {"kind": "coupon"},
        {"kind": "shipping"},
        {"kind": "task"},
    ],
)
def test_the_database_refuses_a_benefit_that_gives_nothing(db: None, given: dict[str, Any]) -> None:
    table(*LADDER)
    with pytest.raises(IntegrityError, match="loyalty_benefit_is_whole"), transaction.atomic():
        gives("Gold", **given)


def test_the_same_facts_twice_give_once(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    ladder(clock)
    gives("Silver", "points", points=50)
    gives("Silver", "task", words="A card")
    user = join()
    buy(shop, user, "300.00", drain, clock)
    row = Fact.objects.get(kind=TierChanged.kind)
    data = TierChanged.restore(payload=row.payload, customer=row.customer, at=row.happened_at)
    for _ in range(3):
        tier_subscribers.give_benefits([Recorded(id=row.pk, position=row.pk, data=data)] * 2)
    assert (account(user), TierGrant.objects.count(), Task.objects.count()) == ((50, 0), 2, 1)


def test_who_proves_to_be_somebody_that_we_know_has_had_what_they_had(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    ladder(clock)
    gives("Silver", "points", points=50)
    user, other = join(), join("bob@example.com")
    for one in (user, other):
        buy(shop, one, "300.00", drain, clock)
    persons.absorb(who(other), who(user), clock.now)
    rows = TierGrant.objects.filter(customer=who(user)).order_by("number")
    assert list(rows.values_list("number", flat=True)) == [1, 2]
    assert len(persons.export(who(user))["tier_benefits"]) == 2


def test_old_orders_written_while_everybody_was_computed_bring_no_gift(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    ladder(clock)
    gives("Silver", "points", points=50)
    user = join()
    shop.place(user=user, total=Decimal(400), at=clock.now - timedelta(days=100))
    seen = clock.now
    clock.forward(seconds=20)
    TierTable.objects.update(stale=True)
    tiers.refresh(at=clock.now)  # what was seen before this is not written yet
    drain(seen)
    tiers.recompute(at=clock.forward(minutes=1))
    drain(clock.now)
    assert Membership.objects.get().tier == Tier.objects.get(name="Silver")
    assert (account(user), TierGrant.objects.count()) == ((0, 0), 0)


def test_going_back_to_an_earlier_table_gives_nothing(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    first = ladder(clock)
    gives("Silver", "points", points=50)
    gives("Gold", "points", points=200)
    TierTable.objects.filter(pk=first.pk).update(active=False)
    second = table(("Bronze", 100), ("Iron", 90000))
    tiers.refresh(at=clock.forward(hours=1))
    stood, nowhere = join(), join("bob@example.com")
    buy(shop, stood, "600.00", drain, clock)
    TierTable.objects.filter(pk=second.pk).update(active=False)
    buy(shop, nowhere, "600.00", drain, clock)  # no table is in force
    TierTable.objects.filter(pk=first.pk).update(active=True)
    tiers.recompute(at=clock.forward(hours=1), customers=[who(nowhere).pk])
    tiers.recompute(at=clock.forward(hours=1))
    drain(clock.now)
    assert set(Membership.objects.values_list("tier__name", flat=True)) == {"Gold"}
    assert TierGrant.objects.count() == 0
    newcomer = join("cleo@example.com")
    buy(shop, newcomer, "300.00", drain, clock)
    assert account(newcomer) == (50, 0), "from now on it is news again"
