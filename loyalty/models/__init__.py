from loyalty.models.account import Account
from loyalty.models.award import OrderAward
from loyalty.models.correction import Correction
from loyalty.models.entry import Entry
from loyalty.models.lot import Lot, LotMove
from loyalty.models.membership import Membership, TierMove
from loyalty.models.paid_term import PaidMember, PaidTerm
from loyalty.models.plan import Plan
from loyalty.models.programme import Programme
from loyalty.models.rate import Rate
from loyalty.models.referral import Referral, ReferralFlag, ReferralLink
from loyalty.models.referral_terms import ReferralTerms
from loyalty.models.tier import Tier, TierTable

__all__ = [
    "Account",
    "Correction",
    "Entry",
    "Lot",
    "LotMove",
    "Membership",
    "OrderAward",
    "PaidMember",
    "PaidTerm",
    "Plan",
    "Programme",
    "Rate",
    "Referral",
    "ReferralFlag",
    "ReferralLink",
    "ReferralTerms",
    "Tier",
    "TierMove",
    "TierTable",
]
