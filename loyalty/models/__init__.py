from loyalty.models.account import Account
from loyalty.models.award import OrderAward
from loyalty.models.challenge import Challenge, ChallengeGoods, Participation
from loyalty.models.claim import Claim
from loyalty.models.correction import Correction
from loyalty.models.entry import Entry
from loyalty.models.gift import GiftMinimum, GiftPlan, GiftProgress, GiftVersion
from loyalty.models.giving import Cause, Contribution, Payout, Pledge
from loyalty.models.lot import Lot, LotMove
from loyalty.models.membership import Membership, TierMove
from loyalty.models.paid_term import PaidMember, PaidTerm
from loyalty.models.plan import Plan
from loyalty.models.present import Present
from loyalty.models.programme import Programme
from loyalty.models.rate import Rate
from loyalty.models.referral import Referral, ReferralFlag, ReferralLink
from loyalty.models.referral_terms import ReferralTerms
from loyalty.models.task import Task
from loyalty.models.reward import Reward
from loyalty.models.task import Task
from loyalty.models.tier import Tier, TierTable

__all__ = [
    "Account",
    "Cause",
    "Challenge",
    "ChallengeGoods",
    "Contribution",
    "Claim",
    "Correction",
    "Entry",
    "GiftMinimum",
    "GiftPlan",
    "GiftProgress",
    "GiftVersion",
    "Lot",
    "LotMove",
    "Membership",
    "OrderAward",
    "PaidMember",
    "PaidTerm",
    "Participation",
    "Payout",
    "Plan",
    "Pledge",
    "Present",
    "Programme",
    "Rate",
    "Reward",
    "Task",
    "Referral",
    "ReferralFlag",
    "ReferralLink",
    "ReferralTerms",
    "Task",
    "Tier",
    "TierMove",
    "TierTable",
]
