"""What tests of gifts, giving and challenges say again and again."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from campaigns.models import Coupon, Offer
from campaigns.services import offers
from campaigns.terms import Money, Terms
from loyalty.models import Challenge, ChallengeGoods, GiftPlan, Present
from loyalty.services import gift_plans
from loyalty.services.gift_plans import Promise
from retention.testing.clock import Clock
from tests.loyalty.till import START

DAY = timedelta(days=1)

CUP = Terms(kind="amount", valid_days=90, money=(Money(currency="EUR", amount=500),))


def offer(slug: str = "cup", terms: Terms = CUP, *, at: datetime = START) -> Offer:
    return offers.create(slug=slug, name=slug.capitalize(), terms=terms, at=at)


def plan(every: int = 3, *, at: datetime = START, name: str = "A little extra", **given: Any) -> GiftPlan:
    """Promise a gift on every so many orders, since the beginning of the year; points unless ``given`` says other."""
    of_plan = {key: given.pop(key) for key in ("surprise", "count_before") if key in given}
    made = GiftPlan.objects.create(name=name, created_at=at, **of_plan)
    promise(made, every, at=at, **given)
    return made


def promise(made: GiftPlan, every: int, *, at: datetime, **given: Any) -> None:
    if not {"offer", "points", "thing"} & set(given):
        given["points"] = 50
    given["gives"] = "coupon" if "offer" in given else "points" if "points" in given else "task"
    gift_plans.promise(made, Promise(every=every, **given), at=at)


def presents(user: Any) -> list[tuple[int, str]]:
    """Return number and state of each present, the first made first."""
    rows = Present.objects.filter(customer__user=user).order_by("pk")
    return list(rows.values_list("number", "state"))


def coupons(user: Any) -> list[tuple[str, int]]:
    """Return state and uses of each coupon, the first issued first."""
    return list(Coupon.objects.filter(customer__user=user).order_by("pk").values_list("state", "used"))


def buy(shop: Any, user: Any, many: int = 1, *, total: str = "40.00", **given: Any) -> list[str]:
    """Place so many orders, an hour after each other. Returns their references."""
    placed = []
    for _ in range(many):
        placed.append(shop.place(user=user, total=Decimal(total), **given))
        shop.clock.now += timedelta(hours=1)
    return placed


def challenge(clock: Clock, **more: Any) -> Challenge:
    """Three orders within thirty days around now, for 100 points, unless told otherwise."""
    goods = more.pop("goods", ())
    fields: dict[str, Any] = {
        "name": "Three in a month", "active": True, "goal": "orders", "target": 3, "starts_at": clock.now - DAY,
        "ends_at": clock.now + 30 * DAY, "gives": "points", "points": 100, "created_at": START, **more,
    }  # fmt: skip
    if fields["gives"] == "coupon":
        fields["points"] = None
    made = Challenge.objects.create(**fields)
    ChallengeGoods.objects.bulk_create(
        ChallengeGoods(challenge=made, kind=kind, reference=name) for kind, name in goods
    )
    return made
