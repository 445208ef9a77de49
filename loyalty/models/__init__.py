from loyalty.models.absence import Absence
from loyalty.models.account import Account
from loyalty.models.action import ActionAward, ActionRule
from loyalty.models.award import OrderAward
from loyalty.models.balance_import import BalanceImport, BalanceLine
from loyalty.models.challenge import Challenge, ChallengeGoods, Participation
from loyalty.models.claim import Claim
from loyalty.models.correction import Correction
from loyalty.models.donation import Donation
from loyalty.models.entry import Entry
from loyalty.models.gift import GiftMinimum, GiftPlan, GiftProgress, GiftVersion
from loyalty.models.giving import Cause, Contribution, Payout, Pledge
from loyalty.models.lot import Lot, LotMove
from loyalty.models.membership import Membership, TierMove
from loyalty.models.paid_term import PaidMember, PaidTerm
from loyalty.models.plan import Plan, PlanPause
from loyalty.models.present import Present
from loyalty.models.programme import Programme
from loyalty.models.rate import Rate
from loyalty.models.referral import Referral, ReferralFlag, ReferralLink
from loyalty.models.referral_terms import ReferralTerms
from loyalty.models.reward import Reward
from loyalty.models.rule import EarningRule
from loyalty.models.tally import CapTally
from loyalty.models.task import Task
from loyalty.models.tier import Tier, TierName, TierTable
from loyalty.models.tier_benefit import TierBenefit, TierGrant
from loyalty.models.tier_trial import TierTrial, TierTrialCount, TierTrialMove

__all__ = [
    "Absence",
    "Account",
    "ActionAward",
    "ActionRule",
    "BalanceImport",
    "BalanceLine",
    "CapTally",
    "Cause",
    "Challenge",
    "ChallengeGoods",
    "Claim",
    "Contribution",
    "Correction",
    "Donation",
    "EarningRule",
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
    "PlanPause",
    "Pledge",
    "Present",
    "Programme",
    "Rate",
    "Referral",
    "ReferralFlag",
    "ReferralLink",
    "ReferralTerms",
    "Reward",
    "Task",
    "Tier",
    "TierBenefit",
    "TierGrant",
    "TierMove",
    "TierName",
    "TierTable",
    "TierTrial",
    "TierTrialCount",
    "TierTrialMove",
]
