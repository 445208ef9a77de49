"""How points are earned and how long they live, and what each tier gives: the merchant's choices of the first day."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from oscar.core.loading import get_model

from campaigns.models import Offer
from campaigns.services import offers
from campaigns.terms import Kind, Terms
from example.demo.seed.goods import MEMBERSHIP
from loyalty.models import EarningRule, Programme, Tier, TierBenefit, TierTable
from loyalty.models.action import Often
from loyalty.models.programme import Expires
from loyalty.models.tier import Term
from loyalty.models.tier_benefit import BenefitKind
from loyalty.services import actions, rules

Product = get_model("catalogue", "Product")

MONTHS = 6
"""Points live to the end of the month so many months after they opened. A day of the calendar, whatever the speed."""

ACTIONS = (
    ("account", 10, Often.EVER, False),
    ("signup", 20, Often.EVER, False),
    ("profile", 5, Often.THING, False),
    ("survey", 5, Often.THING, False),
    ("review", 15, Often.THING, True),
)
"""Deed, points, how often, and whether staff look first."""


def found(*, at: datetime) -> None:
    """Set the programme's finer points and the tiers' benefits."""
    programme = Programme.objects.get(active=True)
    programme.expires, programme.expires_after = Expires.MONTH, MONTHS
    programme.cap_day, programme.cap_month = 60, 250
    programme.full_clean()
    programme.save()
    for deed, points, often, approval in ACTIONS:
        actions.set_rule(programme, action=deed, points=points, often=often, approval=approval, at=at)
    first, order, nothing = EarningRule.When.FIRST, EarningRule.Effect.ORDER, EarningRule.Effect.NOTHING
    rules.set_rule(programme, at=at, name=_("A warm welcome"), when=first, effect=order, points=25)
    only = {"goods": EarningRule.Goods.ONLY, "products": [reference(MEMBERSHIP.sku)]}
    rules.set_rule(programme, at=at, name=_("The membership itself"), effect=nothing, **only)
    _benefits()


def tea_weeks(*, at: datetime) -> None:
    """Let tea earn twice for six weeks."""
    rules.set_rule(
        Programme.objects.get(active=True),
        at=at,
        name=_("Tea weeks"),
        goods=EarningRule.Goods.ONLY,
        categories=["tea"],
        effect=EarningRule.Effect.TIMES,
        times=Decimal(2),
        placed_from=first_instant(at),
        placed_until=first_instant(at + timedelta(weeks=6)),
    )


def first_instant(at: datetime) -> datetime:
    """Return when the day of a time began in the shop."""
    return localtime(at).replace(hour=0, minute=0, second=0, microsecond=0)


def reference(sku: str) -> str:
    """Return a product as the adapter names it."""
    return str(Product.objects.get(upc=sku).pk)


def free_shipping(*, at: datetime) -> Offer:
    """Return the offer that tiers and the membership give free shipping by, for as long as they last."""
    known = Offer.objects.filter(slug="always-free").first()
    terms = Terms(kind=Kind.FREE_SHIPPING, valid_days=400, uses=1000, exclusive=False)
    return known or offers.create(slug="always-free", name=_("Free shipping for members"), terms=terms, at=at)


def _benefits() -> None:
    table = TierTable.objects.get(active=True)
    table.term, table.term_days, table.grace_days = Term.DAYS, 180, 14
    table.full_clean()
    table.save()
    low, middle, high = Tier.objects.filter(table=table).order_by("rank")
    Tier.objects.filter(pk=middle.pk).update(keep_minor=100_00)
    Tier.objects.filter(pk=high.pk).update(keep_minor=220_00)
    ten = Offer.objects.get(slug="stoneware")
    always = Offer.objects.get(slug="always-free")
    evening = _("an invitation to the summer evening in the workshop")
    for tier, kind, more in (
        (low, BenefitKind.POINTS, {"points": 20}),
        (middle, BenefitKind.MULTIPLIER, {"multiplier": Decimal("1.25")}),
        (middle, BenefitKind.COUPON, {"offer": ten}),
        (high, BenefitKind.MULTIPLIER, {"multiplier": Decimal("1.5")}),
        (high, BenefitKind.SHIPPING, {"offer": always}),
        (high, BenefitKind.EARLY, {}),
        (high, BenefitKind.TASK, {"words": evening}),
    ):
        benefit = TierBenefit(tier=tier, kind=kind, **more)
        benefit.full_clean()
        benefit.save()
