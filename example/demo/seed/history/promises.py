"""What the merchant promises beside points: gifts, challenges, giving, a paid membership, thanks for friends."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns.models import Offer
from example.demo.seed.goods import MEMBERSHIP
from example.demo.seed.history import club
from loyalty.models import Cause, Challenge, ChallengeGoods, GiftPlan, Plan, ReferralTerms, Reward
from loyalty.models.challenge import Goal, Span
from loyalty.models.gift import Gives
from loyalty.services import causes, gift_plans
from loyalty.services.gift_plans import Promise

CURRENCY = settings.OSCAR_DEFAULT_CURRENCY
TEAS = "Three teas"


def make(*, at: datetime) -> None:
    """Make what holds all year."""
    fourth = GiftPlan.objects.create(name=_("Every fourth order"), created_at=at)
    gift_plans.promise(fourth, Promise(every=4, gives=Gives.POINTS, points=40), at=at)
    spoon = GiftPlan.objects.create(name=_("A spoon"), surprise=True, created_at=at)
    gift_plans.promise(spoon, Promise(every=6, gives=Gives.TASK, thing=_("a glazed tea spoon")), at=at)
    trees = Cause(name=_("Alders for the river"), words=_("They plant trees where the bank is bare."), show_total=True)
    schools = Cause(name=_("Paper for schools"), words=_("Notebooks for children who have none."))
    for cause in (trees, schools):
        cause.full_clean()
        cause.save()
    Reward.objects.filter(kind=Reward.Kind.DONATION).update(cause=trees)
    causes.pledge(trees, currency=CURRENCY, percent=Decimal(1), at=at)
    causes.pledge(schools, currency=CURRENCY, amount_minor=20, at=at)
    circle = Plan(
        name=_("Workshop circle"), product=club.reference(MEMBERSHIP.sku), months=12, multiplier=Decimal("1.5"),
        free_shipping=club.free_shipping(at=at), gift=Offer.objects.get(slug="circle"),
    )  # fmt: skip
    friends = ReferralTerms(
        name=_("Friends"), active=True, friend_offer=Offer.objects.get(slug="friend"), points=50, most_per_month=5
    )
    for row in (circle, friends):
        row.full_clean()
        row.save()


def challenge(*, at: datetime) -> None:
    """Begin two challenges that still run at the end of the year: one to join, one for everybody who orders."""
    teas = Challenge(
        name=_(TEAS), words=_("Find out which one you like after ten at night."), active=True, goal=Goal.PRODUCTS,
        target=3, starts_at=at, ends_at=at + timedelta(days=90), span=Span.JOINED, days=60, points=60, created_at=at,
    )  # fmt: skip
    two = Challenge(
        name=_("Two in two months"), active=True, goal=Goal.ORDERS, target=2, starts_at=at,
        ends_at=at + timedelta(days=60), automatic=True, points=25, created_at=at,
    )  # fmt: skip
    for row in (teas, two):
        row.full_clean()
        row.save()
    ChallengeGoods.objects.create(challenge=teas, kind=ChallengeGoods.Kind.CATEGORY, reference="tea")
