"""What campaigns and loyalty know of a shopper: a coupon, a movement of points, an answer, a case."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from campaigns.models import (
    Answer,
    Coupon,
    Enrolment,
    Invitation,
    Journey,
    JourneyVersion,
    Offer,
    OfferVersion,
    RecoveryCase,
    Redemption,
    Survey,
)
from campaigns.terms import Money, Terms
from loyalty.models import (
    Account,
    Challenge,
    Claim,
    Membership,
    OrderAward,
    PaidTerm,
    Participation,
    Plan,
    Referral,
    ReferralLink,
    Reward,
    Tier,
    TierTable,
)
from loyalty.services import claims, points
from tests.api.people import NOON, Shopper

TERMS = Terms(kind="amount", valid_days=30, money=(Money(currency="EUR", amount=500, minimum=3000),))


def offer(slug: str = "thanks", terms: Terms = TERMS) -> OfferVersion:
    row, _ = Offer.objects.get_or_create(slug=slug, defaults={"name": slug.capitalize(), "created_at": NOON})
    version, _ = OfferVersion.objects.get_or_create(
        offer=row, number=1, defaults={"terms_json": terms.to_json(), "created_at": NOON}
    )
    return version


def coupon(owner: Shopper, number: int = 0, **given: Any) -> Coupon:
    version = given.pop("version", None) or offer()
    row = Coupon.objects.create(
        **{
            "code": f"{owner.mark.upper()}-{number}", "key": f"{owner.mark}:{number}", "offer": version.offer,
            "version": version, "customer": owner.customer, "currency": "EUR", "source": owner.mark,
            "order": f"{owner.mark}-0", "issued_at": NOON, "expires_at": NOON + timedelta(days=30), **given,
        }
    )  # fmt: skip
    Redemption.objects.create(
        coupon=row, offer=row.offer, customer=owner.customer, customer_key=owner.mark, state="released",
        cart=f"{owner.mark}-cart", currency="EUR", discount_minor=500, reserved_at=NOON, released_at=NOON,
    )  # fmt: skip
    return row


def give_points(owner: Shopper, *amounts: int) -> Account:
    for number, amount in enumerate(amounts):
        key = f"{owner.mark}:{Account.objects.count()}:{number}:{amount}"
        points.grant([(key, owner.customer.pk, "")], points=amount, source=owner.mark, at=NOON)
    return Account.objects.get(customer=owner.customer)


REWARD = 7
"""Primary key of a reward that anybody can claim for ten points."""


def claimed(owner: Shopper) -> Claim:
    reward, _ = Reward.objects.get_or_create(
        pk=REWARD, defaults={"name": "A thing", "kind": "custom", "cost": 10, "active": True, "created_at": NOON}
    )
    return claims.claim(reward, owner.customer, key=f"{owner.mark}:claim", at=NOON)


def pending(owner: Shopper, number: int = 0, **given: Any) -> OrderAward:
    account = Account.objects.get(customer=owner.customer)
    return OrderAward.objects.create(
        order=f"{owner.mark}-{number}", account=account, currency="EUR", pending=7, settled_at=NOON, **given
    )


def tiers(*rungs: tuple[str, int]) -> list[Tier]:
    table = TierTable.objects.create(name="Tiers", active=True, currency="EUR")
    return [
        Tier.objects.create(table=table, rank=rank, name=name, threshold_minor=minor)
        for rank, (name, minor) in enumerate(rungs, start=1)
    ]


def stand(owner: Shopper, tier: Tier) -> Membership:
    return Membership.objects.create(customer=owner.customer, tier=tier, qualified_minor=1000, since=NOON)


def survey() -> Survey:
    return Survey.objects.get_or_create(slug="after-order", defaults={"name": "After an order"})[0]


def answer(owner: Shopper, number: int = 0, *, score: int = 2) -> Answer:
    journey, _ = Journey.objects.get_or_create(slug="ask", defaults={"name": "Ask", "trigger": "order_placed"})
    version, _ = JourneyVersion.objects.get_or_create(
        journey=journey, number=1,
        defaults={"trigger": "", "once": "order", "conditions": [], "exits": [], "steps": [], "made_at": NOON},
    )  # fmt: skip
    enrolment = Enrolment.objects.create(
        key=f"{owner.mark}:{number}", version=version, customer=owner.customer, since=NOON, due_at=NOON,
        entered_at=NOON,
    )  # fmt: skip
    invitation = Invitation.objects.create(
        survey=survey(), order=f"{owner.mark}-{number}", customer=owner.customer, enrolment=enrolment, state="sent",
        due_at=NOON, sent_at=NOON, closes_at=NOON + timedelta(days=30), created_at=NOON,
    )  # fmt: skip
    return Answer.objects.create(
        invitation=invitation, survey=invitation.survey, score=score, comment=f"{owner.mark} writes",
        answered_at=NOON, changed_at=NOON,
    )  # fmt: skip


def case(owner: Shopper, number: int = 0) -> RecoveryCase:
    return RecoveryCase.objects.create(
        customer=owner.customer, order=f"{owner.mark}-{number}", source="staff", due_at=NOON, opened_at=NOON
    )


def takes_part(owner: Shopper) -> Participation:
    """Let a shopper take part in a challenge of their own name."""
    made = Challenge.objects.create(
        name=owner.mark, active=True, target=3, starts_at=NOON - timedelta(days=1), ends_at=NOON + timedelta(days=9),
        gives="points", points=5, created_at=NOON, condition="campaigns.nth_order", parameters={"n": 1000},
    )  # fmt: skip
    return Participation.objects.create(
        challenge=made, customer=owner.customer, joined_at=NOON, starts_at=NOON, ends_at=made.ends_at, counted_at=NOON
    )


def brought_a_friend(owner: Shopper) -> Referral:
    """Let a shopper have a link, and have brought a friend by it."""
    link = ReferralLink.objects.create(customer=owner.customer, code=f"{owner.name.upper()}MARK", made_at=NOON)
    return Referral.objects.create(
        order=f"{owner.mark}-friend", code=link.code, referrer=owner.customer, state="waiting", review="open", at=NOON
    )


def is_a_paying_member(owner: Shopper) -> PaidTerm:
    plan = Plan.objects.create(name=owner.mark, product=f"{owner.mark}-club")
    return PaidTerm.objects.create(
        key=owner.mark, plan=plan, customer=owner.customer, order=f"{owner.mark}-0", months=12, currency="EUR",
        ready_at=NOON, starts_at=NOON, ends_at=NOON + timedelta(days=365), made_at=NOON,
    )  # fmt: skip


def everything(owner: Shopper) -> Shopper:
    """Give a shopper one of each."""
    coupon(owner)
    give_points(owner, 120)
    pending(owner)
    answer(owner)
    case(owner)
    takes_part(owner)
    brought_a_friend(owner)
    is_a_paying_member(owner)
    claimed(owner)
    return owner
