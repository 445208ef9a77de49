"""What a customer may claim now, and what is in the way of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, TextChoices
from django.utils.translation import gettext_lazy as _

from campaigns.models import Offer
from campaigns.services import offers
from campaigns.terms import Kind as Gives
from campaigns.terms import Terms
from loyalty.locks import hold
from loyalty.models import Account, Claim, Reward
from loyalty.models.claim import LIVE
from retention import registry
from retention.models import Customer


class No(TextChoices):
    """Why somebody cannot have a reward. The value is a stable code, the label is for the shopper."""

    NOT_ON_OFFER = "not_on_offer", _("This reward is not on offer now.")
    GONE = "gone", _("All of these are taken.")
    LIMIT = "limit", _("You have had this as often as one person can.")
    NOT_FOR_YOU = "not_for_you", _("This is for some members only.")
    NOT_ENOUGH = "not_enough", _("You do not have enough points for this yet.")
    TOO_FEW = "too_few", _("That is fewer points than can be used at once.")
    NO_WORTH = "no_worth", _("Points cannot be used for this basket now.")
    HOLDS_NO_POINTS = "holds_no_points", _("Points are for members: sign in first.")
    HAS_LEFT = "has_left", _("You have left the programme. Come back, and you can use your points.")
    NO_COUPON = "no_coupon", _("This reward cannot be given to you now.")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A reward as one customer meets it."""

    reward: Reward
    no: No | None = None
    """What is in the way; None: they may claim it."""
    missing: int = 0
    """Points that are missing where nothing else is in the way."""
    left: int | None = None
    """How many there are; None: as many as are wanted."""


def choices(
    customer: Customer, account: Account | None, *, at: datetime, kind: Reward.Kind | None = None
) -> list[Choice]:
    """Return everything on offer, or what is of one kind, in its order, with what is in the way of each.

    At most two queries and one for each condition that is asked.
    """
    on_offer = Reward.objects.on_offer(at=at).select_related("offer").order_by("position", "cost", "pk")
    rewards = list(on_offer.filter(kind=kind) if kind else on_offer)
    had = _had(account, [reward for reward in rewards if reward.per_person is not None])
    spendable = account.spendable if account else 0
    able = {reward.pk for reward in rewards if fits(reward, customer, at=at)}
    found = []
    for reward in rewards:
        left = None if reward.stock is None else max(0, reward.stock - reward.taken)
        missing = max(0, reward.cost - spendable)
        no = None
        if account is not None and account.left_at is not None:
            no = No.HAS_LEFT
        elif left == 0:
            no = No.GONE
        elif reward.pk not in able:
            no = No.NOT_FOR_YOU
        elif reward.per_person is not None and had.get(reward.pk, 0) >= reward.per_person:
            no = No.LIMIT
        elif missing:
            no = No.NOT_ENOUGH
        found.append(Choice(reward=reward, no=no, missing=missing if no == No.NOT_ENOUGH else 0, left=left))
    return found


def fits(reward: Reward, customer: Customer, *, at: datetime) -> bool:
    """Whether the condition of a reward holds for somebody; one that is not registered any more holds for nobody."""
    if not reward.condition:
        return True
    condition = registry.conditions.get(reward.condition)
    return condition is not None and customer.pk in condition.matching([customer.pk], reward.parameters, at)


def _had(account: Account | None, rewards: Sequence[Reward]) -> Mapping[int, int]:
    if account is None or not rewards:
        return {}
    rows = Claim.objects.filter(account=account, reward__in=rewards, state__in=LIVE)
    return dict(rows.order_by().values_list("reward").annotate(n=Count("pk")))


def offer_of(reward: Reward, *, at: datetime) -> Offer:
    """Return the offer whose coupons a reward gives. Points off the basket have one of their own, made here.

    In it staff may set a minimum, goods and what else an offer says; its amount is each coupon's own.
    """
    if reward.offer is not None:
        return reward.offer
    with transaction.atomic():
        (locked,) = hold(Reward.objects.filter(pk=reward.pk))
        if locked.offer is None:
            locked.offer = offers.create(
                slug=f"points-{reward.pk}",
                name=reward.name,
                # last in turn: points pay what is left after every other discount
                terms=Terms(kind=Gives.AMOUNT, valid_days=366, exclusive=False, priority=99),
                prefix="P",
                at=at,
            )
            locked.save(update_fields=["offer"])
    reward.offer = locked.offer
    return locked.offer


def has_been_claimed(reward: Reward) -> bool:
    """Whether somebody has had it: then it keeps its terms, and other terms are another reward."""
    return Claim.objects.filter(reward=reward.pk).exists()
