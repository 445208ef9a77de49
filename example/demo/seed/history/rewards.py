"""What points can buy: a coupon of each kind, points off the basket, a donation, and what staff see to."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns.models import Offer
from campaigns.services import offers
from campaigns.terms import Goods, Kind, Money, Terms
from example.demo.seed.history import club
from loyalty.models import Reward

CURRENCY = settings.OSCAR_DEFAULT_CURRENCY
Gives = Reward.Kind


def offer(*, at: datetime) -> None:
    """Make offers and rewards; the first ones are within reach after an order or two, the last one after years."""
    _coupons(at)
    tea, notebook = Offer.objects.get(slug="tea"), Offer.objects.get(slug="notebook")
    shipping, two = Offer.objects.get(slug="shipping"), Offer.objects.get(slug="two-off")
    wheel = _("Two hours at the potter’s wheel, and what you make is yours.")
    rewards: tuple[dict[str, Any], ...] = (
        {"name": _("Points off your basket"), "kind": Gives.POINTS, "cost": 20, "valid_days": 1},
        {"name": _("A tree"), "kind": Gives.DONATION, "cost": 15, "words": _("One alder for the river bank.")},
        {"name": _("A parcel without postage"), "cost": 30, "offer": shipping},
        {"name": _("Two euros off"), "cost": 40, "offer": two},
        {"name": _("Tea, ten percent less"), "cost": 50, "offer": tea, "per_person": 2},
        {"name": _("A field notebook"), "cost": 190, "offer": notebook},
        {"name": _("An evening at the wheel"), "kind": Gives.CUSTOM, "cost": 120, "words": wheel, "stock": 12,
         "per_person": 1},
        {"name": _("Test tile of a glaze"), "kind": Gives.CUSTOM, "cost": 60, "stock": 1,
         "words": _("There is only one of each.")},
        {"name": _("A look at the spring glazes"), "kind": Gives.CUSTOM, "cost": 40, "condition": "loyalty.in_tier",
         "parameters": {"tier": "Porcelain"}},
        {"name": _("A dinner set for six"), "kind": Gives.CUSTOM, "cost": 2500,
         "words": _("Thrown for you, in the glaze that you choose.")},
    )  # fmt: skip
    for place, said in enumerate(rewards, start=1):
        reward = Reward(active=True, position=place, created_at=at, **said)
        reward.full_clean()
        reward.save()


def _coupons(at: datetime) -> None:
    once = {"valid_days": 30, "exclusive": False}
    notebook = Goods(only_products=(club.reference("NB-1"),))
    for slug, name, terms in (
        ("shipping", _("A parcel without postage"), Terms(kind=Kind.FREE_SHIPPING, **once)),
        ("two-off", _("Two euros off"), Terms(kind=Kind.AMOUNT, money=_off(2_00, least=15_00), **once)),
        ("tea", _("Tea, ten percent less"), _percent(10, goods=Goods(only_categories=("tea",)), **once)),
        ("notebook", _("A field notebook"), Terms(kind=Kind.FREE_PRODUCT, goods=notebook, **once)),
        ("stoneware", _("Welcome to Stoneware"), _percent(10, valid_days=60)),
        ("circle", _("Welcome to the circle"), Terms(kind=Kind.AMOUNT, money=_off(3_00), valid_days=60)),
        ("friend", _("For a friend"), _friend()),
    ):
        offers.create(slug=slug, name=name, terms=terms, at=at)
    club.free_shipping(at=at)


def _off(minor: int, *, least: int | None = None) -> tuple[Money, ...]:
    return (Money(currency=CURRENCY, amount=minor, minimum=least),)


def _percent(percent: int, **more: Any) -> Terms:
    return Terms(kind=Kind.PERCENTAGE, percent=Decimal(percent), **more)


def _friend() -> Terms:
    return Terms(kind=Kind.AMOUNT, money=_off(5_00, least=25_00), valid_days=30, per_customer=1, first_order_only=True)
