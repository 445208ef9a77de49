"""What other members do beside buying: they claim rewards, join a challenge, and write about what they bought."""

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from example.demo.seed.history import promises, till
from example.demo.seed.history.diary import Diary
from example.demo.seed.people import SHOPPER
from loyalty.models import Account, Challenge, Reward
from loyalty.services import claims, participants

CLAIMS = ((150, "Test tile of a glaze"), (95, "An evening at the wheel"), (60, "A tree"), (33, "A field notebook"),
          (21, "Two euros off"), (8, "An evening at the wheel"))  # fmt: skip
"""How many days before the end, and what is claimed."""


def expect(diary: Diary, *, start: datetime, end: datetime) -> None:
    """Write it down, as far as it is after ``start``."""
    for days, name in CLAIMS:
        if (at := end - timedelta(days=days)) > start:
            diary.note(at, lambda at, name=name: _claim(_(name), at))
    for days in range(300, 20, -14):
        if (at := end - timedelta(days=days)) > start:
            diary.note(at, _spend)
    diary.note(end - timedelta(days=20), _join)
    for days, tea in ((16, "TE-1"), (2, "TE-4")):
        diary.note(end - timedelta(days=days), lambda at, tea=tea: _review(tea, at))


def _others() -> list[Account]:
    """Return members with points, the most first, without the shopper whose page is looked at."""
    rows = Account.objects.filter(balance__gt=0, customer__user__isnull=False).exclude(customer__address=SHOPPER.email)
    return list(rows.select_related("customer").order_by("-balance", "pk")[:12])


def _claim(name: str, at: datetime) -> None:
    """Let who has the most points claim something that they can pay and have not had."""
    reward = Reward.objects.get(name=name)
    able = (one for one in _others() if one.spendable >= reward.cost and not one.claims.filter(reward=reward).exists())
    if (one := next(able, None)) is not None:
        claims.claim(reward, one.customer, key=f"demo:{reward.pk}:{one.customer_id}", at=at)


def _spend(at: datetime) -> None:
    """Let five members spend what they have saved: on one tree or two."""
    tree = Reward.objects.get(name=_("A tree"))
    for one in _others()[:5]:
        for number in range(min(2, one.spendable // tree.cost)):
            claims.claim(tree, one.customer, key=f"demo:{one.customer_id}:{at:%Y-%m-%d}:{number}", at=at)


def _join(at: datetime) -> None:
    teas = Challenge.objects.get(name=_(promises.TEAS))
    for one in _others()[:5]:
        participants.join(teas, one.customer, at=at)


def _review(tea: str, at: datetime) -> None:
    """Let two members write about a tea."""
    for one in _others()[at.day % 4 : at.day % 4 + 2]:
        till.review(one.customer.user, sku=tea, words="As one hopes. It smells of the garden, and lasts for months.")
