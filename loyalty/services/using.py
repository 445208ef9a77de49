"""Points for the basket of a request: how many it can use, and putting them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.http import HttpRequest

from campaigns.baskets import Basket
from campaigns.models import Redemption
from campaigns.services import applying, engine, margin, redemptions
from loyalty.models import Account, Claim, Rate, Reward
from loyalty.services import claims, paying, programmes, rewards
from loyalty.services.programmes import Running
from loyalty.services.rewards import No
from retention.models import Customer
from retention.money import to_minor
from retention.shop import Capability, CartData, get_shop


class NotTaken(Exception):
    """The basket does not take the points now; they are back, and it is as it was without them."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """What points can do for a basket."""

    reward: Reward
    points: int
    """How many it can use at most."""
    worth_minor: int
    """What these take off, minor units."""
    rate: Rate
    running: Running
    in_it: int = 0
    """How many are in it already."""

    def cost(self, amount: Decimal) -> int:
        """Return how many points pay an amount in units of the currency."""
        assert self.rate.worth is not None  # there is no room where points are worth nothing
        currency = self.rate.currency
        return paying.needed(to_minor(amount, currency), of_a_point=self.rate.worth, currency=currency)


def room(request: HttpRequest, customer: Customer, *, at: datetime) -> Room | None:
    """Return what points can do for the request's basket; None where there is nothing for them to do."""
    cart = get_shop().get_cart(request)
    account = Account.objects.filter(customer=customer).first()
    if cart is None or not cart.lines or account is None or account.left_at is not None:
        return None
    inside = _inside(cart, customer)
    reward = _reward(customer, account, inside, at=at)
    if reward is None:
        return None
    running = programmes.running()
    if running is None or (rate := running.rate(cart.currency, placed_at=at)) is None or rate.worth is None:
        return None
    amount = _to_pay(cart, customer, inside)
    needed = paying.needed(amount, of_a_point=rate.worth, currency=cart.currency)
    points = min(account.spendable + sum(one.points for one in inside), needed)
    worth = min(amount, paying.worth(points, of_a_point=rate.worth, currency=cart.currency))
    if points < reward.cost or worth < 1:
        return None
    return Room(
        reward=reward,
        points=points,
        worth_minor=worth,
        rate=rate,
        running=running,
        in_it=sum(one.points for one in inside),
    )


def _reward(customer: Customer, account: Account, inside: Sequence[Claim], *, at: datetime) -> Reward | None:
    """Return the first reward of points for a basket that somebody can have; what is in theirs already is in no way."""
    mine = {one.reward_id for one in inside}
    for choice in rewards.choices(customer, account, at=at, kind=Reward.Kind.POINTS):
        theirs = choice.reward.pk in mine and choice.no in (No.LIMIT, No.GONE)
        if theirs or choice.no in (None, No.NOT_ENOUGH):
            return choice.reward
    return None


def _inside(cart: CartData, customer: Customer) -> list[Claim]:
    """Return the claims of points that are in a cart already."""
    if not cart.coupons:
        return []
    mine = Claim.objects.filter(account__customer=customer, state=Claim.State.RESERVED, worth_minor__isnull=False)
    return list(mine.filter(coupon__code__in=cart.coupons).select_related("coupon"))


def _to_pay(cart: CartData, customer: Customer, inside: Sequence[Claim]) -> int:
    """Return what of the goods can be paid with points: all that is left to pay, down to the margin guard's floor."""
    taken = {use.code: to_minor(use.discount, cart.currency) for use in cart.discounts}
    of_points = sum(taken.get(one.coupon.code, 0) for one in inside if one.coupon)
    left = to_minor(cart.total, cart.currency) + of_points
    rule = margin.guard()
    if rule is None:
        return left
    basket = Basket.of(cart, email=customer.email, user_id=customer.user_id, priced=not engine.current().prices)
    goods = (basket.left if basket.left is not None else sum(line.due for line in basket.lines)) + of_points
    return max(0, min(left, goods - margin.floor(basket, rule)))


def use(request: HttpRequest, customer: Customer, *, amount: int | Decimal, key: str, at: datetime) -> Claim:
    """Pay for a part of the request's basket with so many points, in place of those that are in it.

    ``amount``: points, or as a Decimal what they are to take off, in units of the basket's currency.
    More than it can use are as many as it can. Raises claims.Refused, NotTaken, and claims.InUse where another checkout
    holds those that are in it; the basket has no points then.
    """
    known = Claim.objects.filter(key=key, account__customer=customer).first()
    if known is not None:
        return known
    most = room(request, customer, at=at)
    if most is None:
        raise claims.Refused(No.NO_WORTH)
    wanted = most.cost(amount) if isinstance(amount, Decimal) else amount
    if wanted < most.reward.cost:
        raise claims.Refused(No.TOO_FEW)
    cart = get_shop().get_cart(request)
    for old in _inside(cart, customer) if cart else ():
        leave(request, old, at=at)
        claims.give_up(old, at=at)
    made = claims.claim(
        most.reward, customer, key=key, amount=min(wanted, most.points), currency=most.rate.currency, at=at
    )
    put_in(request, made, customer, at=at)
    return made


def put_in(request: HttpRequest, made: Claim, customer: Customer, *, at: datetime) -> None:
    """Put a claim's coupon into the request's basket. Raises NotTaken, and the points are back then."""
    assert made.coupon is not None
    try:
        applying.apply(request, made.coupon.code, email=customer.email, user_id=customer.user_id, at=at)
    except applying.Refused as refused:
        claims.give_up(made, at=at)
        raise NotTaken from refused


def leave(request: HttpRequest, made: Claim, *, at: datetime) -> None:
    """Take a claim's coupon out of the request's own basket, and give back what that basket holds of it."""
    shop = get_shop()
    if made.coupon is None or Capability.BASKET not in shop.capabilities:
        return
    cart = shop.get_cart(request)
    if cart is None or made.coupon.code not in cart.coupons:
        return
    shop.remove_coupon(request, made.coupon.code)
    held = Redemption.objects.filter(coupon=made.coupon, cart=cart.reference, state=Redemption.State.RESERVED)
    redemptions.give_up(list(held.values_list("pk", flat=True)), at=at)
